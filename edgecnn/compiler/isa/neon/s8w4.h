/* SPDX-License-Identifier: Apache-2.0 */
/* Weights of four bits for NEON: of two channels in a byte, the first in its low half.
 *
 * Shifted up, or masked, they are 16 times what they are, as then are sums: exactly, so that a shift undoes it.
 */
#ifndef EDGECNN_NEON_INT4_H
#define EDGECNN_NEON_INT4_H

#include "neon.h"

/* As kernel_dot_4x2: filter[block][pair of channels] has the 16 weights of both that belong to a block. */
EDGECNN_INLINE void kernel_dot_4x2_s8w4(const int8_t *const *columns, const int8_t *filter, int blocks, int32_t *sums)
{
    const int8_t *const one = columns[0], *const two = columns[1];
#if EDGECNN_NEON
    const int8x16_t high = vdupq_n_s8(-16);
    int32x4_t a0 = vdupq_n_s32(0), a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
    for (int i = 0; i < blocks; ++i, filter += 32) {
        const int8x16_t x = vld1q_s8(one + 16 * i), y = vld1q_s8(two + 16 * i);
        const int8x16_t first = vld1q_s8(filter), second = vld1q_s8(filter + 16);
        const int8x16_t w0 = vshlq_n_s8(first, 4), w1 = vandq_s8(first, high);
        const int8x16_t w2 = vshlq_n_s8(second, 4), w3 = vandq_s8(second, high);
        a0 = kernel_multiply_add_16(a0, x, w0);
        b0 = kernel_multiply_add_16(b0, y, w0);
        a1 = kernel_multiply_add_16(a1, x, w1);
        b1 = kernel_multiply_add_16(b1, y, w1);
        a2 = kernel_multiply_add_16(a2, x, w2);
        b2 = kernel_multiply_add_16(b2, y, w2);
        a3 = kernel_multiply_add_16(a3, x, w3);
        b3 = kernel_multiply_add_16(b3, y, w3);
    }
    vst1q_s32(sums, vshrq_n_s32(kernel_totals(a0, a1, a2, a3), 4));
    vst1q_s32(sums + 4, vshrq_n_s32(kernel_totals(b0, b1, b2, b3), 4));
#else
    memset(sums, 0, 8 * sizeof *sums);
    for (int i = 0; i < 32 * blocks; ++i) {
        const int at = i / 32 * 16 + i % 16, channel = i / 16 % 2 * 2;
        const int32_t low = (int32_t)((uint32_t)filter[i] << 28) >> 28, up = filter[i] >> 4;
        sums[channel] += one[at] * low;
        sums[channel + 1] += one[at] * up;
        sums[4 + channel] += two[at] * low;
        sums[5 + channel] += two[at] * up;
    }
#endif
}

EDGECNN_INLINE const int8_t *kernel_weights_behind_s8w4(const int8_t *filter, int count)
{
    return filter + count / 2;
}

#endif
