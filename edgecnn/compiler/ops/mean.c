/* SPDX-License-Identifier: Apache-2.0 */
#include "reduction.h"

/* Means, from p->rows rows of the input at a time; the last part writes them. */
EDGECNN_INLINE void kernel_mean(const kernel_mean_params *p, const int8_t *const *rows, int8_t *output, int part,
                                int32_t *sums)
{
    for (int x = 0; x < p->columns; ++x) {
        for (int c = 0; c < p->channels; ++c, ++output) {
            const int at = x * p->channels + c;
            int32_t sum = part > 0 ? sums[at] : p->bias;
            sum += kernel_sum_over(rows, p->rows, x * p->column + c, p->over_columns, p->column, p->over_channels);
            if (part + 1 < p->parts) {
                sums[at] = sum;
            } else {
                sum = kernel_offset(kernel_requantize(sum, p->multiplier, p->shift), p->output_zero_point);
                *output = kernel_clamp(sum, INT8_MIN, INT8_MAX);
            }
        }
    }
}
