/* SPDX-License-Identifier: Apache-2.0 */
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

/* One row: the softmax of each column's channels. */
EDGECNN_INLINE void kernel_softmax(const kernel_softmax_params *p, const int8_t *const *rows, int8_t *output)
{
    const int8_t *input = rows[0];
    for (int x = 0; x < p->columns; ++x, input += p->channels, output += p->channels) {
        int32_t sum = 0;
        int largest = INT8_MIN;
        int headroom = 0;
        int exponent;
        int32_t scale;
        for (int c = 0; c < p->channels; ++c) {
            largest = input[c] > largest ? input[c] : largest;
        }
        for (int c = 0; c < p->channels; ++c) {
            sum += kernel_divide(p->table[largest - input[c]], 12);
        }
        while (((uint32_t)sum << headroom & 0x80000000u) == 0) {
            ++headroom;
        }
        scale = kernel_one_over_one_plus((int32_t)(((uint32_t)sum << headroom) - 0x80000000u));
        exponent = 12 - headroom + 31 - 8;
        for (int c = 0; c < p->channels; ++c) {
            /* Beyond 31 bits nothing of a value is left. */
            const int32_t value = exponent < 32 ? kernel_high_mul(scale, p->table[largest - input[c]]) : 0;
            output[c] = kernel_clamp(kernel_divide(value, exponent & 31) - 128, INT8_MIN, INT8_MAX);
        }
    }
}
