/* words.c - a command line cut into words, and the program that it names. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "receiver/words.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where execvp() looks when there is no PATH. */
#define PATH_DEFAULT "/usr/local/bin:/bin:/usr/bin"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

/* Copies one word without its quotes and moves *text behind it. 0 or -EINVAL. */
static int take_word(const char **text, char **out)
{
	const char *p = *text;
	char quote = 0;

	for (; *p && (quote || !is_blank(*p)); p++) {
		if (*p == quote) {
			quote = 0;
		} else if (!quote && (*p == '\'' || *p == '"')) {
			quote = *p;
		} else {
			p += *p == '\\' && quote != '\'';
			if (!*p)
				return -EINVAL;
			*(*out)++ = *p;
		}
	}
	*(*out)++ = '\0';
	*text = p;
	return quote ? -EINVAL : 0;
}

/* There is a blank between two words, so they are at most (len + 1) / 2. */
int words_split(const char *text, char ***ret)
{
	size_t len = strlen(text), n = 0;
	char **words = calloc((len + 1) / 2 + 1 + len / sizeof(char *) + 1, sizeof(char *));
	char *out;
	int r = 0;

	if (!words)
		return -ENOMEM;
	out = (char *)(words + (len + 1) / 2 + 1);
	while (r == 0) {
		while (is_blank(*text))
			text++;
		if (!*text)
			break;
		words[n++] = out;
		r = take_word(&text, &out);
	}
	if (n == 0)
		r = -EINVAL;
	if (r < 0)
		free(words);
	else
		*ret = words;
	return r;
}

static int may_run(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) && access(path, X_OK) == 0 ? 0 : -EACCES;
}

static int copy(const char *path, char **ret)
{
	char *to = strdup(path);

	if (!to)
		return -ENOMEM;
	*ret = to;
	return 0;
}

int words_program(const char *name, char **ret)
{
	const char *dirs = getenv("PATH");
	bool forbidden = false;
	char path[4096];
	int r;

	if (strchr(name, '/')) {
		r = may_run(name);
		return r < 0 ? r : copy(name, ret);
	}
	if (!dirs)
		dirs = PATH_DEFAULT;
	for (const char *end; *dirs && *name; dirs = *end ? end + 1 : end) {
		end = strchrnul(dirs, ':');
		if ((size_t)snprintf(path, sizeof(path), "%.*s%s%s", (int)(end - dirs), dirs,
				     end > dirs ? "/" : "./", name) >= sizeof(path))
			continue;
		r = may_run(path);
		if (r == 0)
			return copy(path, ret);
		forbidden |= r == -EACCES;
	}
	return forbidden ? -EACCES : -ENOENT;
}
