/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel.h"

/* How many of a filter's taps meet input at a phase. */
EDGECNN_INLINE int kernel_transpose_conv_taps(int size, int stride, int phase)
{
    return (size - phase + stride - 1) / stride;
}

/* The products of height x width taps from column x on. What lies outside counts as the zero point. */
EDGECNN_INLINE int32_t kernel_transpose_conv_window(const kernel_transpose_conv_params *p,
                                                    const int8_t *const *rows, int x, int height, int width,
                                                    const int8_t *filter)
{
    int32_t sum = 0;
    for (int y = 0; y < height; ++y) {
        for (int i = 0; i < width; ++i, filter += p->in_c) {
            const int column = x + i;
            sum += rows[y] == NULL || column < 0 || column >= p->in_w
                       ? p->input_zero_point * kernel_sum(filter, 0, p->in_c)
                       : kernel_dot(rows[y] + column * p->in_c, filter, 0, p->in_c);
        }
    }
    return sum;
}

/* Row number `row` of the output. */
EDGECNN_INLINE void kernel_transpose_conv(const kernel_transpose_conv_params *p, const int8_t *const *rows,
                                          int8_t *output, int row)
{
    const int phase_h = (row + p->pad_h) % p->stride_h;
    const int height = kernel_transpose_conv_taps(p->filter_h, p->stride_h, phase_h);
    const int depth = p->in_c * p->out_c;
    int above = 0; /* taps of the phases before */
    for (int phase = 0; phase < phase_h; ++phase) {
        above += kernel_transpose_conv_taps(p->filter_h, p->stride_h, phase) * p->filter_w;
    }
    rows += kernel_transpose_conv_taps(p->filter_h, p->stride_h, 0) - height;
    for (int x = 0; x < p->out_w; ++x) {
        const int phase_w = (x + p->pad_w) % p->stride_w;
        const int width = kernel_transpose_conv_taps(p->filter_w, p->stride_w, phase_w);
        const int column = (x + p->pad_w) / p->stride_w - width + 1;
        const int32_t *bias = p->bias + (phase_h * p->stride_w + phase_w) * p->out_c;
        int before = above;
        for (int phase = 0; phase < phase_w; ++phase) {
            before += kernel_transpose_conv_taps(p->filter_w, p->stride_w, phase) * height;
        }
        for (int c = 0; c < p->out_c; ++c, ++output) {
            const int8_t *filter = p->filter + before * depth + c * height * width * p->in_c;
            const int32_t sum = kernel_transpose_conv_window(p, rows, column, height, width, filter) + bias[c];
            const int32_t scaled = kernel_requantize(sum, p->multiplier[c], p->shift[c]);
            const int32_t value = kernel_offset(scaled, p->output_zero_point);
            *output = kernel_clamp(value, p->activation_min, p->activation_max);
        }
    }
}
