/* norm_peer.cpp - a file sender and receiver on NRL's libnorm: the peer in tests and
 * benchmarks. */
/* SPDX-License-Identifier: BSD-2-Clause */

#include <errno.h>
#include <getopt.h>
#include <normApi.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char usage[] =
	"usage: norm_peer send [options] FILE...   the name of each file travels as its "
	"NORM_INFO\n"
	"       norm_peer recv [options] DIR       an object appears in DIR when it is "
	"complete\n"
	"both:  --group ADDR --port N --interface IF --id N --buffer MIB --sockbuf BYTES\n"
	"       --linger SEC (answer for so long after the work is done) --debug LEVEL\n"
	"send:  --receivers N (wait for an acknowledgement of the nodes 2..N+1)\n"
	"       --rate MBIT --cc --fec 5|129 --segment N --block N --parity N --auto-parity N\n"
	"       --grtt SEC --backoff K --robust N\n"
	"recv:  --count N (end after so many objects; 0: go on) --unicast --idle SEC (then "
	"exit 4)\n";

struct conf {
	bool sends;
	const char *group = "239.83.87.2", *ifname = nullptr, *dir = nullptr;
	char **files = nullptr;
	int n_files = 0, port = 6003, id = 0, buffer = 64, sockbuf = 4 << 20, debug = 0;
	int receivers = 0, fec = 5, segment = 1400, block = 64, parity = 16, auto_parity = 0;
	int robust = 20, count = 0;
	bool cc = false, unicast = false;
	double rate = 50, grtt = 0.02, backoff = 2, linger = 1, idle = 0;
};

static double now()
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool set_option(struct conf *conf, const char *name, const char *value)
{
	struct {
		const char *name;
		int *i;
		double *d;
		const char **s;
	} table[] = {
		{ "auto-parity", &conf->auto_parity, nullptr, nullptr },
		{ "backoff", nullptr, &conf->backoff, nullptr },
		{ "block", &conf->block, nullptr, nullptr },
		{ "buffer", &conf->buffer, nullptr, nullptr },
		{ "count", &conf->count, nullptr, nullptr },
		{ "debug", &conf->debug, nullptr, nullptr },
		{ "fec", &conf->fec, nullptr, nullptr },
		{ "group", nullptr, nullptr, &conf->group },
		{ "grtt", nullptr, &conf->grtt, nullptr },
		{ "id", &conf->id, nullptr, nullptr },
		{ "idle", nullptr, &conf->idle, nullptr },
		{ "interface", nullptr, nullptr, &conf->ifname },
		{ "linger", nullptr, &conf->linger, nullptr },
		{ "parity", &conf->parity, nullptr, nullptr },
		{ "port", &conf->port, nullptr, nullptr },
		{ "rate", nullptr, &conf->rate, nullptr },
		{ "receivers", &conf->receivers, nullptr, nullptr },
		{ "robust", &conf->robust, nullptr, nullptr },
		{ "segment", &conf->segment, nullptr, nullptr },
		{ "sockbuf", &conf->sockbuf, nullptr, nullptr },
	};

	for (auto &t : table) {
		if (strcmp(t.name, name))
			continue;
		if (t.i)
			*t.i = atoi(value);
		else if (t.d)
			*t.d = atof(value);
		else
			*t.s = value;
		return true;
	}
	return false;
}

static bool parse(struct conf *conf, int argc, char **argv)
{
	int i = 2;

	if (argc < 3 || (strcmp(argv[1], "send") && strcmp(argv[1], "recv")))
		return false;
	conf->sends = !strcmp(argv[1], "send");
	conf->id = conf->sends ? 1 : 2;
	for (; i < argc && !strncmp(argv[i], "--", 2); i++) {
		if (!strcmp(argv[i], "--cc"))
			conf->cc = true;
		else if (!strcmp(argv[i], "--unicast"))
			conf->unicast = true;
		else if (i + 1 == argc || !set_option(conf, argv[i] + 2, argv[i + 1]))
			return false;
		else
			i++;
	}
	conf->files = argv + i;
	conf->n_files = argc - i;
	conf->dir = argv[i];
	return conf->n_files >= 1 && (conf->sends || conf->n_files == 1);
}

/* The next event within `sec` seconds; false when there was none. */
static bool next_event(NormInstanceHandle inst, NormEvent *ev, double sec)
{
	struct pollfd pfd = { NormGetDescriptor(inst), POLLIN, 0 };
	int ms = sec < 0 ? 0 : sec > 3600 ? 3600000 : (int)(sec * 1e3 + 0.5);

	if (poll(&pfd, 1, ms) <= 0)
		return false;
	return NormGetNextEvent(inst, ev, false);
}

static void answer_for(NormInstanceHandle inst, double sec)
{
	double end = now() + sec;
	NormEvent ev;

	while (now() < end)
		next_event(inst, &ev, end - now());
}

static int n_acked(NormSessionHandle ses)
{
	NormNodeId id = NORM_NODE_NONE;
	NormAckingStatus status;
	int n = 0;

	while (NormGetNextAckingNode(ses, &id, &status))
		n += status == NORM_ACK_SUCCESS;
	return n;
}

static bool start_sender(NormSessionHandle ses, const struct conf *conf)
{
	NormSetGrttEstimate(ses, conf->grtt);
	NormSetGrttMax(ses, 5.0);
	NormSetGrttProbingInterval(ses, 0.02, 0.5);
	NormSetGroupSize(ses, conf->receivers < 10 ? 10 : conf->receivers);
	NormSetBackoffFactor(ses, conf->backoff);
	NormSetTxRobustFactor(ses, conf->robust);
	NormSetTxCacheBounds(ses, (NormSize)1 << 40, 8, 1024);
	NormSetTxRate(ses, conf->rate * 1e6 / (conf->cc ? 4 : 1));
	if (conf->cc) {
		NormSetCongestionControl(ses, true);
		NormSetTxRateBounds(ses, 10e6, conf->rate * 1e6);
	}
	if (!NormStartSender(ses, 1, (UINT32)conf->buffer << 20, (UINT16)conf->segment,
			     (UINT16)conf->block, (UINT16)conf->parity, (UINT8)conf->fec))
		return false;
	NormSetTxSocketBuffer(ses, conf->sockbuf);
	NormSetRxSocketBuffer(ses, conf->sockbuf);
	NormSetAutoParity(ses, conf->auto_parity);
	for (int i = 0; i < conf->receivers; i++)
		NormAddAckingNode(ses, 2 + i);
	return true;
}

/* Until every receiver acknowledged the last object; three rounds without progress are the
 * end. Without a list of receivers a completed flush has to do. */
static int await_delivery(NormInstanceHandle inst, NormSessionHandle ses, int receivers)
{
	int best = 0, stuck = 0;
	NormEvent ev;

	while (NormGetNextEvent(inst, &ev)) {
		if (ev.type == NORM_TX_FLUSH_COMPLETED && !receivers)
			return 0;
		if (ev.type != NORM_TX_WATERMARK_COMPLETED || !receivers)
			continue;
		int acked = n_acked(ses);

		if (acked == receivers)
			return 0;
		stuck = acked > best ? 0 : stuck + 1;
		best = acked > best ? acked : best;
		if (stuck > 3)
			return 4;
		NormResetWatermark(ses);
	}
	return 2;
}

static int send_files(NormInstanceHandle inst, NormSessionHandle ses, const struct conf *conf)
{
	NormObjectHandle obj = NORM_OBJECT_INVALID;
	double start = now();

	if (!start_sender(ses, conf)) {
		fprintf(stderr, "norm_peer: cannot start the sender\n");
		return 2;
	}
	for (int i = 0; i < conf->n_files; i++) {
		const char *name = base_name(conf->files[i]);

		obj = NormFileEnqueue(ses, conf->files[i], name, (unsigned)strlen(name));
		if (obj == NORM_OBJECT_INVALID) {
			fprintf(stderr, "norm_peer: cannot send %s\n", conf->files[i]);
			return 2;
		}
	}
	if (conf->receivers)
		NormSetWatermark(ses, obj);
	int r = await_delivery(inst, ses, conf->receivers);

	printf("{\"ok\":%s,\"secs\":%.6f,\"acked\":%d,\"grtt\":%.6f}\n", r ? "false" : "true",
	       now() - start, n_acked(ses), NormGetGrttEstimate(ses));
	fflush(stdout);
	answer_for(inst, conf->linger);
	return r;
}

/* The object's INFO is its name; one that is not a plain name is refused. */
static bool deliver(NormObjectHandle obj, const char *dir)
{
	char from[4096], to[8192], name[1500];
	UINT16 len = NormObjectGetInfo(obj, name, sizeof(name) - 1);

	name[len] = '\0';
	if (!len || strchr(name, '/') || name[0] == '.') {
		fprintf(stderr, "norm_peer: an object without a usable name\n");
		return false;
	}
	snprintf(to, sizeof(to), "%s/%s", dir, name);
	if (!NormFileGetName(obj, from, sizeof(from)) || rename(from, to)) {
		fprintf(stderr, "norm_peer: %s: %s\n", to, strerror(errno));
		return false;
	}
	printf("complete %s %lld\n", name, (long long)NormObjectGetSize(obj));
	fflush(stdout);
	return true;
}

static int recv_files(NormInstanceHandle inst, NormSessionHandle ses, const struct conf *conf)
{
	int n = 0;
	NormEvent ev;

	NormSetCacheDirectory(inst, conf->dir);
	NormSetRxCacheLimit(ses, 4096);
	NormSetDefaultUnicastNack(ses, conf->unicast);
	NormSetDefaultSyncPolicy(ses, NORM_SYNC_ALL);
	if (!NormStartReceiver(ses, (UINT32)conf->buffer << 20)) {
		fprintf(stderr, "norm_peer: cannot start the receiver\n");
		return 2;
	}
	NormSetRxSocketBuffer(ses, conf->sockbuf);
	while (!conf->count || n < conf->count) {
		if (!next_event(inst, &ev, conf->idle > 0 ? conf->idle : 3600)) {
			if (conf->idle > 0)
				return 4;
			continue;
		}
		if (ev.type == NORM_RX_OBJECT_COMPLETED && deliver(ev.object, conf->dir))
			n++;
		if (ev.type == NORM_RX_OBJECT_ABORTED)
			fprintf(stderr, "norm_peer: an object was aborted\n");
	}
	answer_for(inst, conf->linger);
	return 0;
}

int main(int argc, char **argv)
{
	struct conf conf;

	if (!parse(&conf, argc, argv)) {
		fputs(usage, stderr);
		return 1;
	}
	NormInstanceHandle inst = NormCreateInstance(false);
	NormSessionHandle ses =
		NormCreateSession(inst, conf.group, (UINT16)conf.port, (NormNodeId)conf.id);

	if (ses == NORM_SESSION_INVALID) {
		fprintf(stderr, "norm_peer: no session on %s:%d\n", conf.group, conf.port);
		return 2;
	}
	if (conf.debug)
		NormSetDebugLevel(conf.debug);
	if (conf.ifname)
		NormSetMulticastInterface(ses, conf.ifname);
	NormSetTTL(ses, 1);
	int r = conf.sends ? send_files(inst, ses, &conf) : recv_files(inst, ses, &conf);

	fflush(stdout);
	_Exit(r); /* the threads of libnorm end with the process */
}
