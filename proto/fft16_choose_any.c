/* fft16_choose_any.c - the kernels that every processor has. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/fft16_kernel.h"

const struct fft16_kernel *const *fft16_kernels(void)
{
	static const struct fft16_kernel *const all[] = { &fft16_plain, NULL };

	return all;
}
