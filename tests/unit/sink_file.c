/* sink_file.c - tests of receiver/sink_file. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "common/file.h"
#include "receiver/sink_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* The linker sends calloc() here; the n-th one fails. */
static int calloc_countdown = -1;
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);

void *__wrap_calloc(size_t n, size_t size)
{
	if (calloc_countdown >= 0 && calloc_countdown-- == 0)
		return NULL;
	return __real_calloc(n, size);
}

/* Not even for a moment: other threads make files. */
mode_t __real_umask(mode_t mask);
mode_t __wrap_umask(mode_t mask);

mode_t __wrap_umask(mode_t mask)
{
	fail_msg("the umask is the process's");
	return mask;
}

/* And fchmod() here, which fails with this. */
static int fchmod_error;
int __real_fchmod(int fd, mode_t mode);
int __wrap_fchmod(int fd, mode_t mode);

int __wrap_fchmod(int fd, mode_t mode)
{
	errno = fchmod_error;
	return fchmod_error ? -1 : __real_fchmod(fd, mode);
}

#define SIZE 700001 /* some hash pieces and a rest */

static char dir[] = "/tmp/sow-sink-XXXXXX";
static int dirfd_ = -1;
static uint8_t data[SIZE], want[SHA256_LEN];

static int make_dir(void **state)
{
	signal(SIGXFSZ, SIG_IGN);
	__real_umask(027);
	for (size_t i = 0; i < SIZE; i++)
		data[i] = (uint8_t)(i * 2654435761u >> 13);
	if (digest_bytes(data, SIZE, want) < 0 || !mkdtemp(dir))
		return -1;
	dirfd_ = open(dir, O_RDONLY | O_DIRECTORY);
	return dirfd_ < 0;
}

/* Fails when anything, such as a temporary file, is left. */
static int remove_dir(void **state)
{
	close_fd(&dirfd_);
	return rmdir(dir);
}

static unsigned entries(void)
{
	DIR *d = opendir(dir);
	unsigned n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static struct sink_meta meta(const char *name, uint64_t size)
{
	return (struct sink_meta){
		.name = name,
		.name_len = strlen(name),
		.size = size,
		.has_meta = true,
		.mode = 06640,
		.mtime_sec = 1000000000,
		.mtime_nsec = 500000000,
	};
}

static struct sink_file *open_sink(const char *name, uint64_t size)
{
	struct sink_meta m = meta(name, size);
	struct sink_file *s = NULL;

	assert_int_equal(sink_open(&s, dirfd_, &m), 0);
	return s;
}

/* In pieces of 1400, every second one first. */
static void write_out_of_order(struct sink_file *s)
{
	for (int odd = 1; odd >= 0; odd--) {
		for (size_t off = odd ? 1400 : 0; off < SIZE; off += 2800) {
			size_t n = SIZE - off < 1400 ? SIZE - off : 1400;

			assert_int_equal(sink_write_at(s, off, data + off, n), 0);
			/* as far as there is no hole: none of the odd ones, then up to the next
			 */
			uint64_t end = odd ? 0 : off + 2800 < SIZE ? off + 2800 : SIZE;

			assert_int_equal(sink_hash(s, end, 2000), 0);
		}
	}
}

static void put(const char *name, const char *text)
{
	int fd = openat(dirfd_, name, O_CREAT | O_TRUNC | O_WRONLY, 0644);

	assert_int_equal(file_write_all(fd, text, strlen(text)), 0);
	close_fd(&fd);
}

static void assert_content(const char *name, const void *bytes, size_t len)
{
	char path[512], *got;
	size_t got_len;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(file_read(path, SIZE, &got, &got_len), 0);
	assert_int_equal(got_len, len);
	assert_memory_equal(got, bytes, len);
	free(got);
}

static void stores_verified_and_renamed(void **state)
{
	struct sink_file *s = open_sink("./f", SIZE);
	uint8_t got[SHA256_LEN], back[100];
	struct stat st;

	put("f", "old");
	write_out_of_order(s);
	assert_int_equal(sink_read_at(s, 1350, back, 100), 0);
	assert_memory_equal(back, data + 1350, 100);
	assert_content("f", "old", 3); /* until it is finished */
	assert_int_equal(sink_finish(s, want, got), 0);
	assert_memory_equal(got, want, SHA256_LEN);
	assert_content("f", data, SIZE);
	assert_int_equal(fstatat(dirfd_, "f", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(st.st_mtim.tv_sec, 1000000000);
	assert_int_equal(st.st_mtim.tv_nsec, 500000000);
	sink_close(s);
	assert_int_equal(entries(), 1);
	unlinkat(dirfd_, "f", 0);
}

static void a_file_system_without_modes_is_good_enough(void **state)
{
	static const struct {
		int error, want;
	} cases[] = { { EPERM, 0 }, { EOPNOTSUPP, 0 }, { EIO, -EIO } };
	uint8_t got[SHA256_LEN];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sink_file *s = open_sink("f", SIZE);

		assert_int_equal(sink_write_at(s, 0, data, SIZE), 0);
		fchmod_error = cases[i].error;
		assert_int_equal(sink_finish(s, want, got), cases[i].want);
		fchmod_error = 0;
		sink_close(s);
		assert_int_equal(unlinkat(dirfd_, "f", 0) < 0, cases[i].want < 0);
	}
}

/* Hashing keeps up with the data, so that the end is quick. */
static void hashes_as_the_prefix_grows(void **state)
{
	struct sink_file *s = open_sink("f", SIZE);
	uint8_t got[SHA256_LEN];

	assert_int_equal(sink_write_at(s, 1000, data + 1000, SIZE - 1000), 0);
	assert_int_equal(sink_finish(s, want, got), -ENODATA);
	assert_int_equal(sink_write_at(s, 0, data, 1000), 0);
	assert_int_equal(sink_hash(s, SIZE, 1), 0); /* a byte, no more */
	/* Changed behind its back: what was hashed is not read again. */
	data[0] ^= 1;
	assert_int_equal(sink_write_at(s, 0, data, 1), 0);
	data[0] ^= 1;
	assert_int_equal(sink_finish(s, want, got), 0);
	sink_close(s);
	unlinkat(dirfd_, "f", 0);
}

/* What is at hand is hashed if it is next; what would leave a hole, or was hashed, is not. */
static void hashes_what_is_at_hand(void **state)
{
	struct sink_file *s = open_sink("f", SIZE);
	uint8_t got[SHA256_LEN];

	assert_int_equal(sink_write_at(s, 0, data, 1000), 0);
	sink_hash_hot(s, 0, data, 1000);
	assert_int_equal(sink_write_at(s, 3000, data + 3000, 1000), 0);
	sink_hash_hot(s, 3000, data + 3000, 1000);
	assert_int_equal(sink_write_at(s, 1000, data + 1000, 2000), 0);
	sink_hash_hot(s, 1000, data + 1000, 2000);
	sink_hash_hot(s, 1000, data + 1000, 2000);
	assert_int_equal(sink_hash(s, 4000, 500), 0);
	assert_int_equal(sink_hash(s, 4000, 5000), 0);
	assert_int_equal(sink_hash(s, 2000, 5000), 0);
	/* Changed behind its back: what was hashed is not read again. */
	data[0] ^= 1;
	assert_int_equal(sink_write_at(s, 0, data, 1), 0);
	data[0] ^= 1;
	assert_int_equal(sink_write_at(s, 4000, data + 4000, SIZE - 4000), 0);
	sink_hash_hot(s, 4000, data + 4000, SIZE - 4000);
	assert_int_equal(sink_finish(s, want, got), 0);
	sink_close(s);
	unlinkat(dirfd_, "f", 0);
}

static void wrong_digest_leaves_the_old(void **state)
{
	struct sink_file *s = open_sink("f", SIZE);
	uint8_t got[SHA256_LEN], other[SHA256_LEN];

	put("f", "old");
	memcpy(other, want, SHA256_LEN);
	other[31] ^= 1;
	assert_int_equal(sink_write_at(s, 0, data, SIZE), 0);
	assert_int_equal(sink_finish(s, other, got), -EBADMSG);
	assert_memory_equal(got, want, SHA256_LEN);
	assert_int_equal(entries(), 2);
	sink_close(s);
	assert_int_equal(entries(), 1);
	assert_content("f", "old", 3);
	unlinkat(dirfd_, "f", 0);
}

/* Of the one file in a directory. */
static mode_t only_mode(const char *path)
{
	DIR *d = fdopendir(openat(dirfd_, path, O_RDONLY | O_DIRECTORY));
	struct dirent *e;
	struct stat st = { 0 };

	assert_non_null(d);
	while ((e = readdir(d)))
		if (strstr(e->d_name, "reap-part"))
			assert_int_equal(fstatat(dirfd(d), e->d_name, &st, 0), 0);
	closedir(d);
	return st.st_mode & 07777;
}

static void empty_file_without_meta(void **state)
{
	struct sink_meta m = { .name = "d/e/f", .name_len = 5 };
	uint8_t got[SHA256_LEN];
	struct sink_file *s;
	struct stat st;

	assert_int_equal(sink_open(&s, dirfd_, &m), 0);
	assert_int_equal(only_mode("d/e"), 0600);
	assert_int_equal(sink_finish(s, NULL, got), 0);
	sink_close(s);
	assert_int_equal(fstatat(dirfd_, "d/e/f", &st, 0), 0);
	assert_int_equal(st.st_size, 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(unlinkat(dirfd_, "d/e/f", 0), 0);
	assert_int_equal(unlinkat(dirfd_, "d/e", AT_REMOVEDIR), 0);
	assert_int_equal(unlinkat(dirfd_, "d", AT_REMOVEDIR), 0);
}

static void longest_name_has_a_temporary_one(void **state)
{
	char name[256];
	uint8_t got[SHA256_LEN];

	memset(name, 'n', 255);
	name[255] = '\0';
	struct sink_file *s = open_sink(name, 1);

	assert_int_equal(sink_write_at(s, 0, "x", 1), 0);
	assert_int_equal(sink_finish(s, NULL, got), 0);
	sink_close(s);
	assert_content(name, "x", 1);
	unlinkat(dirfd_, name, 0);
}

static void open_refuses(void **state)
{
	struct statvfs fs;

	assert_int_equal(fstatvfs(dirfd_, &fs), 0);
	mkdirat(dirfd_, "sub", 0700);
	assert_int_equal(symlinkat("/tmp", dirfd_, "link"), 0);

	const struct {
		const char *name;
		uint64_t size;
		int r;
	} cases[] = {
		{ "../f", 1, -EINVAL },
		{ "/tmp/f", 1, -EINVAL },
		{ "link/f", 1, -ELOOP },
		{ "sub", 1, -EISDIR },
		{ "sub/f", (uint64_t)fs.f_frsize * (fs.f_bfree + 1000), -ENOSPC },
		{ "f", UINT64_MAX, -ENOSPC },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sink_meta m = meta(cases[i].name, cases[i].size);
		struct sink_file *s = NULL;

		assert_int_equal(sink_open(&s, dirfd_, &m), cases[i].r);
		assert_null(s);
		assert_int_equal(entries(), 2);
	}
	unlinkat(dirfd_, "sub", AT_REMOVEDIR);
	unlinkat(dirfd_, "link", 0);
}

/* A limit on file sizes stands for a disk that fills up. */
static void limit_is_an_error_before_the_first_byte(void **state)
{
	struct rlimit old, low;
	struct sink_meta m = meta("f", SIZE);
	struct sink_file *s = NULL;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	low = (struct rlimit){ .rlim_cur = SIZE - 1, .rlim_max = old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
	int r = sink_open(&s, dirfd_, &m);
	setrlimit(RLIMIT_FSIZE, &old);
	assert_int_equal(r, -EFBIG);
	assert_int_equal(entries(), 0);
}

static void beyond_the_size_is_refused(void **state)
{
	struct sink_file *s = open_sink("f", 10);
	uint8_t b[16] = { 0 };

	assert_int_equal(sink_write_at(s, 8, b, 3), -EINVAL);
	assert_int_equal(sink_write_at(s, 11, b, 0), -EINVAL);
	assert_int_equal(sink_write_at(s, UINT64_MAX, b, 2), -EINVAL);
	assert_int_equal(sink_read_at(s, 10, b, 1), -EINVAL);
	assert_int_equal(sink_write_at(s, 10, b, 0), 0);
	sink_close(s);
	assert_int_equal(entries(), 0);
}

static void no_memory(void **state)
{
	struct sink_meta m = meta("f", 10);
	struct sink_file *s;
	int n = 0, r;

	do {
		s = NULL;
		calloc_countdown = n++;
		r = sink_open(&s, dirfd_, &m);
		calloc_countdown = -1;
		assert_true(r == 0 || (r == -ENOMEM && !s && entries() == 0));
	} while (r < 0);
	assert_int_equal(n, 3); /* the sink, its digest; then it opens */
	sink_close(s);
	sink_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stores_verified_and_renamed),
		cmocka_unit_test(a_file_system_without_modes_is_good_enough),
		cmocka_unit_test(hashes_as_the_prefix_grows),
		cmocka_unit_test(hashes_what_is_at_hand),
		cmocka_unit_test(wrong_digest_leaves_the_old),
		cmocka_unit_test(empty_file_without_meta),
		cmocka_unit_test(longest_name_has_a_temporary_one),
		cmocka_unit_test(open_refuses),
		cmocka_unit_test(limit_is_an_error_before_the_first_byte),
		cmocka_unit_test(beyond_the_size_is_refused),
		cmocka_unit_test(no_memory),
	};

	return cmocka_run_group_tests_name("sink_file", tests, make_dir, remove_dir);
}
