/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernels of SOFTMAX share: from the sum of exponentials, 31 bits below the point, to shares of it. */
#ifndef EDGECNN_SOFTMAX_H
#define EDGECNN_SOFTMAX_H

#include "kernel.h"

/* round(a * b / 2^31), for factors that are not both INT32_MIN. */
EDGECNN_INLINE int32_t kernel_high_mul(int32_t a, int32_t b)
{
    return (int32_t)(((int64_t)a * b + ((int64_t)1 << 30)) >> 31);
}

/* value / 2^exponent, halves away from zero. */
EDGECNN_INLINE int32_t kernel_divide(int32_t value, int exponent)
{
    const int32_t mask = (int32_t)(((uint32_t)1 << exponent) - 1u);
    return (value >> exponent) + ((value & mask) > (mask >> 1) + (value < 0));
}

/* 1 / (1 + a), both with 31 bits below the point, by three Newton steps. */
EDGECNN_INLINE int32_t kernel_one_over_one_plus(int32_t a)
{
    const int32_t half_denominator = (int32_t)(((int64_t)a + INT32_MAX + 1) >> 1);
    int32_t x = 1515870810 + kernel_high_mul(half_denominator, -1010580540); /* 48/17 - 32/17 d */
    for (int i = 0; i < 3; ++i) {
        const int32_t error = ((int32_t)1 << 29) - kernel_high_mul(half_denominator, x);
        x += kernel_high_mul(x, error) * 4;
    }
    return x >= (int32_t)1 << 30 ? INT32_MAX : x * 2;
}

/* What makes shares of exponentials: a factor, and the power of two by which products are divided. */
typedef struct {
    int32_t scale;
    int exponent;
} kernel_softmax_divisor;

/* The divisor for a sum of exponentials, of which 12 bits less are below the point. */
EDGECNN_INLINE kernel_softmax_divisor kernel_softmax_divide_by(int32_t sum)
{
    kernel_softmax_divisor by;
    int headroom = 0;
    while (((uint32_t)sum << headroom & 0x80000000u) == 0) {
        ++headroom;
    }
    by.scale = kernel_one_over_one_plus((int32_t)(((uint32_t)sum << headroom) - 0x80000000u));
    by.exponent = 12 - headroom + 31 - 8;
    return by;
}

/* The output for an exponential: its share in 256ths, less 128. */
EDGECNN_INLINE int8_t kernel_softmax_share(const kernel_softmax_divisor *by, int32_t exponential)
{
    /* Beyond 31 bits nothing of a value is left. */
    const int32_t value = by->exponent < 32 ? kernel_high_mul(by->scale, exponential) : 0;
    return kernel_clamp(kernel_divide(value, by->exponent & 31) - 128, INT8_MIN, INT8_MAX);
}

#endif
