/* SPDX-License-Identifier: Apache-2.0 */
/* One over a square root in fixed point, as TFLite's GetInvSqrtQuantizedMultiplierExp has it. */
#ifndef EDGECNN_INVERSE_SQRT_H
#define EDGECNN_INVERSE_SQRT_H

#include "softmax.h"

/* value * 2^exponent, saturated. */
EDGECNN_INLINE int32_t kernel_scaled_up(int32_t value, int exponent)
{
    const int64_t scaled = (int64_t)value * ((int64_t)1 << exponent);
    return scaled > INT32_MAX ? INT32_MAX : scaled < INT32_MIN ? INT32_MIN : (int32_t)scaled;
}

/* 1 / sqrt(value), with 31 bits below the point, times 2^shift; by five Newton steps with 28 of them. */
EDGECNN_INLINE int32_t kernel_inverse_sqrt(int32_t value, int *shift)
{
    const int32_t half_three = ((int32_t)1 << 28) + ((int32_t)1 << 27);
    int32_t half;
    int32_t x = (int32_t)1 << 28;
    int right = 11;
    if (value <= 1) {
        *shift = 0;
        return INT32_MAX;
    }
    for (; value >= (int32_t)1 << 29; ++right) {
        value /= 4;
    }
    for (; value < (int32_t)1 << 27; --right) {
        value *= 4;
    }
    half = kernel_divide(value >> 1, 1);
    for (int i = 0; i < 5; ++i) {
        const int32_t cube = kernel_scaled_up(kernel_high_mul(kernel_high_mul(x, x), x), 6);
        x = kernel_scaled_up(kernel_high_mul(half_three, x) - kernel_high_mul(half, cube), 3);
    }
    x = kernel_high_mul(x, 1518500250); /* sqrt(1/2) */
    for (; right < 0; ++right) {
        x *= 2;
    }
    *shift = -right;
    return x;
}

#endif
