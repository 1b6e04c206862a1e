/* SPDX-License-Identifier: Apache-2.0 */
#include "s16.h"

/* Means, from p->rows rows of the input at a time; the last part writes them. */
EDGECNN_INLINE void kernel_mean_s16(const kernel_mean_s16_params *p, const int8_t *const *rows, int8_t *output,
                                      int part, int32_t *sums)
{
    kernel_int16 *made = kernel_s16_out(output);
    for (int at = 0; at < p->columns * p->channels; ++at) {
        const int first = at / p->channels * p->column + at % p->channels;
        int32_t sum = part > 0 ? sums[at] : 0;
        for (int y = 0; y < p->rows; ++y) {
            for (int x = 0; x < p->over_columns; ++x) {
                for (int c = 0; c < p->over_channels; ++c) {
                    sum += kernel_s16(rows[y])[first + x * p->column + c];
                }
            }
        }
        if (part + 1 < p->parts) {
            sums[at] = sum;
        } else {
            made[at] = kernel_clamp_s16(kernel_requantize(sum, p->multiplier, p->shift), INT16_MIN, INT16_MAX);
        }
    }
}
