/* SPDX-License-Identifier: Apache-2.0 */
#include "s16.h"

/* How many of a filter's taps meet input at a phase. */
EDGECNN_INLINE int kernel_transpose_conv_s16_taps(int size, int stride, int phase)
{
    return (size - phase + stride - 1) / stride;
}

/* The products of height x width taps from column x on; what lies outside adds nothing. */
EDGECNN_INLINE int64_t kernel_transpose_conv_s16_window(const kernel_transpose_conv_s16_params *p,
                                                          const int8_t *const *rows, int x, int height, int width,
                                                          const int8_t *filter)
{
    int64_t sum = 0;
    for (int y = 0; y < height; ++y) {
        for (int i = 0; i < width; ++i, filter += p->in_c) {
            const int column = x + i;
            if (rows[y] != NULL && column >= 0 && column < p->in_w) {
                sum += kernel_dot_s16(kernel_s16(rows[y]) + column * p->in_c, filter, p->in_c);
            }
        }
    }
    return sum;
}

/* Row number `row` of the output. */
EDGECNN_INLINE void kernel_transpose_conv_s16(const kernel_transpose_conv_s16_params *p,
                                                const int8_t *const *rows, int8_t *output, int row)
{
    const int phase_h = (row + p->pad_h) % p->stride_h;
    const int height = kernel_transpose_conv_s16_taps(p->filter_h, p->stride_h, phase_h);
    const int depth = p->in_c * p->out_c;
    kernel_int16 *made = kernel_s16_out(output);
    int above = 0; /* taps of the phases before */
    for (int phase = 0; phase < phase_h; ++phase) {
        above += kernel_transpose_conv_s16_taps(p->filter_h, p->stride_h, phase) * p->filter_w;
    }
    rows += kernel_transpose_conv_s16_taps(p->filter_h, p->stride_h, 0) - height;
    for (int x = 0; x < p->out_w; ++x) {
        const int phase_w = (x + p->pad_w) % p->stride_w;
        const int width = kernel_transpose_conv_s16_taps(p->filter_w, p->stride_w, phase_w);
        const int column = (x + p->pad_w) / p->stride_w - width + 1;
        const int64_t *bias = p->bias + (phase_h * p->stride_w + phase_w) * p->out_c;
        int before = above;
        for (int phase = 0; phase < phase_w; ++phase) {
            before += kernel_transpose_conv_s16_taps(p->filter_w, p->stride_w, phase) * height;
        }
        for (int c = 0; c < p->out_c; ++c) {
            const int8_t *filter = p->filter + before * depth + c * height * width * p->in_c;
            const int64_t sum =
                kernel_transpose_conv_s16_window(p, rows, column, height, width, filter) + bias[c];
            const int32_t value = kernel_requantize_s16(sum, p->multiplier[c], p->shift[c], p->wide);
            *made++ = kernel_clamp_s16(value, p->activation_min, p->activation_max);
        }
    }
}
