/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel.h"

/* The products of one window of one channel, whose first column is x, with weights from number `at` on. */
EDGECNN_INLINE int32_t kernel_depthwise_conv_2d_window(const kernel_depthwise_conv_2d_params *p,
                                                       const int8_t *const *rows, int x, int channel,
                                                       size_t at)
{
    const int out_c = p->in_c * p->depth_multiplier;
    int32_t sum = 0;
    for (int y = 0; y < p->filter_h; ++y) {
        const int8_t *row = rows[y * p->dilation_h];
        for (int i = 0; i < p->filter_w; ++i, at += (size_t)out_c) {
            const int column = x + i * p->dilation_w;
            const int padding = kernel_is_padding(row, column, p->in_w);
            sum += (padding ? p->input_zero_point : row[column * p->in_c + channel]) * kernel_weight(p->filter, at);
        }
    }
    return sum;
}

/* One row of outputs, or of it the columns from `first` to `end` - 1. */
EDGECNN_INLINE void kernel_depthwise_conv_2d(const kernel_depthwise_conv_2d_params *p, const int8_t *const *rows,
                                             int8_t *output, int first, int end)
{
    for (int x = first; x < end; ++x) {
        const int column = x * p->stride_w - p->pad_w;
        int c = 0;
        for (int channel = 0; channel < p->in_c; ++channel) {
            for (int m = 0; m < p->depth_multiplier; ++m, ++c) {
                const int32_t sum =
                    p->bias[c] + kernel_depthwise_conv_2d_window(p, rows, column, channel, (size_t)c);
                const int32_t value = kernel_requantize(sum, p->multiplier[c], p->shift[c]);
                *output++ =
                    kernel_clamp(kernel_offset(value, p->output_zero_point), p->activation_min, p->activation_max);
            }
        }
    }
}
