/* replay.c - a fuzz target's main() where there is no libFuzzer: runs stored inputs. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/fuzz/fuzz.h"

/* The number of inputs, which are files or directories of files; an unreadable one ends it. */
static int replay(const char *path);

static int replay_file(const char *path, size_t size)
{
	uint8_t *data = malloc(size ? size : 1); /* exactly: a sanitizer sees the byte behind */
	FILE *f = fopen(path, "rb");

	if (!f || !data || fread(data, 1, size, f) != size) {
		perror(path);
		exit(1);
	}
	fclose(f);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	return 1;
}

static int replay_dir(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int n = 0;

	if (!dir) {
		perror(path);
		exit(1);
	}
	while ((entry = readdir(dir))) {
		char name[4096];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		n += replay(name);
	}
	closedir(dir);
	return n;
}

static int replay(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0) {
		perror(path);
		exit(1);
	}
	return S_ISDIR(st.st_mode) ? replay_dir(path) : replay_file(path, (size_t)st.st_size);
}

/* tests/fuzz/fuzz_NAME without arguments: the corpus of that NAME. */
static int replay_corpus(const char *program)
{
	const char *srcdir = getenv("srcdir"), *name = strrchr(program, '_');
	char path[4096];

	snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/%s", srcdir ? srcdir : ".",
		 name ? name + 1 : program);
	return replay(path);
}

int main(int argc, char *argv[])
{
	int n = 0;

	for (int i = 1; i < argc; i++)
		n += replay(argv[i]);
	if (argc < 2)
		n = replay_corpus(argv[0]);
	printf("%d inputs\n", n);
	return n > 0 ? 0 : 1;
}
