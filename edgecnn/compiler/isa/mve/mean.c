/* SPDX-License-Identifier: Apache-2.0 */
#include "mve.h"

/* The mean of each channel, from p->rows rows of the input at a time; the last part writes it. */
EDGECNN_INLINE void kernel_mean_mve(const kernel_mean_mve_params *p, const int8_t *const *rows, int8_t *output,
                                    int part, int32_t *sums)
{
    if (part == 0) {
        memset(sums, 0, (size_t)p->channels * sizeof *sums);
    }
    for (int y = 0; y < p->rows; ++y) {
        kernel_add_columns(sums, rows[y], p->channels, p->over_columns);
    }
    for (int c = 0; part + 1 == p->parts && c < p->channels; ++c) {
        const int32_t value = kernel_requantize(sums[c] + p->bias, p->multiplier, p->shift);
        output[c] = kernel_clamp(kernel_offset(value, p->output_zero_point), INT8_MIN, INT8_MAX);
    }
}
