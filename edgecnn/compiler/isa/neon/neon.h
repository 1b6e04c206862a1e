/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernels for Arm's NEON share, of 64-bit and 32-bit cores. Beside the vectors C computes the same.
 *
 * Two products of a byte and a weight fit 16 bits, as no weight is -128 (see conv_2d.py): vectors of 16
 * products are added in pairs, and the pairs to sums of 32 bits. Cores with dot products (Armv8.2) add four at once.
 */
#ifndef EDGECNN_NEON_H
#define EDGECNN_NEON_H

#include "../../ops/kernel.h"

#if defined(__ARM_NEON) && !defined(EDGECNN_PLAIN_C)
#include <arm_neon.h>
#define EDGECNN_NEON 1
#else
#define EDGECNN_NEON 0
#endif

/* How sums of channels become outputs. */
typedef struct {
    const int32_t *bias, *multiplier, *shift;
    int32_t zero_point, min, max;
} kernel_neon_scaling;

#if EDGECNN_NEON
/* Adds 16 products to four sums. */
EDGECNN_INLINE int32x4_t kernel_multiply_add_16(int32x4_t sums, int8x16_t x, int8x16_t w)
{
#if defined(__ARM_FEATURE_DOTPROD)
    return vdotq_s32(sums, x, w);
#elif defined(__aarch64__)
    return vpadalq_s16(sums, vmlal_high_s8(vmull_s8(vget_low_s8(x), vget_low_s8(w)), x, w));
#else
    const int16x8_t products = vmull_s8(vget_low_s8(x), vget_low_s8(w));
    return vpadalq_s16(sums, vmlal_s8(products, vget_high_s8(x), vget_high_s8(w)));
#endif
}

/* The totals of four vectors. */
EDGECNN_INLINE int32x4_t kernel_totals(int32x4_t a, int32x4_t b, int32x4_t c, int32x4_t d)
{
#if defined(__aarch64__)
    return vpaddq_s32(vpaddq_s32(a, b), vpaddq_s32(c, d));
#else
    const int32x2_t ab = vpadd_s32(vpadd_s32(vget_low_s32(a), vget_high_s32(a)),
                                   vpadd_s32(vget_low_s32(b), vget_high_s32(b)));
    const int32x2_t cd = vpadd_s32(vpadd_s32(vget_low_s32(c), vget_high_s32(c)),
                                   vpadd_s32(vget_low_s32(d), vget_high_s32(d)));
    return vcombine_s32(ab, cd);
#endif
}
#endif

/* Sums of four channels at two columns: sums[column][channel]. A column is `blocks` times 16 values; filter[block][channel]
 * has the 16 weights that belong to a block.
 */
EDGECNN_INLINE void kernel_dot_4x2(const int8_t *const *columns, const int8_t *filter, int blocks, int32_t *sums)
{
    const int8_t *const one = columns[0], *const two = columns[1];
#if EDGECNN_NEON
    int32x4_t a0 = vdupq_n_s32(0), a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
    for (int i = 0; i < blocks; ++i, filter += 64) {
        const int8x16_t x = vld1q_s8(one + 16 * i), y = vld1q_s8(two + 16 * i);
        const int8x16_t w0 = vld1q_s8(filter), w1 = vld1q_s8(filter + 16);
        const int8x16_t w2 = vld1q_s8(filter + 32), w3 = vld1q_s8(filter + 48);
        a0 = kernel_multiply_add_16(a0, x, w0);
        b0 = kernel_multiply_add_16(b0, y, w0);
        a1 = kernel_multiply_add_16(a1, x, w1);
        b1 = kernel_multiply_add_16(b1, y, w1);
        a2 = kernel_multiply_add_16(a2, x, w2);
        b2 = kernel_multiply_add_16(b2, y, w2);
        a3 = kernel_multiply_add_16(a3, x, w3);
        b3 = kernel_multiply_add_16(b3, y, w3);
    }
    vst1q_s32(sums, kernel_totals(a0, a1, a2, a3));
    vst1q_s32(sums + 4, kernel_totals(b0, b1, b2, b3));
#else
    memset(sums, 0, 8 * sizeof *sums);
    for (int i = 0; i < 64 * blocks; ++i) {
        const int at = i / 64 * 16 + i % 16, channel = i / 16 % 4;
        sums[channel] += one[at] * filter[i];
        sums[4 + channel] += two[at] * filter[i];
    }
#endif
}

/* Where `count` weights behind others begin. */
EDGECNN_INLINE const int8_t *kernel_weights_behind(const int8_t *filter, int count)
{
    return filter + count;
}

/* The sum of `count` products, in the place of kernel_dot. */
EDGECNN_INLINE int32_t kernel_dot_neon(const int8_t *x, const int8_t *weights, size_t at, int count)
{
    int32_t sum = 0;
#if EDGECNN_NEON
    int32x4_t sums = vdupq_n_s32(0);
    for (; count >= 16; count -= 16, x += 16, at += 16) {
        sums = kernel_multiply_add_16(sums, vld1q_s8(x), vld1q_s8(weights + at));
    }
    sum = vgetq_lane_s32(kernel_totals(sums, sums, sums, sums), 0);
#endif
    return sum + kernel_dot(x, weights, at, count);
}

/* Keeps what is larger of each two of `count` sums. */
EDGECNN_INLINE void kernel_larger_sums(int32_t *best, const int32_t *sums, int count)
{
#if EDGECNN_NEON
    if (count == 4) {
        vst1q_s32(best, vmaxq_s32(vld1q_s32(best), vld1q_s32(sums)));
        return;
    }
#endif
    for (int i = 0; i < count; ++i) {
        best[i] = sums[i] > best[i] ? sums[i] : best[i];
    }
}

/* Scales the sums of `count` channels from channel c on. VQRDMULH rounds halves up, as TFLite's first rounding does. So
 * does VRSHL, but the second rounding wants halves away from zero: that is the same after taking one from what is
 * negative and shifted.
 */
EDGECNN_INLINE void kernel_scale_sums(const kernel_neon_scaling *p, const int32_t *sums, int c, int count,
                                      int8_t *output)
{
#if EDGECNN_NEON
    const int whole = count & ~3, left = count & 3;
    const int32x4_t none = vdupq_n_s32(0), min = vdupq_n_s32(p->min), max = vdupq_n_s32(p->max);
    for (int i = 0; i < whole; i += 4) {
        const int32x4_t shift = vld1q_s32(p->shift + c + i), right = vminq_s32(shift, none);
        int32x4_t value = vshlq_s32(vaddq_s32(vld1q_s32(sums + i), vld1q_s32(p->bias + c + i)), vmaxq_s32(shift, none));
        value = vqrdmulhq_s32(value, vld1q_s32(p->multiplier + c + i));
        value = vqaddq_s32(value, vshrq_n_s32(vandq_s32(value, right), 31));
        value = vaddq_s32(vrshlq_s32(value, right), vdupq_n_s32(p->zero_point));
        const int16x4_t half = vmovn_s32(vminq_s32(vmaxq_s32(value, min), max));
        const int8x8_t made = vmovn_s16(vcombine_s16(half, half));
        const int32_t four = vget_lane_s32(vreinterpret_s32_s8(made), 0);
        memcpy(output + i, &four, sizeof four);
    }
#else
    const int whole = 0, left = count;
#endif
    sums += whole;
    output += whole;
    for (int i = 0; i < left; ++i) { /* by bits, so that GCC 12 at -O3 sees that nothing overflows */
        const int at = c + whole + i;
        const int32_t value = kernel_requantize(sums[i] + p->bias[at], p->multiplier[at], p->shift[at]);
        output[i] = kernel_clamp(kernel_offset(value, p->zero_point), p->min, p->max);
    }
}

/* Sums of eight channels. */
typedef struct {
#if EDGECNN_NEON
    int32x4_t low, high;
#else
    int32_t of[8];
#endif
} kernel_sums_8;

/* Adds to the sums of eight channels the products of `count` taps, which lie `next` bytes apart, with weights, which lie
 * `next_weight` apart.
 */
EDGECNN_INLINE kernel_sums_8 kernel_add_taps_8(kernel_sums_8 sums, const int8_t *taps, int next, const int8_t *weights,
                                               int next_weight, int count)
{
#if EDGECNN_NEON
    for (; count > 0; count -= 2, taps += 2 * next, weights += 2 * next_weight) {
        int16x8_t products = vmull_s8(vld1_s8(taps), vld1_s8(weights));
        if (count > 1) {
            products = vmlal_s8(products, vld1_s8(taps + next), vld1_s8(weights + next_weight));
        }
        sums.low = vaddw_s16(sums.low, vget_low_s16(products));
        sums.high = vaddw_s16(sums.high, vget_high_s16(products));
    }
#else
    for (int i = 0; i < 8 * count; ++i) {
        sums.of[i % 8] += taps[i / 8 * next + i % 8] * weights[i / 8 * next_weight + i % 8];
    }
#endif
    return sums;
}

#endif
