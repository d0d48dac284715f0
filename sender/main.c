/* main.c - sow: sends files by multicast to all machines that run reap. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <signal.h>

#include "common/file.h"
#include "common/log.h"
#include "sender/pump.h"
#include "sender/who.h"

#define RCVBUF  (1 << 20) /* for the answers of many receivers at once */
#define HEADERS 32        /* NORM's, beside the segment, at most */

static int check_segment(const struct conf *c, const struct netplan *plan)
{
	unsigned ip = addr_family(&plan->group) == AF_INET6 ? 40 : 20;
	unsigned headers = ip + 8 + HEADERS;

	if (!plan->mtu || c->segment + headers <= plan->mtu)
		return 0;
	return log_err(0,
		       "--segment %u: does not fit %s: its MTU is %u, and %u bytes of headers "
		       "(IP, UDP, NORM) are added; give at most %u",
		       c->segment, plan->ifname, plan->mtu, headers,
		       plan->mtu > headers ? plan->mtu - headers : 0),
	       -EINVAL;
}

/* FEC ID 5 numbers blocks by 24 bits. */
static int choose_code(struct conf *c, const struct job *job)
{
	uint64_t block = (uint64_t)c->fec.k * c->segment;

	if (job_largest(job) <= block << 24)
		return 0;
	if (c->fec_id == FEC_5)
		return log_err(0,
			       "--fec-id 5: the largest file is of more than %d blocks; give "
			       "129, or a larger --segment or --fec",
			       1 << 24),
		       -EINVAL;
	c->fec_id = FEC_129;
	return 0;
}

static int plan_network(const struct conf *c, struct netplan *plan)
{
	char error[NETOPT_TEXT];
	int r = netopt_resolve(&c->net, NETOPT_SENDER, plan, error);

	if (r < 0)
		return log_err(0, "%s", error), r;
	if (plan->note[0])
		log_info("%s", plan->note);
	if (plan->warning[0])
		log_warn(0, "%s", plan->warning);
	if (!plan->rcvbuf)
		plan->rcvbuf = RCVBUF;
	return check_segment(c, plan);
}

/* What an error before the transfer means as an exit status. */
static int status_of(int r)
{
	return r == -EINVAL ? EXIT_USAGE : EXIT_SYSTEM;
}

static int transfer(const struct conf *c, const struct netplan *plan, struct job *job,
		    struct expected *expected)
{
	struct report report;
	struct pump_conf pc = {
		.conf = c,
		.plan = plan,
		.job = job,
		.report = &report,
		.expected = expected,
	};
	struct pump *pump;
	int r = rates_choose(&pc.rates, c, plan);

	if (r < 0)
		return status_of(r);
	report_init(&report, c, plan, &pc.rates, expected);
	report_plan(&report, job);
	r = pump_new(&pump, &pc);
	if (r < 0)
		return EXIT_SYSTEM;
	r = pump_run(pump);
	pump_free(pump);
	return r;
}

static int run(struct conf *c)
{
	struct job_conf jc = { .plain = c->profile == PROFILE_NORM, .segment = c->segment };
	struct expected *expected = NULL;
	struct netplan plan;
	struct job *job;
	int r = job_new(&job, c->paths, c->n_paths, &jc);

	if (r < 0)
		return status_of(r);
	r = choose_code(c, job);
	if (r == 0 && c->to.n)
		r = expected_new(&expected, &c->to);
	if (r == 0)
		r = plan_network(c, &plan);
	r = r < 0 ? status_of(r) : transfer(c, &plan, job, expected);
	expected_free(expected);
	job_free(job);
	return r;
}

static int count(const struct conf *c)
{
	struct netplan plan;
	int r = plan_network(c, &plan);

	return r < 0 ? status_of(r) : who_run(c, &plan);
}

int main(int argc, char **argv)
{
	struct conf conf;
	int r;

	log_init("sow");
	file_keep_std();
	signal(SIGPIPE, SIG_IGN);
	r = conf_read(&conf, argc, argv);
	if (r == 0)
		r = conf.who ? count(&conf) : run(&conf);
	else
		r = r < 0 ? EXIT_USAGE : EXIT_ALL;
	conf_fini(&conf);
	return r;
}
