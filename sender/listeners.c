/* listeners.c - what we know of each receiver beyond its node id: address, name, receipt. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "sender/listeners.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/utf8.h"

/* Open addressing; ids are random, so their low bits are a hash; no id is 0 (NORM_NODE_NONE).
 */
struct listeners {
	unsigned n, cap;
	uint32_t mask;
	struct listener *slot;
};

int listeners_new(struct listeners **ret, unsigned cap)
{
	struct listeners *l = calloc(1, sizeof(*l));
	uint32_t size = 2;

	if (!l)
		return -ENOMEM;
	while (size < 2 * cap)
		size *= 2;
	*l = (struct listeners){ .cap = cap, .mask = size - 1 };
	l->slot = calloc(size, sizeof(*l->slot));
	if (!l->slot) {
		free(l);
		return -ENOMEM;
	}
	*ret = l;
	return 0;
}

void listeners_free(struct listeners *l)
{
	if (!l)
		return;
	free(l->slot);
	free(l);
}

/* Where the node is, or would be. */
static struct listener *slot_of(const struct listeners *l, uint32_t node_id)
{
	uint32_t i = node_id & l->mask;

	while (l->slot[i].node_id && l->slot[i].node_id != node_id)
		i = (i + 1) & l->mask;
	return &l->slot[i];
}

/* An address may change, but not change back; and a receipt is repeated from where it came. */
static void note_address(struct listener *li, const struct addr *from, bool repeated)
{
	if (addr_family(&li->addr) != AF_UNSPEC && !addr_same_host(from, &li->addr)) {
		li->ambiguous |= repeated || addr_same_host(from, &li->other);
		li->other = li->addr;
	}
	li->addr = *from;
}

static void note_announce(struct listener *li, const struct announce *a)
{
	li->announced = true;
	li->self = *a;
	li->self.host = li->self.version = NULL; /* they were borrowed */
	if (a->host_len)
		memcpy(li->host, a->host, a->host_len);
	if (a->version_len)
		memcpy(li->version, a->version, a->version_len);
}

static void note_receipt(struct listener *li, const struct receipt *rc)
{
	li->has_receipt = true;
	li->receipt = *rc;
	li->receipt.text = NULL;
	li->text_len = MIN(rc->text_len, sizeof(li->text));
	if (li->text_len)
		memcpy(li->text, rc->text, li->text_len);
}

void listeners_note(struct listeners *l, const struct tx_event *ev, const struct addr *from)
{
	struct listener *li;

	if (ev->kind == TX_EV_NONE)
		return;
	li = slot_of(l, ev->node_id);
	if (!li->node_id) {
		if (l->n == l->cap)
			return;
		l->n++;
		li->node_id = ev->node_id;
	}
	note_address(li, from, ev->kind == TX_EV_RECEIPT && li->has_receipt);
	if (ev->kind == TX_EV_ANNOUNCE)
		note_announce(li, &ev->announce);
	if (ev->kind == TX_EV_REPORT) {
		li->has_report = true;
		li->last = ev->report;
	}
	if (ev->kind == TX_EV_RECEIPT && !li->has_receipt)
		note_receipt(li, &ev->receipt);
}

const struct listener *listeners_find(const struct listeners *l, uint32_t node_id)
{
	const struct listener *li = slot_of(l, node_id);

	return li->node_id ? li : NULL;
}

void listeners_set_stranger(struct listeners *l, uint32_t node_id)
{
	struct listener *li = slot_of(l, node_id);

	if (li->node_id)
		li->stranger = true;
}

/* Equal as far as both go, which is to the end or to a dot. */
bool listener_has_name(const struct listener *li, const char *name, size_t len)
{
	size_t host_len = li->self.host_len, n = MIN(len, host_len);

	if (n == 0 || strncasecmp(name, li->host, n) != 0)
		return false;
	return (len == n || name[n] == '.') && (host_len == n || li->host[n] == '.');
}

bool listener_is(const struct listener *li, const char *text, size_t len)
{
	char word[ADDR_TEXT], node[16];
	struct addr addr;

	if (listener_has_name(li, text, len))
		return true;
	if (len >= sizeof(word))
		return false;
	memcpy(word, text, len);
	word[len] = '\0';
	snprintf(node, sizeof(node), "%08" PRIx32, li->node_id);
	return strcasecmp(word, node) == 0 ||
	       (addr_parse(&addr, word, 0) == 0 && addr_same_host(&addr, &li->addr));
}

void listener_tell(const struct listener *li, struct json *j)
{
	char node[16], addr[ADDR_TEXT];

	snprintf(node, sizeof(node), "%08" PRIx32, li->node_id);
	json_string(j, "node", node);
	json_text(j, "host", li->host, li->self.host_len);
	json_string(j, "address", addr_format_host(&li->addr, addr));
}

void listener_tell_self(const struct listener *li, struct json *j)
{
	char machine[24];

	if (!li->announced)
		return;
	json_text(j, "version", li->version, li->self.version_len);
	if (li->self.free != ANNOUNCE_FREE_UNKNOWN)
		json_u64(j, "free_bytes", li->self.free);
	snprintf(machine, sizeof(machine), "%016" PRIx64, li->self.machine);
	if (li->self.machine)
		json_string(j, "machine", machine);
}

const char *listener_label(const struct listener *li, char *buf, size_t cap)
{
	char addr[ADDR_TEXT], host[4 * CENSUS_HOST_MAX];

	addr_format_host(&li->addr, addr);
	utf8_escape(host, sizeof(host), li->host, li->self.host_len);
	if (host[0])
		snprintf(buf, cap, "%s (%s)", host, addr);
	else
		snprintf(buf, cap, "%s", addr);
	return buf;
}
