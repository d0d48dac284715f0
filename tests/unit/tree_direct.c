/* tree_direct.c - tests of receiver/tree_direct: what is written where it stands. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "common/file.h"
#include "proto/types.h"
#include "receiver/have.h"
#include "tests/unit/crop.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define CHUNKS 8
#define IMAGE  (CHUNKS * MANIFEST_CHUNK + 700)
#define DISK   (IMAGE + 3 * MANIFEST_CHUNK)

static char dir[sizeof("/tmp/sow-direct-XXXXXX")];
static int out;
static uint8_t image[IMAGE], old[DISK], got[DISK], small[3000];
static const atomic_bool go_on;
static bool no_holes; /* fallocate() fails */

static bool shares; /* blocks, as it seems */
static unsigned allocated;
static uint64_t room = UINT64_MAX; /* bytes */

int __wrap_fstatvfs(int fd, struct statvfs *ret);
int __real_fstatvfs(int fd, struct statvfs *ret);

int __wrap_fstatvfs(int fd, struct statvfs *ret)
{
	int r = __real_fstatvfs(fd, ret);

	if (room != UINT64_MAX)
		ret->f_bfree = ret->f_bavail = room / ret->f_frsize;
	return r;
}

int __wrap_ioctl(int fd, unsigned long request, void *arg);

int __wrap_ioctl(int fd, unsigned long request, void *arg)
{
	const struct file_clone_range *range = arg;
	int r = -EOPNOTSUPP;

	if (request == FICLONERANGE && shares)
		r = file_copy((int)range->src_fd, range->src_offset, fd, range->dest_offset,
			      range->src_length);
	errno = -r;
	return r < 0 ? -1 : 0;
}

int __wrap_fallocate(int fd, int mode, off_t off, off_t len);
int __real_fallocate(int fd, int mode, off_t off, off_t len);

int __wrap_fallocate(int fd, int mode, off_t off, off_t len)
{
	allocated += mode == FALLOC_FL_KEEP_SIZE;
	if (!no_holes)
		return __real_fallocate(fd, mode, off, len);
	errno = EOPNOTSUPP;
	return -1;
}

/* Chunk 2 and 5 are zeros, 6 is what 1 is. */
static int make_dir(void **state)
{
	memcpy(dir, "/tmp/sow-direct-XXXXXX", sizeof(dir));
	if (!mkdtemp(dir))
		return -1;
	out = open(dir, O_RDONLY | O_DIRECTORY);
	crop_noise(image, sizeof(image), 1);
	crop_noise(old, sizeof(old), 2);
	crop_noise(small, sizeof(small), 3);
	memset(image + 2 * MANIFEST_CHUNK, 0, MANIFEST_CHUNK);
	memset(image + 5 * MANIFEST_CHUNK, 0, MANIFEST_CHUNK);
	memcpy(image + 6 * MANIFEST_CHUNK, image + MANIFEST_CHUNK, MANIFEST_CHUNK);
	return out < 0;
}

static int remove_dir(void **state)
{
	close_fd(&out);
	return rmdir(dir);
}

static int clear(void **state)
{
	no_holes = shares = false;
	room = UINT64_MAX;
	crop_clear(out);
	return 0;
}

static void one_image(struct crop *c)
{
	crop_init(c);
	crop_add_file(c, "image", image, IMAGE);
	crop_seal(c);
}

static int try_tree(struct tree **ret, const struct crop *c, const struct device *d)
{
	struct tree_conf conf = {
		.dirfd = out, .manifest = &c->m, .job = c->job, .inplace = true, .device = d
	};
	struct tree_refusal why;

	return tree_new(ret, &conf, &why);
}

static struct tree *open_tree(const struct crop *c, const struct device *d)
{
	struct tree *t = NULL;

	assert_int_equal(try_tree(&t, c, d), 0);
	assert_int_equal(tree_expect(t, (const void *)c->digests), 0);
	return t;
}

/* A file stands for a device; but for its size nothing tells. */
static struct device open_disk(const uint8_t *data, size_t size)
{
	struct device d = { .size = size };
	char path[100];

	crop_write(out, "disk", data, size);
	snprintf(path, sizeof(path), "%s/disk", dir);
	d.fd = open(path, O_RDWR);
	assert_true(d.fd >= 0);
	unlink(path);
	return d;
}

static uint64_t look(struct tree *t, const struct crop *c)
{
	static const struct have_from none;
	struct have_conf conf = { .tree = t, .manifest = &c->m, .dirfd = out, .from = &none };
	uint64_t pos = 0, len, sum = 0;
	struct have *h;

	assert_int_equal(have_new(&h, &conf), 0);
	while (have_step(h))
		;
	have_free(h);
	for (; tree_held_next(t, &pos, &len); pos += len)
		sum += len;
	return sum;
}

static void put_all(struct tree *t, const struct crop *c)
{
	for (uint64_t off = 0; off < c->m.content_size; off += 100000)
		assert_int_equal(tree_write(t, off, c->content + off,
					    MIN(100000, c->m.content_size - off)),
				 0);
}

/* Verified, delivered and freed. */
static void finish(struct tree *t)
{
	struct tree_result res;
	uint32_t pos = 0, entry;

	assert_int_equal(tree_verify(t, &go_on), 0);
	assert_false(tree_bad(t, &pos));
	assert_int_equal(tree_switch(t, &res), 0);
	assert_int_equal(res.n_failures, 0);
	assert_int_equal(res.delivered, res.files);
	assert_false(tree_mixed(t, &entry));
	tree_free(t);
}

static void assert_disk(struct device *d)
{
	assert_int_equal(file_pread_all(d->fd, got, DISK, 0), DISK);
	assert_memory_equal(got, image, IMAGE);
	assert_memory_equal(got + IMAGE, old + IMAGE, DISK - IMAGE);
	close_fd(&d->fd);
	assert_int_equal(crop_count(out), 0); /* no stage is made beside a device */
}

static void a_device_gets_the_image_and_no_more(void **state)
{
	struct crop c;

	one_image(&c);
	for (int i = 0; i < 2; i++) {
		struct device d = open_disk(old, DISK);
		struct tree *t = open_tree(&c, &d);
		uint32_t entry = 7;

		no_holes = i == 1;
		assert_false(tree_mixed(t, &entry));
		assert_int_equal(look(t, &c), 0);
		put_all(t, &c);
		assert_true(tree_mixed(t, &entry));
		assert_int_equal(entry, 0);
		finish(t);
		assert_disk(&d);
	}
	crop_fini(&c);
}

/* Its size is known when all of it is there. */
static void a_device_gets_what_a_command_writes(void **state)
{
	struct device d = open_disk(old, DISK);
	struct tree *t;
	struct crop c;

	crop_init(&c);
	crop_add_file(&c, "image", image, 0)->open = true;
	crop_seal(&c);
	t = open_tree(&c, &d);
	for (uint64_t off = 0; off < IMAGE; off += 100000)
		assert_int_equal(tree_part_write(t, off, image + off, MIN(100000, IMAGE - off)),
				 0);
	c.m.entries[0].size = IMAGE;
	finish(t);
	assert_disk(&d);
	crop_fini(&c);
}

static void what_is_in_its_place_is_kept(void **state)
{
	uint8_t *before = malloc(DISK);
	struct device d;
	struct tree *t;
	struct crop c;

	one_image(&c);
	memcpy(before, old, DISK);
	memcpy(before, image, IMAGE);
	before[3 * MANIFEST_CHUNK + 5] ^= 1;
	d = open_disk(before, DISK);
	t = open_tree(&c, &d);
	assert_int_equal(look(t, &c), c.m.content_size - MANIFEST_CHUNK);
	put_all(t, &c);
	finish(t);
	assert_disk(&d);
	crop_fini(&c);
	free(before);
}

#define MANY ((size_t)130) /* chunks, of which each second one is a sample */

/* Where nothing fits at the samples the rest is not read. */
static void a_device_with_other_data_is_not_read(void **state)
{
	size_t size = MANY * MANIFEST_CHUNK;
	uint8_t *large = malloc(size), *before = malloc(size);
	struct crop c;

	crop_noise(large, size, 8);
	crop_noise(before, size, 9);
	crop_init(&c);
	crop_add_file(&c, "image", large, size);
	crop_seal(&c);
	for (unsigned fit = 1; fit <= 2; fit++) {
		size_t at = fit * MANIFEST_CHUNK;
		struct device d;
		struct tree *t;

		memcpy(before + at, large + at, MANIFEST_CHUNK);
		d = open_disk(before, size);
		t = open_tree(&c, &d);
		assert_int_equal(look(t, &c), fit == 1 ? 0 : 2 * MANIFEST_CHUNK);
		tree_free(t);
		close_fd(&d.fd);
	}
	crop_fini(&c);
	free(before);
	free(large);
}

/* What was found right may have been written over by what was not verified. */
static void what_came_while_it_was_looked_at_is_compared_again(void **state)
{
	struct device d = open_disk(image, IMAGE);
	struct tree *t;
	uint32_t bad = 0;
	struct crop c;

	one_image(&c);
	t = open_tree(&c, &d);
	assert_int_equal(tree_write(t, 10, "forged", 6), 0);
	assert_int_equal(tree_adopt(t, 0, 0, 0), 0);
	assert_int_equal(tree_adopt(t, 1, 0, MANIFEST_CHUNK), 0);
	assert_int_equal(look(t, &c), c.m.content_size);
	assert_int_equal(tree_verify(t, &go_on), 0);
	assert_true(tree_bad(t, &bad));
	assert_int_equal(bad, 0);
	bad = 1;
	assert_false(tree_bad(t, &bad));
	tree_discard(t, 0);
	put_all(t, &c);
	finish(t);
	close_fd(&d.fd);
	crop_fini(&c);
}

static ino_t inode(const char *path)
{
	struct stat st;

	assert_int_equal(fstatat(out, path, &st, 0), 0);
	return st.st_ino;
}

static void a_large_file_is_written_in_place(void **state)
{
	ino_t large, little;
	struct tree *t;
	struct crop c;

	crop_init(&c);
	crop_add_file(&c, "image", image, IMAGE)->mode = 0640;
	crop_add_file(&c, "new", image, IMAGE);
	crop_add_file(&c, "small", small, 3000);
	crop_seal(&c);
	crop_write(out, "image", old, DISK);
	crop_write(out, "small", old, 3000);
	large = inode("image");
	little = inode("small");
	t = open_tree(&c, NULL);
	assert_true(tree_is_direct(t, 0));
	assert_false(tree_is_direct(t, 1) || tree_is_direct(t, 2));
	put_all(t, &c);
	assert_true(crop_is(out, "small", old, 3000));
	assert_false(crop_is(out, "image", old, DISK));
	finish(t);
	crop_assert_delivered(&c, out);
	assert_int_equal(inode("image"), large);
	assert_int_not_equal(inode("small"), little);
	assert_int_equal(crop_count(out), 3);
	crop_fini(&c);
}

/* Another name may be another entry's, or nothing to do with the job. */
static void what_has_several_names_is_not(void **state)
{
	struct tree *t;
	struct crop c;

	one_image(&c);
	crop_write(out, "image", old, IMAGE);
	assert_int_equal(linkat(out, "image", out, "mine", 0), 0);
	t = open_tree(&c, NULL);
	assert_false(tree_is_direct(t, 0));
	put_all(t, &c);
	finish(t);
	assert_true(crop_is(out, "image", image, IMAGE));
	assert_true(crop_is(out, "mine", old, IMAGE));

	/* not even when it gets one later */
	unlinkat(out, "mine", 0);
	t = open_tree(&c, NULL);
	assert_true(tree_is_direct(t, 0));
	assert_int_equal(linkat(out, "image", out, "mine", 0), 0);
	assert_int_equal(tree_write(t, 0, small, 100), TREE_REPLACED);
	tree_free(t);
	assert_true(crop_is(out, "mine", image, IMAGE));
	crop_fini(&c);
}

/* Moved away before it is opened, or when all is written: no success, and what is there stays.
 */
static void what_was_replaced_meanwhile_is_no_success(void **state)
{
	struct tree_result res;
	struct tree *t;
	uint32_t entry;
	struct crop c;

	one_image(&c);
	for (int late = 0; late < 3; late++) {
		crop_write(out, "image", old, IMAGE);
		t = open_tree(&c, NULL);
		assert_true(tree_is_direct(t, 0));
		if (late)
			put_all(t, &c);
		assert_int_equal(renameat(out, "image", out, "moved"), 0);
		if (late < 2)
			crop_write(out, "image", small, 3000);
		if (!late)
			assert_int_equal(tree_write(t, 0, old, 100), TREE_REPLACED);
		assert_int_equal(tree_verify(t, &go_on), late ? 0 : TREE_REPLACED);
		assert_int_equal(tree_switch(t, &res), 0);
		assert_int_equal(res.delivered, 0);
		if (late)
			assert_int_equal(res.failures[0].error, TREE_REPLACED);
		assert_int_equal(tree_mixed(t, &entry), late > 0);
		tree_free(t);
		assert_true(crop_is(out, "image", small, 3000) == (late < 2));
		crop_clear(out);
	}
	crop_fini(&c);
}

/* A new file in it is to make the directory anew, without the one that was kept, or written. */
static void a_directory_that_went_takes_its_files_along(void **state)
{
	struct tree_result res;
	struct tree *t;
	struct crop c;

	for (int same = 0; same < 2; same++) {
		crop_init(&c);
		crop_add(&c, MANIFEST_DIR, "d");
		crop_add_file(&c, "d/image", image, same ? 3000 : IMAGE);
		crop_add_file(&c, "d/new", small, 3000);
		crop_seal(&c);
		crop_write(out, "d/image", same ? image : old, same ? 3000 : IMAGE);
		t = open_tree(&c, NULL);
		look(t, &c);
		put_all(t, &c);
		assert_int_equal(tree_verify(t, &go_on), 0);
		assert_int_equal(renameat(out, "d", out, "e"), 0);
		assert_int_equal(tree_switch(t, &res), 0);
		assert_int_equal(res.delivered, 1);
		assert_int_equal(res.n_failures, 1);
		assert_int_equal(res.failures[0].error, TREE_REPLACED);
		tree_free(t);
		crop_clear(out);
		crop_fini(&c);
	}
}

static void one_job_at_a_time(void **state)
{
	struct crop c, other;
	struct tree *t, *second;

	one_image(&c);
	crop_init(&other);
	crop_add_file(&other, "image", old, IMAGE);
	crop_seal(&other);
	crop_write(out, "image", small, 3000);
	t = open_tree(&c, NULL);
	assert_int_equal(try_tree(&second, &other, NULL), -EBUSY);
	put_all(t, &c);
	finish(t);
	t = open_tree(&other, NULL);
	put_all(t, &other);
	finish(t);
	assert_true(crop_is(out, "image", old, IMAGE));
	crop_fini(&c);
	crop_fini(&other);
}

/* Begun beside it without `inplace`: the file is what it was until the end. */
static void what_was_begun_beside_goes_on_there(void **state)
{
	struct tree_refusal why;
	struct tree_conf conf;
	struct tree *t;
	struct crop c;

	one_image(&c);
	crop_write(out, "image", old, IMAGE);
	conf = (struct tree_conf){ .dirfd = out, .manifest = &c.m, .job = c.job };
	assert_int_equal(tree_new(&t, &conf, &why), 0);
	assert_true(tree_copies(t));
	assert_int_equal(tree_write(t, 0, c.content, 5000), 0);
	tree_free(t);
	t = open_tree(&c, NULL);
	assert_false(tree_is_direct(t, 0) || tree_copies(t));
	put_all(t, &c);
	assert_true(crop_is(out, "image", old, IMAGE));
	finish(t);
	assert_true(crop_is(out, "image", image, IMAGE));
	crop_fini(&c);
}

/* A chunk for a place behind it would overwrite what is not yet looked at. */
static void what_moved_is_used_where_that_does_no_harm(void **state)
{
	uint8_t *before = malloc(IMAGE);
	struct tree *t;
	struct crop c;

	crop_init(&c);
	crop_add_file(&c, "image", old, IMAGE);
	crop_seal(&c);
	for (int later = 0; later < 2; later++) {
		uint64_t n = IMAGE - MANIFEST_CHUNK;

		crop_noise(before, IMAGE, 4);
		if (later)
			memcpy(before, old + MANIFEST_CHUNK, n);
		else
			memcpy(before + MANIFEST_CHUNK, old, n);
		crop_write(out, "image", before, IMAGE);
		t = open_tree(&c, NULL);
		assert_int_equal(look(t, &c), later ? 0 : (CHUNKS - 1) * MANIFEST_CHUNK);
		put_all(t, &c);
		finish(t);
		assert_true(crop_is(out, "image", old, IMAGE));
	}
	crop_fini(&c);
	free(before);
}

/* A delta into a large file on a disk without room for another: blocks are shared, or it is
 * said what would help. */
static void where_blocks_are_shared_there_is_room(void **state)
{
	struct tree_refusal why;
	struct tree_conf conf;
	struct tree *t;
	struct crop c;

	crop_init(&c);
	crop_add_file(&c, "image", old, IMAGE);
	crop_seal(&c);
	crop_write(out, "image", old, IMAGE - MANIFEST_CHUNK);
	conf = (struct tree_conf){ .dirfd = out, .manifest = &c.m, .job = c.job };
	room = 3 * MANIFEST_CHUNK;
	assert_int_equal(tree_new(&t, &conf, &why), -ENOSPC);
	assert_true(why.inplace);
	shares = true;
	assert_int_equal(tree_new(&t, &conf, &why), 0);
	assert_int_equal(tree_expect(t, (const void *)c.digests), 0);
	allocated = 0;
	assert_int_equal(look(t, &c), (CHUNKS - 1) * MANIFEST_CHUNK);
	put_all(t, &c);
	assert_int_equal(allocated, 0); /* which would want room for all of it */
	finish(t);
	assert_true(crop_is(out, "image", old, IMAGE));
	assert_int_equal(crop_count(out), 1);

	/* nothing helps */
	room = 0;
	crop_write(out, "image", old, MANIFEST_CHUNK);
	shares = false;
	assert_int_equal(tree_new(&t, &conf, &why), -ENOSPC);
	assert_false(why.inplace);
	crop_fini(&c);
}

#define TEST(f) cmocka_unit_test_teardown(f, clear)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_device_gets_the_image_and_no_more),
		TEST(a_device_gets_what_a_command_writes),
		TEST(what_is_in_its_place_is_kept),
		TEST(a_device_with_other_data_is_not_read),
		TEST(what_came_while_it_was_looked_at_is_compared_again),
		TEST(a_large_file_is_written_in_place),
		TEST(what_has_several_names_is_not),
		TEST(what_was_replaced_meanwhile_is_no_success),
		TEST(a_directory_that_went_takes_its_files_along),
		TEST(one_job_at_a_time),
		TEST(what_was_begun_beside_goes_on_there),
		TEST(what_moved_is_used_where_that_does_no_harm),
		TEST(where_blocks_are_shared_there_is_room),
	};

	return cmocka_run_group_tests_name("tree_direct", tests, make_dir, remove_dir);
}
