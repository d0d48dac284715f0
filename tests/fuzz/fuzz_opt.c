/* fuzz_opt.c - arguments and configuration: refused with a reason, or printed as they parse. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/fuzz/fuzz.h"

#include "common/file.h"
#include "common/opt.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ARGS_MAX 32

struct conf {
	bool loop, quiet;
	const char *group;
	struct opt_list source;
	int scope;
	uint32_t receivers;
	uint64_t seed, memory, rate;
	int64_t wait;
};

static const char *const scopes[] = { "host", "link", "site", NULL };
static const char *const not_quiet[] = { "loop", "scope", NULL };

#define AT(member) offsetof(struct conf, member)
static const struct opt opts[] = {
	{ .help = "Heading" },
	{ "group", 'g', "ADDR", &opt_string, AT(group), "", .dflt = "239.1.1.1" },
	{ "loop", 0, NULL, &opt_flag, AT(loop), "", .dflt = "yes", .negatable = true },
	{ "source", 0, "ADDR", &opt_strings, AT(source), "" },
	{ "scope", 0, "SCOPE", &opt_enum, AT(scope), "", .choices = scopes },
	{ "receivers", 0, "N", &opt_u32, AT(receivers), "", .min = 1, .max = 65535 },
	{ "seed", 0, "N", &opt_u64, AT(seed), "", .hidden = true },
	{ "memory", 0, "SIZE", &opt_size, AT(memory), "", .min = 4096 },
	{ "rate", 'r', "RATE", &opt_rate, AT(rate), "", .zero = "auto" },
	{ "wait", 'w', "TIME", &opt_duration, AT(wait), "", .max = 3600000000000 },
	{ "quiet", 'q', NULL, &opt_flag, AT(quiet), "", .against = not_quiet },
};
static const struct opt_prog prog = {
	.name = "fuzz",
	.synopsis = "",
	.about = "",
	.version = "",
	.opts = opts,
	.n_opts = sizeof(opts) / sizeof(opts[0]),
};

/* What was given prints as a text that parses to what prints the same. */
static void check_printed(const struct conf *c, const struct opt_run *run)
{
	char text[256], again[256];
	struct conf back = { .group = NULL };

	for (size_t i = 1; i < prog.n_opts; i++) {
		if (run->origin[i] < OPT_FROM_FILE || opts[i].type->repeats ||
		    opts[i].type == &opt_string)
			continue;
		opt_print(&opts[i], c, text, sizeof(text));
		CHECK(opts[i].type->parse(&opts[i], text, (char *)&back + opts[i].offset) == 0);
		opt_print(&opts[i], &back, again, sizeof(again));
		CHECK(strcmp(text, again) == 0);
	}
	CHECK(c->source.n <= OPT_LIST_MAX);
	CHECK(c->receivers <= 65535);
	CHECK(c->wait >= 0 && c->wait <= 3600000000000);
}

static void parse(int argc, char **argv)
{
	struct conf c = { .group = NULL };
	struct opt_run run;
	int r = opt_parse(&prog, &c, argc, argv, &run);

	CHECK(r == 0 || r == 1 || r == -EINVAL);
	CHECK((r == -EINVAL) == (run.error[0] != '\0'));
	CHECK(r != 0 || (run.first >= 1 && run.first <= argc));
	if (r == 0)
		check_printed(&c, &run);
	opt_fini(&run);
}

/* Lines of arguments up to the first NUL, then the text of a configuration file. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char name[] = "fuzz", config[40];
	char *argv[ARGS_MAX + 3] = { name };
	char *text = malloc(size + 1), *next = text, *arg;
	int argc = 1, fd = -1;

	CHECK(text && freopen("/dev/null", "w", stdout));
	memcpy(text, data, size);
	text[size] = '\0';
	/* No file of this host is read: --config and its short forms are left out. */
	while (argc <= ARGS_MAX && (arg = strsep(&next, "\n")))
		if (strncmp(arg, "--c", 3) != 0)
			argv[argc++] = arg;
	const uint8_t *file = memchr(data, '\0', size);

	if (file) {
		file++;
		fd = memfd_create("config", 0);
		CHECK(fd >= 0);
		CHECK(file_write_all(fd, file, size - (size_t)(file - data)) == 0);
		snprintf(config, sizeof(config), "--config=/proc/self/fd/%d", fd);
		memmove(argv + 2, argv + 1, (size_t)(argc - 1) * sizeof(argv[0]));
		argv[1] = config;
		argc++;
	}
	argv[argc] = NULL;
	parse(argc, argv);
	close_fd(&fd);
	free(text);
	return 0;
}
