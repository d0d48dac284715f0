/* blast.c - multicast without any reliability: what this machine and its network can carry. */
/* SPDX-License-Identifier: BSD-2-Clause */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum {
	MAGIC = 0x424c4153,
	HEADER = 16,
	PAYLOAD = 1456,
	FRAME = PAYLOAD + HEADER + 8 + 20 + 14, /* UDP, IPv4, Ethernet */
	SEGMENTS = 44,
	BATCH = 2,
	RX_BATCH = 16,
	RX_BUFFER = 65536,
	WRITE = 131072, /* bytes of one write, hashed while they are in the cache */
};

static const uint32_t end_mark = UINT32_MAX;

struct header {
	uint32_t magic, seq;
	uint64_t total;
};
_Static_assert(sizeof(struct header) == HEADER, "no padding");

struct conf {
	const char *file, *out, *group, *ifname;
	bool hash;
	int port, rcvbuf;
	double mbit, idle;
};

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static void check(bool good, const char *what)
{
	if (good)
		return;
	perror(what);
	exit(2);
}

/* SHA-256 of what is sent, or written. */
static EVP_MD_CTX *hash_new(bool wanted)
{
	EVP_MD_CTX *h = wanted ? EVP_MD_CTX_new() : NULL;

	check(!wanted || (h && EVP_DigestInit_ex(h, EVP_sha256(), NULL)), "SHA-256");
	return h;
}

static void hash_add(EVP_MD_CTX *h, const void *data, size_t len)
{
	check(!h || EVP_DigestUpdate(h, data, len), "SHA-256");
}

static void hash_print(EVP_MD_CTX *h)
{
	uint8_t sum[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	check(!h || EVP_DigestFinal_ex(h, sum, &len), "SHA-256");
	printf("\"sha256\":\"");
	for (unsigned i = 0; i < len; i++)
		printf("%02x", sum[i]);
	printf("\"}\n");
	EVP_MD_CTX_free(h);
}

static int udp_socket(const struct conf *conf, struct sockaddr_in *group, struct ip_mreqn *mreq)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	check(fd >= 0, "socket");
	*group = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(conf->port) };
	check(inet_pton(AF_INET, conf->group, &group->sin_addr) == 1, conf->group);
	*mreq = (struct ip_mreqn){ .imr_multiaddr = group->sin_addr,
				   .imr_ifindex = (int)if_nametoindex(conf->ifname) };
	check(mreq->imr_ifindex > 0, conf->ifname);
	return fd;
}

static int tx_socket(const struct conf *conf)
{
	struct sockaddr_in group;
	struct ip_mreqn mreq;
	int fd = udp_socket(conf, &group, &mreq), no = 0, size = PAYLOAD + HEADER;

	check(!setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &mreq, sizeof(mreq)),
	      "IP_MULTICAST_IF");
	check(!setsockopt(fd, IPPROTO_IP, IP_MULTICAST_LOOP, &no, sizeof(no)),
	      "IP_MULTICAST_LOOP");
	check(!setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &size, sizeof(size)), "UDP_SEGMENT");
	check(!connect(fd, (struct sockaddr *)&group, sizeof(group)), "connect");
	return fd;
}

/* One call's worth of datagrams from seq on; returns how many segments it holds. */
static uint32_t fill(struct mmsghdr msgs[BATCH], int *n_msgs, const uint8_t *map,
		     uint64_t total, uint32_t seq)
{
	static struct header headers[BATCH][SEGMENTS];
	static struct iovec iov[BATCH][2 * SEGMENTS];
	uint32_t first = seq;

	for (*n_msgs = 0; *n_msgs < BATCH && (uint64_t)seq * PAYLOAD < total; ++*n_msgs) {
		int m = *n_msgs, k = 0;

		for (; k < SEGMENTS && (uint64_t)seq * PAYLOAD < total; k++, seq++) {
			uint64_t off = (uint64_t)seq * PAYLOAD;
			size_t len = total - off < PAYLOAD ? total - off : PAYLOAD;

			headers[m][k] = (struct header){ MAGIC, seq, total };
			iov[m][2 * k] = (struct iovec){ &headers[m][k], HEADER };
			iov[m][2 * k + 1] = (struct iovec){ (void *)(map + off), len };
		}
		msgs[m] = (struct mmsghdr){ .msg_hdr = { .msg_iov = iov[m],
							 .msg_iovlen = 2 * (size_t)k } };
	}
	return seq - first;
}

static void send_all(int fd, struct mmsghdr *msgs, int n)
{
	for (int done = 0; done < n;) {
		int r = sendmmsg(fd, msgs + done, (unsigned)(n - done), 0);

		check(r > 0 || errno == ENOBUFS || errno == EINTR, "sendmmsg");
		done += r > 0 ? r : errno == ENOBUFS;
	}
}

/* At most 2 ms of debt are made good by a burst. */
static double pace(double due, double sec)
{
	double t = now();

	due += sec;
	if (due <= t)
		return t - due > 0.002 ? t - 0.002 : due;
	struct timespec ts = { (time_t)due, (long)((due - (double)(time_t)due) * 1e9) };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
	return due;
}

static void send_end(int fd, uint64_t total)
{
	const struct timespec nap = { 0, 5000000 };
	struct header end = { MAGIC, end_mark, total };

	for (int i = 0; i < 10; i++) {
		nanosleep(&nap, NULL); /* a shaper's queue drains meanwhile */
		if (send(fd, &end, sizeof(end), 0) < 0 && errno != ENOBUFS)
			return;
	}
}

static int sender(const struct conf *conf)
{
	int file = open(conf->file, O_RDONLY | O_CLOEXEC), fd = tx_socket(conf), n_msgs;
	EVP_MD_CTX *h = hash_new(conf->hash);
	struct mmsghdr msgs[BATCH];
	struct stat st;

	check(file >= 0 && !fstat(file, &st), conf->file);
	uint64_t total = (uint64_t)st.st_size;
	const uint8_t *map = mmap(NULL, total, PROT_READ, MAP_SHARED | MAP_POPULATE, file, 0);

	check(map != MAP_FAILED, "mmap");
	prctl(PR_SET_TIMERSLACK, 1000UL, 0, 0, 0);
	double start = now(), due = start;

	for (uint32_t seq = 0, n; (n = fill(msgs, &n_msgs, map, total, seq)); seq += n) {
		uint64_t off = (uint64_t)seq * PAYLOAD, left = total - off;

		send_all(fd, msgs, n_msgs);
		hash_add(h, map + off, left < n * PAYLOAD ? left : n * PAYLOAD);
		if (conf->mbit > 0)
			due = pace(due, n * FRAME * 8 / (conf->mbit * 1e6));
	}
	printf("{\"bytes\":%llu,\"secs\":%.6f,", (unsigned long long)total, now() - start);
	hash_print(h);
	send_end(fd, total);
	return 0;
}

static int rx_socket(const struct conf *conf)
{
	struct timeval wake = { 0, 100000 };
	struct sockaddr_in group;
	struct ip_mreqn mreq;
	int fd = udp_socket(conf, &group, &mreq), yes = 1;

	check(!setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &conf->rcvbuf, sizeof(int)),
	      "rcvbuf");
	check(!setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wake, sizeof(wake)), "SO_RCVTIMEO");
	check(!setsockopt(fd, IPPROTO_UDP, UDP_GRO, &yes, sizeof(yes)), "UDP_GRO");
	check(!bind(fd, (struct sockaddr *)&group, sizeof(group)), "bind");
	check(!setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &mreq, sizeof(mreq)), conf->group);
	return fd;
}

static size_t segment_size(struct msghdr *msg, size_t len)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c))
		if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
			int size;

			memcpy(&size, CMSG_DATA(c), sizeof(size));
			return (size_t)size;
		}
	return len;
}

/* What came in order, on its way into the file; behind a gap it begins anew. */
struct store {
	int fd; /* -1: nothing is stored */
	EVP_MD_CTX *hash;
	uint64_t off; /* of the first byte in `bytes` */
	size_t len;
	uint8_t bytes[WRITE];
};

static void store_flush(struct store *s)
{
	if (s->len)
		check(pwrite(s->fd, s->bytes, s->len, (off_t)s->off) == (ssize_t)s->len,
		      "write");
	hash_add(s->hash, s->bytes, s->len);
	s->off += s->len;
	s->len = 0;
}

static void store_add(struct store *s, uint64_t off, const uint8_t *data, size_t len)
{
	if (s->fd < 0)
		return;
	if (off != s->off + s->len) {
		store_flush(s);
		s->off = off;
	}
	while (len) {
		size_t n = len < WRITE - s->len ? len : WRITE - s->len;

		memcpy(s->bytes + s->len, data, n);
		s->len += n;
		data += n;
		len -= n;
		if (s->len == WRITE)
			store_flush(s);
	}
}

struct tally {
	uint64_t packets, bytes, gaps, messages;
	uint32_t expect;
	double first, last;
	bool ended;
};

static void count(struct tally *t, struct store *s, const uint8_t *packet, size_t len,
		  double at)
{
	struct header h;

	if (len < HEADER)
		return;
	memcpy(&h, packet, sizeof(h));
	if (h.magic != MAGIC)
		return;
	if (h.seq == end_mark) {
		t->ended = true;
		return;
	}
	if (!t->packets)
		t->first = at;
	t->gaps += h.seq > t->expect;
	t->expect = h.seq + 1;
	t->packets++;
	t->bytes += len - HEADER;
	t->last = at;
	store_add(s, (uint64_t)h.seq * PAYLOAD, packet + HEADER, len - HEADER);
}

static void take(struct tally *t, struct store *s, struct mmsghdr *m, double at)
{
	const uint8_t *p = m->msg_hdr.msg_iov->iov_base;
	size_t len = m->msg_len, size = segment_size(&m->msg_hdr, len);

	t->messages++;
	for (size_t off = 0; off < len; off += size)
		count(t, s, p + off, len - off < size ? len - off : size, at);
}

static int receiver(const struct conf *conf)
{
	static uint8_t buffers[RX_BATCH][RX_BUFFER], control[RX_BATCH][64];
	static struct store store = { .fd = -1 };
	struct iovec iov[RX_BATCH];
	struct mmsghdr msgs[RX_BATCH];
	struct tally t = { 0 };
	int fd = rx_socket(conf);

	store.hash = hash_new(conf->hash);
	if (conf->out) {
		store.fd = open(conf->out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		check(store.fd >= 0, conf->out);
	}
	while (!t.ended && !(t.packets && now() - t.last > conf->idle)) {
		for (int i = 0; i < RX_BATCH; i++) {
			iov[i] = (struct iovec){ buffers[i], RX_BUFFER };
			msgs[i].msg_hdr = (struct msghdr){ .msg_iov = iov + i,
							   .msg_iovlen = 1,
							   .msg_control = control[i],
							   .msg_controllen = 64 };
		}
		int n = recvmmsg(fd, msgs, RX_BATCH, MSG_WAITFORONE, NULL);

		check(n >= 0 || errno == EAGAIN || errno == EINTR, "recvmmsg");
		for (int i = 0; i < n; i++)
			take(&t, &store, msgs + i, now());
	}
	store_flush(&store);
	printf("{\"packets\":%llu,\"bytes\":%llu,\"gaps\":%llu,\"messages\":%llu,"
	       "\"secs\":%.6f,",
	       (unsigned long long)t.packets, (unsigned long long)t.bytes,
	       (unsigned long long)t.gaps, (unsigned long long)t.messages, t.last - t.first);
	hash_print(store.hash);
	return 0;
}

int main(int argc, char **argv)
{
	struct conf conf = { .group = "239.77.0.1",
			     .ifname = "eth0",
			     .port = 7777,
			     .rcvbuf = 32 << 20,
			     .idle = 1.5 };
	int o;

	while ((o = getopt(argc, argv, "f:o:g:i:p:r:hb:")) != -1)
		switch (o) {
		case 'f':
			conf.file = optarg;
			break;
		case 'o':
			conf.out = optarg;
			break;
		case 'b':
			conf.rcvbuf = (int)strtol(optarg, NULL, 10);
			break;
		case 'h':
			conf.hash = true;
			break;
		case 'g':
			conf.group = optarg;
			break;
		case 'i':
			conf.ifname = optarg;
			break;
		case 'p':
			conf.port = (int)strtol(optarg, NULL, 10);
			break;
		case 'r':
			conf.mbit = atof(optarg);
			break;
		default:
			fprintf(stderr, "usage: blast [-f FILE to send | -o FILE to write] "
					"[-h] [-g GROUP] [-i IF] [-p PORT] [-r MBIT]\n");
			return 1;
		}
	return conf.file ? sender(&conf) : receiver(&conf);
}
