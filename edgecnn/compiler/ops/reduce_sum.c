/* SPDX-License-Identifier: Apache-2.0 */
#include "reduction.h"

/* Sums, from p->rows rows of the input at a time; the last part writes them. */
EDGECNN_INLINE void kernel_reduce_sum(const kernel_reduce_sum_params *p, const int8_t *const *rows, int8_t *output,
                                      int part, int32_t *sums)
{
    for (int x = 0; x < p->columns; ++x) {
        for (int c = 0; c < p->channels; ++c, ++output) {
            const int at = x * p->channels + c;
            int32_t sum = part > 0 ? sums[at] : 0;
            sum += kernel_sum_over(rows, p->rows, x * p->column + c, p->over_columns, p->column, p->over_channels);
            if (part + 1 < p->parts) {
                sums[at] = sum;
            } else {
                int reached = 0;
                for (int step = 128; step > 0; step /= 2) {
                    reached += sum >= p->thresholds[reached + step - 1] ? step : 0;
                }
                *output = (int8_t)(reached - 128);
            }
        }
    }
}
