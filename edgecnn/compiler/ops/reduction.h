/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernels that sum up share. */
#ifndef EDGECNN_REDUCTION_H
#define EDGECNN_REDUCTION_H

#include "kernel.h"

/* The sum over `columns` columns, `column` bytes apart, of `channels` values each from `at` on, in each row. */
EDGECNN_INLINE int32_t kernel_sum_over(const int8_t *const *rows, int count, int at, int columns, int column,
                                       int channels)
{
    int32_t sum = 0;
    for (int y = 0; y < count; ++y) {
        for (int x = 0; x < columns; ++x) {
            for (int c = 0; c < channels; ++c) {
                sum += rows[y][at + x * column + c];
            }
        }
    }
    return sum;
}

/* The sums of four neighbouring values over a window: of `columns` columns, `step` bytes apart, from number `at` on of
 * each of `height` rows. Rows of padding don't count.
 */
EDGECNN_INLINE void kernel_sum_window(const int8_t *const *rows, int height, int at, int step, int columns,
                                      int32_t *sums)
{
    int32_t sum0 = 0, sum1 = 0, sum2 = 0, sum3 = 0;
    for (int y = 0; y < height; ++y) {
        if (rows[y] != NULL) {
            const int8_t *from = rows[y] + at;
            for (int i = 0; i < columns; ++i, from += step) {
                sum0 += from[0];
                sum1 += from[1];
                sum2 += from[2];
                sum3 += from[3];
            }
        }
    }
    sums[0] = sum0;
    sums[1] = sum1;
    sums[2] = sum2;
    sums[3] = sum3;
}

#endif
