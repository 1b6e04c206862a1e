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

#endif
