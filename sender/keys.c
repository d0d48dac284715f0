/* keys.c - single keys on the terminal, as commands. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "sender/keys.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "common/file.h"

#define ASK "drop which receiver? (name, node or address) "

const int keys_signals[] = { SIGTSTP, SIGCONT, SIGQUIT };
const unsigned keys_n_signals = sizeof(keys_signals) / sizeof(keys_signals[0]);

/* They end the process before anybody could call keys_free(). */
static const int fatal[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };

struct keys {
	struct loop *loop;
	uint32_t tag;
	bool asking, ready;
	bool hung, gone;  /* the terminal is about to be, and is no more */
	char pending[64]; /* keys that were read, */
	size_t n_pending, next;
	char line[COMMAND_LINE_MAX + 1]; /* what is being typed, after "drop " */
	size_t len;
};

/* What a signal handler needs. */
static struct termios before;
static volatile sig_atomic_t taken;

/* --- the terminal --- */

static bool in_foreground(void)
{
	return tcgetpgrp(STDIN_FILENO) == getpgrp();
}

/* In the background the shell, or another job, has set it as it needs it. */
static void give_back(void)
{
	if (taken && in_foreground())
		tcsetattr(STDIN_FILENO, TCSANOW, &before);
	taken = 0;
}

static void on_fatal(int signo)
{
	give_back();
	signal(signo, SIG_DFL);
	raise(signo);
}

static void take(struct keys *k)
{
	struct termios raw;

	if (taken || k->gone || !in_foreground() || tcgetattr(STDIN_FILENO, &before) < 0)
		return;
	raw = before;
	raw.c_lflag &= (tcflag_t) ~(ICANON | ECHO);
	raw.c_cc[VMIN] = 0; /* read() does not wait */
	raw.c_cc[VTIME] = 0;
	taken = 1;
	if (tcsetattr(STDIN_FILENO, TCSANOW, &raw) < 0 ||
	    loop_add(k->loop, STDIN_FILENO, LOOP_READ, k->tag) < 0)
		give_back();
}

static void leave(struct keys *k)
{
	if (taken)
		loop_remove(k->loop, STDIN_FILENO);
	give_back();
}

bool keys_possible(void)
{
	return isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1;
}

int keys_new(struct keys **ret, struct loop *loop, uint32_t tag)
{
	struct keys *k = calloc(1, sizeof(*k));

	if (!k)
		return -ENOMEM;
	*k = (struct keys){ .loop = loop, .tag = tag };
	for (size_t i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++)
		signal(fatal[i], on_fatal);
	take(k);
	*ret = k;
	return 0;
}

void keys_free(struct keys *k)
{
	if (!k)
		return;
	leave(k);
	free(k);
}

bool keys_signal(struct keys *k, int signo)
{
	if (signo == SIGTSTP) {
		leave(k);
		raise(SIGSTOP);
		take(k);
		return true;
	}
	if (signo != SIGCONT)
		return false;
	take(k);
	return true;
}

/* --- keys --- */

static void say(const char *text)
{
	file_write_all(STDERR_FILENO, text, strlen(text));
}

void keys_event(struct keys *k, const struct loop_event *ev)
{
	if (!k || ev->tag != k->tag)
		return;
	k->ready = true;
	k->hung |= (ev->ready & LOOP_ERROR) != 0;
}

static bool next_key(struct keys *k, char *ret)
{
	if (k->next == k->n_pending && k->ready && taken) {
		ssize_t n = read(STDIN_FILENO, k->pending, sizeof(k->pending));

		k->next = 0;
		k->n_pending = n > 0 ? (size_t)n : 0;
		k->ready = false;
		if (n <= 0 && k->hung) {
			k->gone = true;
			leave(k);
		}
	}
	if (k->next == k->n_pending)
		return false;
	*ret = k->pending[k->next++];
	return true;
}

static bool give(const char *text, const char **ret, size_t *ret_len)
{
	*ret = text;
	*ret_len = strlen(text);
	return true;
}

static void ask(struct keys *k)
{
	k->asking = true;
	memcpy(k->line, "drop ", 5);
	k->len = 5;
	say(ASK);
}

/* A key while a name is being typed. True: it is complete. */
static bool type(struct keys *k, char key)
{
	switch (key) {
	case '\n':
	case '\r':
		say("\n");
		k->asking = false;
		return k->len > 5;
	case '\033':
	case 'U' - '@':
		say("\n");
		k->asking = false;
		return false;
	case '\b':
	case '\177':
		if (k->len > 5) {
			k->len--;
			say("\b \b");
		}
		return false;
	default:
		if ((unsigned char)key < ' ' || k->len == COMMAND_LINE_MAX)
			return false;
		k->line[k->len++] = key;
		file_write_all(STDERR_FILENO, &key, 1);
		return false;
	}
}

bool keys_line(struct keys *k, bool paused, const char **ret, size_t *ret_len)
{
	char key;

	while (k && next_key(k, &key)) {
		if (k->asking) {
			if (!type(k, key))
				continue;
			k->line[k->len] = '\0';
			return give(k->line, ret, ret_len);
		}
		switch (key) {
		case 's':
			return give("start", ret, ret_len);
		case 'p':
			return give(paused ? "resume" : "pause", ret, ret_len);
		case 'q':
			return give("quit", ret, ret_len);
		case 'd':
			ask(k);
			break;
		default:
			break;
		}
	}
	return false;
}

bool keys_asking(const struct keys *k)
{
	return k && k->asking;
}
