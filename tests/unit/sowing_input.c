/* sowing_input.c - tests of sender/job_pipe: standard input goes in parts, as long as it takes.
 */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/sow_rig.h"

#include "common/file.h"

#include <fcntl.h>
#include <unistd.h>

#define PART 3000 /* of the rig */
#define SIZE (20 * PART + 7)

static int set_up(void **state)
{
	threads = 1; /* the rig gives input's thread some time */
	return fill_large(state);
}

/* Standard input is a pipe with so many bytes, and its end. */
static void put_input(size_t len)
{
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(file_write_all(fds[1], large, len), 0);
	assert_int_equal(dup2(fds[0], STDIN_FILENO), STDIN_FILENO);
	close_fd(&fds[0]);
	close_fd(&fds[1]);
}

static void end(struct field *f)
{
	job_stop(f->job);
	field_fini(f);
}

/* Whatever the session keeps of what was sent: here four objects of 22. */
static void parts_follow_each_other(void **state)
{
	struct field f = { .input = "x" };
	size_t at = 0;

	put_input(SIZE);
	field_init(&f, NULL, 0, 4);
	assert_int_equal(job_start(f.job, f.loop), 0);
	assert_int_equal(run(&f), EXIT_ALL);
	assert_int_equal(f.n_objects, 22);
	assert_int_equal(f.got[0].info.role, JOBINFO_MANIFEST);
	for (unsigned i = 1; i < 22; i++) {
		const struct got *g = &f.got[i];

		assert_true(g->complete);
		assert_int_equal(g->info.role, JOBINFO_PART);
		assert_int_equal(g->info.offset, at);
		assert_int_equal(g->info.has_size, i == 21);
		assert_memory_equal(g->data, large + at, g->size);
		at += g->size;
	}
	assert_int_equal(at, SIZE);
	assert_int_equal(f.got[21].info.size, SIZE);
	assert_int_equal(job_bytes(f.job), SIZE);
	assert_int_equal(job_n_files(f.job), 1);
	end(&f);
}

static void what_cannot_be_read_is_not_sent(void **state)
{
	struct field f = { .input = "x" };
	int fd = open("/", O_RDONLY | O_DIRECTORY);

	assert_int_equal(dup2(fd, STDIN_FILENO), STDIN_FILENO);
	close_fd(&fd);
	field_init(&f, NULL, 0, 4);
	assert_int_equal(job_start(f.job, f.loop), 0);
	assert_int_equal(run(&f), EXIT_PARTIAL);
	assert_int_equal(f.n_objects, 1);
	assert_int_equal(job_n_failed(f.job), 1);
	end(&f);
}

static void names_are_those_of_files(void **state)
{
	static const char *const bad[] = { "", "/x", "a//b", "..", "a/../b", "a/." };
	struct job_conf jc = { .segment = E };
	struct job *j;

	put_input(1);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		jc.input_name = bad[i];
		assert_int_equal(job_new(&j, NULL, 0, &jc), -EINVAL);
	}
	jc.input_name = "a/b";
	assert_int_equal(job_new(&j, NULL, 0, &jc), 0);
	assert_string_equal(job_name(j), "b");
	job_free(j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_follow_each_other),
		cmocka_unit_test(what_cannot_be_read_is_not_sent),
		cmocka_unit_test(names_are_those_of_files),
	};

	return cmocka_run_group_tests_name("sowing input", tests, set_up, NULL);
}
