/* words.h - a command line cut into words, and the program that it names. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef RECEIVER_WORDS_H
#define RECEIVER_WORDS_H

/*
 * Cuts `text` at blanks. Within '...' every byte stands for itself; elsewhere a backslash makes
 * the next byte do so, and "..." keeps blanks. Nothing is expanded. The words, ended by NULL,
 * are one piece of memory that the caller frees. 0; -EINVAL: a quote is not closed, a backslash
 * stands at the end, or there is no word; -ENOMEM.
 */
int words_split(const char *text, char ***ret);

/*
 * The file that a shell would run for `name`: itself if there is a slash in it, else the first
 * of that name in the directories of PATH. The caller frees *ret. 0, -ENOENT, -EACCES (there is
 * one, but it may not be run), -ENOMEM.
 */
int words_program(const char *name, char **ret);

#endif
