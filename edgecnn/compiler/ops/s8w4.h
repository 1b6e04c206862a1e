/* SPDX-License-Identifier: Apache-2.0 */
/* Weights of four bits in the place of int8: two lie in a byte, the first in its low half. */
#ifndef EDGECNN_INT4_H
#define EDGECNN_INT4_H

#include "kernel.h"

/* The weight in the low half of a byte; that in the other is what is above. */
EDGECNN_INLINE int32_t kernel_low_half(int8_t byte)
{
    return (int32_t)((uint32_t)byte << 28) >> 28;
}

EDGECNN_INLINE int32_t kernel_weight_s8w4(const int8_t *weights, size_t at)
{
    const int8_t byte = weights[at / 2];
    return at % 2 != 0 ? byte >> 4 : kernel_low_half(byte);
}

EDGECNN_INLINE int32_t kernel_dot_s8w4(const int8_t *x, const int8_t *weights, size_t at, int n)
{
    const int odd = (int)(at % 2) & (n > 0);
    int32_t sum = odd ? x[0] * kernel_weight_s8w4(weights, at) : 0;
    weights += (at + 1) / 2;
    for (x += odd, n -= odd; n > 1; n -= 2, x += 2, ++weights) {
        sum += x[0] * kernel_low_half(*weights) + x[1] * (*weights >> 4);
    }
    return n > 0 ? sum + x[0] * kernel_low_half(*weights) : sum;
}

EDGECNN_INLINE int32_t kernel_sum_s8w4(const int8_t *weights, size_t at, int n)
{
    int32_t sum = 0;
    for (int i = 0; i < n; ++i) {
        sum += kernel_weight_s8w4(weights, at + (size_t)i);
    }
    return sum;
}

#endif
