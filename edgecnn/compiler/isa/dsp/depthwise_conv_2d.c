/* SPDX-License-Identifier: Apache-2.0 */
#include "dsp.h"

/* Four channels of three rows as pairs: (first row, second row), then (third row, its next column), for each channel.
 * The third row's are given as even and odd bytes.
 */
EDGECNN_INLINE void kernel_depthwise_conv_2d_dsp_pair(uint32_t first, uint32_t second, uint32_t third02,
                                                      uint32_t third13, uint32_t next02, uint32_t next13,
                                                      uint32_t *pairs)
{
    const uint32_t first02 = kernel_even_bytes(first), second02 = kernel_even_bytes(second);
    const uint32_t first13 = kernel_odd_bytes(first), second13 = kernel_odd_bytes(second);
    pairs[0] = kernel_low_halves(first02, second02);
    pairs[1] = kernel_low_halves(third02, next02);
    pairs[2] = kernel_low_halves(first13, second13);
    pairs[3] = kernel_low_halves(third13, next13);
    pairs[4] = kernel_high_halves(first02, second02);
    pairs[5] = kernel_high_halves(third02, next02);
    pairs[6] = kernel_high_halves(first13, second13);
    pairs[7] = kernel_high_halves(third13, next13);
}

/* The pairs of `count` columns, `step` bytes apart, 8 words each, all columns and the one behind inside the rows. */
EDGECNN_SHARED void kernel_depthwise_conv_2d_dsp_inside(const int8_t *first, const int8_t *second,
                                                        const int8_t *third, int step, int count, uint32_t *pairs)
{
    uint32_t third02 = kernel_even_bytes(kernel_word(third)), third13 = kernel_odd_bytes(kernel_word(third));
    for (; count > 0; --count, pairs += 8) {
        uint32_t next02, next13;
        third += step;
        next02 = kernel_even_bytes(kernel_word(third));
        next13 = kernel_odd_bytes(kernel_word(third));
        kernel_depthwise_conv_2d_dsp_pair(kernel_word(first), kernel_word(second), third02, third13, next02, next13,
                                          pairs);
        first += step;
        second += step;
        third02 = next02;
        third13 = next13;
    }
}

/* A word of column x of a row, or `padding` where there is none. */
EDGECNN_INLINE uint32_t kernel_depthwise_conv_2d_dsp_word(const int8_t *row, int x, int in_w, int in_c,
                                                          uint32_t padding)
{
    return row == NULL || x < 0 || x >= in_w ? padding : kernel_word(row + x * in_c);
}

/* The pairs of `count` columns from column x on. */
EDGECNN_SHARED void kernel_depthwise_conv_2d_dsp_pairs(const int8_t *const *rows, int x, int count, int in_w, int in_c,
                                                       uint32_t padding, uint32_t *pairs)
{
    const int complete = rows[0] != NULL && rows[1] != NULL && rows[2] != NULL;
    const int end = x + count, inside_end = end < in_w - 1 ? end : in_w - 1;
    while (x < end) {
        if (complete && x >= 0 && x < inside_end) {
            const int at = x * in_c;
            kernel_depthwise_conv_2d_dsp_inside(rows[0] + at, rows[1] + at, rows[2] + at, in_c, inside_end - x, pairs);
            pairs += 8 * (inside_end - x);
            x = inside_end;
        } else {
            const uint32_t third = kernel_depthwise_conv_2d_dsp_word(rows[2], x, in_w, in_c, padding);
            const uint32_t next = kernel_depthwise_conv_2d_dsp_word(rows[2], x + 1, in_w, in_c, padding);
            kernel_depthwise_conv_2d_dsp_pair(kernel_depthwise_conv_2d_dsp_word(rows[0], x, in_w, in_c, padding),
                                              kernel_depthwise_conv_2d_dsp_word(rows[1], x, in_w, in_c, padding),
                                              kernel_even_bytes(third), kernel_odd_bytes(third),
                                              kernel_even_bytes(next), kernel_odd_bytes(next), pairs);
            pairs += 8;
            ++x;
        }
    }
}

/* The weights of four channels in the same order: for each channel three pairs of the first two rows, then two. */
EDGECNN_INLINE void kernel_depthwise_conv_2d_dsp_filter(const int8_t *filter, int in_c, uint32_t *weights)
{
    for (int i = 0; i < 3; ++i, filter += in_c) {
        const uint32_t first = kernel_word(filter), second = kernel_word(filter + 3 * in_c);
        const uint32_t third = kernel_word(filter + 6 * in_c);
        weights[i] = kernel_low_halves(kernel_even_bytes(first), kernel_even_bytes(second));
        weights[5 + i] = kernel_low_halves(kernel_odd_bytes(first), kernel_odd_bytes(second));
        weights[10 + i] = kernel_high_halves(kernel_even_bytes(first), kernel_even_bytes(second));
        weights[15 + i] = kernel_high_halves(kernel_odd_bytes(first), kernel_odd_bytes(second));
        if (i == 0) {
            weights[3] = kernel_even_bytes(third);
            weights[8] = kernel_odd_bytes(third);
        } else if (i == 1) {
            weights[13] = kernel_high_halves(weights[3], kernel_even_bytes(third));
            weights[18] = kernel_high_halves(weights[8], kernel_odd_bytes(third));
            weights[3] = kernel_low_halves(weights[3], kernel_even_bytes(third));
            weights[8] = kernel_low_halves(weights[8], kernel_odd_bytes(third));
        } else {
            weights[4] = kernel_even_bytes(third);
            weights[9] = kernel_odd_bytes(third);
            weights[14] = kernel_even_bytes(third) >> 16;
            weights[19] = kernel_odd_bytes(third) >> 16;
        }
    }
}

#if EDGECNN_LOOPS
/* One sum; columns are 32 bytes apart. */
#define EDGECNN_DEPTHWISE                                                                                              \
    "ldrd r8, r9, [r0], #32\n\t"                                                                                       \
    "ldrd r10, r11, [r0]\n\t"                                                                                          \
    "ldrd r12, lr, [r0, #32]\n\t"                                                                                      \
    "smuad r8, r8, r2\n\t"                                                                                             \
    "smlad r8, r10, r3, r8\n\t"                                                                                        \
    "smlad r8, r12, r4, r8\n\t"                                                                                        \
    "smlad r8, r9, r5, r8\n\t"                                                                                         \
    "smlabb r8, lr, r6, r8\n\t"                                                                                        \
    "str r8, [r1], #4\n\t"
#endif

/* The sums of one channel at `count` positions, an even number; `pairs` are its own, 8 words apart. */
EDGECNN_SHARED void kernel_depthwise_conv_2d_dsp_row(const uint32_t *pairs, const uint32_t *weights, int count,
                                                     int32_t *sums)
{
#if EDGECNN_LOOPS
    register const uint32_t *x __asm__("r0") = pairs;
    register int32_t *made __asm__("r1") = sums;
    int32_t *const end = sums + count;
    __asm__ volatile(".syntax unified\n\t"
                     "ldr r8, %[weights]\n\t"
                     "ldmia r8, {r2, r3, r4, r5, r6}\n"
                     "1:\n\t" EDGECNN_DEPTHWISE EDGECNN_DEPTHWISE
                     "ldr r8, %[end]\n\t"
                     "cmp r1, r8\n\t"
                     "bne 1b"
                     : "+r"(x), "+r"(made)
                     : [weights] "m"(weights), [end] "m"(end)
                     : "r2", "r3", "r4", "r5", "r6", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory");
#else
    for (; count > 0; --count, pairs += 8) {
        int32_t sum = kernel_multiply_pairs(pairs[0], weights[0], 0);
        sum = kernel_multiply_pairs(pairs[8], weights[1], sum);
        sum = kernel_multiply_pairs(pairs[16], weights[2], sum);
        sum = kernel_multiply_pairs(pairs[1], weights[3], sum);
        /* Of the third row's last column only the lower half counts. */
        *sums++ = kernel_multiply_pairs(pairs[17] & 0xffffu, weights[4], sum);
    }
#endif
}

/* Scales `count` sums of channel c to outputs that lie in_c apart. */
EDGECNN_INLINE void kernel_depthwise_conv_2d_dsp_scale(const kernel_depthwise_conv_2d_dsp_params *p,
                                                       const int32_t *sums, int c, int count, int8_t *output)
{
    const int32_t min = p->activation_min, max = p->activation_max, multiplier = p->multiplier[c];
    const int32_t bias = p->bias[c];
    const int right = -p->shift[c];
    if (p->general_scale) {
        for (int i = 0; i < count; ++i, output += p->in_c) {
            const int32_t scaled = kernel_requantize(sums[i] + bias, multiplier, -right);
            *output = kernel_clamp(kernel_offset(scaled, p->output_zero_point), min, max);
        }
    } else {
        const int32_t rounding = kernel_rounding(p->output_zero_point, right), twice = kernel_twice(bias);
        for (int i = 0; i < count; ++i, output += p->in_c) {
            *output = kernel_saturate(kernel_scale(twice + 2 * sums[i], multiplier, rounding, right), min, max);
        }
    }
}

/* Columns `first` to `end` - 1 of one row of outputs. */
EDGECNN_INLINE void kernel_depthwise_conv_2d_dsp(const kernel_depthwise_conv_2d_dsp_params *p,
                                                 const int8_t *const *rows, int8_t *output, int first, int end,
                                                 int32_t *working)
{
    uint32_t *weights = (uint32_t *)working, *pairs = weights + 20 + p->columns;
    int32_t *sums = working + 20;
    const uint32_t padding = (uint8_t)p->input_zero_point * 0x01010101u;
    for (int next = 0; next < p->in_c; next += 4) {
        /* The last four may overlap those before. */
        const int c = next < p->in_c - 4 ? next : p->in_c - 4;
        int8_t *made = output + c;
        const int8_t *window[3];
        for (int y = 0; y < 3; ++y) {
            const int8_t *row = rows[y * p->dilation_h];
            window[y] = row == NULL ? NULL : row + c;
        }
        kernel_depthwise_conv_2d_dsp_filter(p->filter + c, p->in_c, weights);
        for (int x = first; x < end; x += p->columns) {
            const int count = end - x < p->columns ? end - x : p->columns, even = (count + 1) / 2 * 2;
            kernel_depthwise_conv_2d_dsp_pairs(window, x - p->pad_w, even + 2, p->in_w, p->in_c, padding, pairs);
            for (int i = 0; i < 4; ++i) {
                kernel_depthwise_conv_2d_dsp_row(pairs + 2 * i, weights + 5 * i, even, sums);
                kernel_depthwise_conv_2d_dsp_scale(p, sums, c + i, count, made + i);
            }
            made += p->columns * p->in_c;
        }
    }
}
