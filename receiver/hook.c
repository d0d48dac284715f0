/* hook.c - a program of the user's, run for each file or job that came to its end. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "receiver/hook.h"

#include "common/digest.h"
#include "receiver/words.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <net/if.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define GRACE    (5 * NSEC_PER_SEC) /* between SIGTERM and SIGKILL */
#define VARS_MAX 11
#define MARK     "SOW_" /* what we set begins with it; what we were given does not pass */

struct run {
	struct run *next;
	struct hook_end end;
	char *vars[VARS_MAX];
	unsigned n_vars;
	pid_t pid;
	nsec_t began_at, kill_at; /* NSEC_NEVER: killed */
	bool late;                /* told to end */
};

struct queue {
	struct run *first, **last;
};

/*
 *	waiting --room--> running --it ended--> done --hook_take()--> taken
 */
struct hook {
	struct hook_conf conf;
	char **words, *program;
	struct run *running, *taken;
	struct queue waiting, done;
	unsigned n_running, n_waiting;
	bool look; /* some child ended */
};

/* --- what it is told --- */

static void run_free(struct run *run)
{
	if (!run)
		return;
	for (unsigned i = 0; i < run->n_vars; i++)
		free(run->vars[i]);
	free(run);
}

static int set(struct run *run, const char *key, const char *value)
{
	char *var;

	if (asprintf(&var, MARK "%s=%s", key, value ? value : "") < 0)
		return -ENOMEM;
	run->vars[run->n_vars++] = var;
	return 0;
}

static int set_origin(struct run *run, const struct hook_origin *from)
{
	char text[ADDR_TEXT], port[8], name[IF_NAMESIZE] = "";
	int r = set(run, "PEERADDR", addr_format_host(&from->peer, text));

	snprintf(port, sizeof(port), "%u", addr_port(&from->peer));
	if_indextoname(from->ifindex, name);
	if (r == 0)
		r = set(run, "PEERPORT", port);
	if (r == 0)
		r = set(run, "LOCADDR", addr_format_host(&from->local, text));
	if (r == 0)
		r = set(run, "DSTADDR", addr_format_host(&from->destination, text));
	return r == 0 ? set(run, "IF", name) : r;
}

static int set_path(struct run *run, const char *output, const char *path)
{
	char *whole = NULL;
	int r;

	if (path && asprintf(&whole, "%s%s%s", output, *path ? "/" : "", path) < 0)
		return -ENOMEM;
	r = set(run, "PATH", whole);
	free(whole);
	return r;
}

static int set_all(struct run *run, const char *output, const struct hook_news *news)
{
	char size[24], hex[SHA256_HEX_LEN + 1] = "";
	int r = set(run, "JOB", news->job);

	snprintf(size, sizeof(size), "%" PRIu64, news->size);
	if (news->digest)
		digest_hex(news->digest, hex);
	if (r == 0)
		r = set(run, "NAME", news->name);
	if (r == 0)
		r = set_path(run, output, news->path);
	if (r == 0)
		r = set(run, "SIZE", size);
	if (r == 0)
		r = set(run, "STATUS", news->status);
	if (r == 0)
		r = set(run, "DIGEST", hex);
	return r == 0 ? set_origin(run, news->origin) : r;
}

/* Ours, and what we were given ourselves. The caller frees the list. */
static char **environment(const struct run *run)
{
	size_t n = 0, len = 0;
	char **env;

	while (environ[n])
		n++;
	env = calloc(n + run->n_vars + 1, sizeof(*env));
	if (!env)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (strncmp(environ[i], MARK, strlen(MARK)) != 0)
			env[len++] = environ[i];
	memcpy(env + len, run->vars, run->n_vars * sizeof(*env));
	return env;
}

/* --- beginning and end of a run --- */

static void push(struct queue *q, struct run *run)
{
	run->next = NULL;
	*q->last = run;
	q->last = &run->next;
}

static struct run *pull(struct queue *q)
{
	struct run *run = q->first;

	if (run && !(q->first = run->next))
		q->last = &q->first;
	return run;
}

/* Standard output is for our own report; what the hook writes goes to standard error. */
static int set_files(posix_spawn_file_actions_t *files)
{
	int r = posix_spawn_file_actions_addopen(files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);

	if (r == 0)
		r = posix_spawn_file_actions_adddup2(files, STDERR_FILENO, STDOUT_FILENO);
	if (r == 0)
		r = posix_spawn_file_actions_addclosefrom_np(files, STDERR_FILENO + 1);
	return r;
}

/* A group of its own, to be ended as a whole; signals as if we had changed nothing. */
static void set_attributes(posix_spawnattr_t *attr)
{
	sigset_t none, ours;

	sigemptyset(&none);
	sigemptyset(&ours);
	sigaddset(&ours, SIGPIPE);
	sigaddset(&ours, SIGXFSZ);
	posix_spawnattr_setsigmask(attr, &none);
	posix_spawnattr_setsigdefault(attr, &ours);
	posix_spawnattr_setpgroup(attr, 0);
	posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
					       POSIX_SPAWN_SETPGROUP);
}

static int spawn(const struct hook *h, struct run *run)
{
	char **env = environment(run);
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	int r;

	if (!env)
		return -ENOMEM;
	r = posix_spawn_file_actions_init(&files);
	if (r == 0) {
		posix_spawnattr_init(&attr);
		set_attributes(&attr);
		r = set_files(&files);
		if (r == 0)
			r = posix_spawn(&run->pid, h->program, &files, &attr, h->words, env);
		posix_spawnattr_destroy(&attr);
		posix_spawn_file_actions_destroy(&files);
	}
	free(env);
	return -r;
}

static void begin(struct hook *h, struct run *run, nsec_t now)
{
	int r = spawn(h, run);

	if (r < 0) {
		snprintf(run->end.failed, HOOK_TEXT, "cannot be run: %s", strerror(-r));
		push(&h->done, run);
		return;
	}
	run->began_at = now;
	run->kill_at = now + h->conf.timeout;
	run->next = h->running;
	h->running = run;
	h->n_running++;
}

static void judge(struct hook *h, struct run *run, const siginfo_t *info)
{
	char *text = run->end.failed;

	if (run->late)
		snprintf(text, HOOK_TEXT, "not done within %.3g s",
			 (double)h->conf.timeout / NSEC_PER_SEC);
	else if (info->si_code != CLD_EXITED)
		snprintf(text, HOOK_TEXT, "signal %d", info->si_status);
	else if (info->si_status != 0)
		snprintf(text, HOOK_TEXT, "exit %d", info->si_status);
}

/* Whether it ended. Until it is waited for its group's number is nobody else's. */
static bool ended(struct hook *h, struct run *run)
{
	siginfo_t info = { 0 };

	if (waitid(P_PID, (id_t)run->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	    info.si_pid == 0)
		return false;
	if (run->late)
		kill(-run->pid, SIGKILL);
	waitid(P_PID, (id_t)run->pid, &info, WEXITED | WNOHANG);
	judge(h, run, &info);
	return true;
}

static void press(struct run *run, nsec_t now)
{
	if (now < run->kill_at)
		return;
	kill(-run->pid, run->late ? SIGKILL : SIGTERM);
	run->kill_at = run->late ? NSEC_NEVER : now + GRACE;
	run->late = true;
}

/* --- in and out --- */

int hook_new(struct hook **ret, const struct hook_conf *conf)
{
	struct hook *h = calloc(1, sizeof(*h));
	int r;

	if (!h)
		return -ENOMEM;
	h->conf = *conf;
	h->waiting.last = &h->waiting.first;
	h->done.last = &h->done.first;
	r = words_split(conf->command, &h->words);
	if (r == 0)
		r = words_program(h->words[0], &h->program);
	if (r < 0)
		hook_free(h);
	else
		*ret = h;
	return r;
}

void hook_free(struct hook *h)
{
	struct run *run;

	if (!h)
		return;
	while ((run = pull(&h->waiting)) || (run = pull(&h->done)))
		run_free(run);
	while ((run = h->running)) {
		h->running = run->next;
		run_free(run);
	}
	run_free(h->taken);
	free(h->words);
	free(h->program);
	free(h);
}

int hook_add(struct hook *h, const struct hook_news *news, void *owner, uint64_t object)
{
	struct run *run;
	int r;

	if (h->n_waiting == HOOK_WAITING_MAX)
		return -ENOBUFS;
	run = calloc(1, sizeof(*run));
	if (!run)
		return -ENOMEM;
	r = set_all(run, h->conf.output, news);
	if (r < 0) {
		run_free(run);
		return r;
	}
	run->end.owner = owner;
	run->end.object = object;
	run->end.name = run->vars[1] + strlen(MARK "NAME=");
	push(&h->waiting, run);
	h->n_waiting++;
	return 0;
}

void hook_child(struct hook *h)
{
	h->look = true;
}

void hook_go(struct hook *h, nsec_t now)
{
	struct run **at = &h->running;

	while (*at) {
		struct run *run = *at;

		if (!h->look || !ended(h, run)) {
			press(run, now);
			at = &run->next;
			continue;
		}
		*at = run->next;
		h->n_running--;
		run->end.time = now - run->began_at;
		push(&h->done, run);
	}
	h->look = false;
	while (h->n_running < h->conf.parallel && h->waiting.first) {
		h->n_waiting--;
		begin(h, pull(&h->waiting), now);
	}
}

bool hook_take(struct hook *h, struct hook_end *ret)
{
	run_free(h->taken);
	h->taken = pull(&h->done);
	if (!h->taken)
		return false;
	*ret = h->taken->end;
	return true;
}

nsec_t hook_deadline(const struct hook *h)
{
	nsec_t at = NSEC_NEVER;

	for (const struct run *run = h->running; run; run = run->next)
		at = MIN(at, run->kill_at);
	return at;
}
