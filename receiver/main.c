/* main.c - reap: receives files by multicast. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/file.h"
#include "common/log.h"
#include "receiver/conf.h"
#include "receiver/receiver.h"
#include "receiver/report.h"

#include <signal.h>

int main(int argc, char **argv)
{
	struct conf conf;
	int r;

	log_init("reap");
	file_keep_std();
	signal(SIGPIPE, SIG_IGN); /* a reader that went away, */
	signal(SIGXFSZ, SIG_IGN); /* a limit on file sizes: errors of write() */
	r = conf_read(&conf, argc, argv);
	if (r == 0)
		r = receiver_run(&conf);
	else
		r = r < 0 ? STATUS_USAGE : STATUS_OK;
	conf_fini(&conf);
	return r;
}
