/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernels for int16 share. Their rows are aligned to two bytes; zero points are 0. */
#ifndef EDGECNN_INT16_H
#define EDGECNN_INT16_H

#include "kernel.h"

/* An int16 where other types may lie before and after it. */
#if defined(__GNUC__)
typedef int16_t kernel_int16 __attribute__((may_alias));
#else
typedef int16_t kernel_int16;
#endif

EDGECNN_INLINE const kernel_int16 *kernel_s16(const int8_t *row)
{
    return (const kernel_int16 *)(const void *)row;
}

EDGECNN_INLINE kernel_int16 *kernel_s16_out(int8_t *row)
{
    return (kernel_int16 *)(void *)row;
}

EDGECNN_INLINE int16_t kernel_clamp_s16(int32_t value, int32_t min, int32_t max)
{
    return (int16_t)(value < min ? min : value > max ? max : value);
}

/* Products of 16 and 8 bits, of which 32 bits hold the sum of 256. */
EDGECNN_INLINE int64_t kernel_dot_s16(const kernel_int16 *a, const int8_t *b, int n)
{
    int64_t total = 0;
    while (n > 0) {
        const int count = n < 256 ? n : 256;
        int32_t sum = 0;
        for (int i = 0; i < count; ++i) {
            sum += a[i] * b[i];
        }
        total += sum;
        a += count;
        b += count;
        n -= count;
    }
    return total;
}

/* A sum scaled: one of 64 bits by a multiplier of 15 bits, rounded once; one that wraps to 32 bits as int8's are. */
EDGECNN_INLINE int32_t kernel_requantize_s16(int64_t sum, int32_t multiplier, int shift, int wide)
{
    return wide ? (int32_t)((sum * multiplier + ((int64_t)1 << (14 - shift))) >> (15 - shift))
                : kernel_requantize((int32_t)(uint32_t)(uint64_t)sum, multiplier, shift);
}

/* What lies at a value between 513 entries of a table over all of int16. */
EDGECNN_INLINE int32_t kernel_between(const int16_t *table, int32_t value)
{
    const int16_t *entry = table + 256 + (value >> 7);
    return entry[0] + (((entry[1] - entry[0]) * (value & 127) + 64) >> 7);
}

/* value * multiplier / 2^shift, halves up; 32 bits hold the product. */
EDGECNN_INLINE int32_t kernel_scaled_s16(int32_t value, int32_t multiplier, int shift)
{
    return (value * multiplier + (int32_t)(((uint32_t)1 << shift) >> 1)) >> shift;
}

/* The sigmoid of value / 24 / 2^bits, for a value of 0 or more, with `bits` more than the 16 of its table. */
EDGECNN_INLINE int32_t kernel_sigmoid(const uint16_t *table, int32_t value, int bits, int32_t most)
{
    const int32_t at = value >> bits;
    return at >= 255 ? most << bits
                     : (table[at] << bits) + (value & ((1 << bits) - 1)) * (table[at + 1] - table[at]);
}

#endif
