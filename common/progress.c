/* progress.c - one line that says how far it is, redrawn in place. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/progress.h"
#include "common/file.h"
#include "common/human.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define SECOND        1000000000
#define REDRAW_TERM   (SECOND / 10)
#define REDRAW_FILE   SECOND
#define RATE_INTERVAL (SECOND / 2)
#define RATE_WEIGHT   0.3
#define WIDTH_MAX     256
#define BAR_MIN       8

void progress_init(struct progress *p, int fd, enum progress_mode mode)
{
	bool terminal = isatty(fd) == 1;

	*p = (struct progress){
		.fd = fd,
		.terminal = terminal,
		.on = mode == PROGRESS_ALWAYS || (mode == PROGRESS_AUTO && terminal),
		.redraw_at = INT64_MIN,
		.rated_at = INT64_MIN,
	};
}

static void time_left(char *buf, size_t cap, const struct progress_now *is, double rate)
{
	double s = is->done < is->total ? (double)(is->total - is->done) / rate : 0;
	char clock[24];
	unsigned n;

	buf[0] = '\0';
	if (is->total == 0 || rate <= 0 || s > 359999)
		return;
	n = (unsigned)(s + 0.5);
	if (n >= 3600)
		snprintf(clock, sizeof(clock), "%u:%02u:%02u", n / 3600, n / 60 % 60, n % 60);
	else
		snprintf(clock, sizeof(clock), "%u:%02u", n / 60, n % 60);
	snprintf(buf, cap, "  %7s left", clock);
}

/* Everything right of the bar; padded, so that the bar does not jump. */
static void figures(char *buf, size_t cap, const struct progress_now *is, double rate)
{
	char done[16], total[16], speed[24], of[24] = "", at[32] = "", left[48];

	human_number(done, sizeof(done), (double)is->done, "B");
	human_number(total, sizeof(total), (double)is->total, "B");
	human_number(speed, sizeof(speed), rate * 8, "bit/s");
	if (is->total > 0)
		snprintf(of, sizeof(of), " of %s", total);
	if (rate > 0)
		snprintf(at, sizeof(at), "  %11s", speed);
	time_left(left, sizeof(left), is, rate);
	snprintf(buf, cap, "%7s%s%s%s%s%s", done, of, at, left, is->note ? "  " : "",
		 is->note ? is->note : "");
}

void progress_format(char *buf, size_t cap, unsigned width, const struct progress_now *is,
		     double rate)
{
	char text[WIDTH_MAX], bar[WIDTH_MAX + 1] = "", line[2 * WIDTH_MAX + 16];
	uint64_t done = is->done < is->total ? is->done : is->total;
	double part = is->total > 0 ? (double)done / (double)is->total : 0;
	size_t room, len;

	if (width > WIDTH_MAX)
		width = WIDTH_MAX;
	figures(text, sizeof(text), is, rate);
	room = strlen(text) + sizeof("100% [] ") - 1;
	room = room < width ? width - room : 0;
	memset(bar, ' ', room);
	memset(bar, '#', (size_t)(part * (double)room));
	if (is->total == 0 || room < BAR_MIN)
		len = (size_t)snprintf(line, sizeof(line), "%s", text);
	else
		len = (size_t)snprintf(line, sizeof(line), "%3u%% [%s] %s",
				       (unsigned)(part * 100), bar, text);
	len = len < width ? len : width;
	len = len < cap - 1 ? len : cap - 1;
	memcpy(buf, line, len);
	buf[len] = '\0';
}

static unsigned columns(int fd)
{
	struct winsize ws;

	return ioctl(fd, TIOCGWINSZ, &ws) == 0 && ws.ws_col > 0 ? ws.ws_col : 80;
}

static void measure(struct progress *p, int64_t now, uint64_t done)
{
	double rate;

	if (p->rated_at == INT64_MIN || done < p->rated_done) {
		p->rated_at = now;
		p->rated_done = done;
		return;
	}
	if (now - p->rated_at < RATE_INTERVAL)
		return;
	rate = (double)(done - p->rated_done) * SECOND / (double)(now - p->rated_at);
	p->rate = p->rate > 0 ? p->rate + RATE_WEIGHT * (rate - p->rate) : rate;
	p->rated_at = now;
	p->rated_done = done;
}

static void draw(struct progress *p, const struct progress_now *is)
{
	char line[WIDTH_MAX + 16], text[WIDTH_MAX + 1];
	/* The last column stays free: some terminals go to the next line there. */
	unsigned width = (p->terminal ? columns(p->fd) : 80) - 1;
	int n;

	progress_format(text, sizeof(text), width, is, p->rate);
	n = snprintf(line, sizeof(line), p->terminal ? "\r%s\x1b[K" : "%s\n", text);
	file_write_all(p->fd, line, (size_t)n);
	p->drawn = p->terminal;
}

void progress_show(struct progress *p, int64_t now, const struct progress_now *is)
{
	if (!p->on)
		return;
	measure(p, now, is->done);
	if (now < p->redraw_at)
		return;
	p->redraw_at = now + (p->terminal ? REDRAW_TERM : REDRAW_FILE);
	draw(p, is);
}

void progress_clear(void *progress)
{
	struct progress *p = progress;

	if (!p->drawn)
		return;
	file_write_all(p->fd, "\r\x1b[K", 4);
	p->drawn = false;
	p->redraw_at = INT64_MIN;
}

void progress_end(struct progress *p, int64_t now, const struct progress_now *is)
{
	if (!p->on)
		return;
	measure(p, now, is->done);
	draw(p, is);
	if (p->drawn)
		file_write_all(p->fd, "\n", 1);
	p->drawn = false;
}
