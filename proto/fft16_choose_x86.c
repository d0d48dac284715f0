/* fft16_choose_x86.c - the kernels that an x86-64 processor has. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/fft16_kernel.h"

const struct fft16_kernel *const *fft16_kernels(void)
{
	static const struct fft16_kernel *const all[] = { &fft16_gfni, &fft16_avx2,
							  &fft16_plain, NULL };

	if (!__builtin_cpu_supports("avx2"))
		return all + 2;
	return __builtin_cpu_supports("gfni") ? all : all + 1;
}
