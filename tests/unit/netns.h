/* netns.h - a network of a test's own: the host's is neither seen nor touched. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_UNIT_NETNS_H
#define TESTS_UNIT_NETNS_H

/*
 * Moves the calling process, while it has one thread, into new user and network namespaces and
 * there makes: lo, up and with routes to all groups; veth0 (10.83.0.1/24, fd83::1/64) and its
 * peer veth1 (no address), up. 0; else why not is on stdout and main() ends with 77 (skipped).
 */
int netns_enter(void);

/* Runs a command of the shell in there; its exit status. */
int netns_run(const char *command);

#endif
