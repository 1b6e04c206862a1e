/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel.h"

/* The products of one window of one channel, whose first column is x. */
EDGECNN_INLINE int32_t kernel_depthwise_conv_2d_s8w16_window(const kernel_depthwise_conv_2d_s8w16_params *p,
                                                             const int8_t *const *rows, int x, int channel,
                                                             const int16_t *filter)
{
    const int out_c = p->in_c * p->depth_multiplier;
    int32_t sum = 0;
    for (int y = 0; y < p->filter_h; ++y) {
        const int8_t *row = rows[y * p->dilation_h];
        for (int i = 0; i < p->filter_w; ++i, filter += out_c) {
            const int column = x + i * p->dilation_w;
            const int padding = row == NULL || column < 0 || column >= p->in_w;
            sum += (padding ? p->input_zero_point : row[column * p->in_c + channel]) * *filter;
        }
    }
    return sum;
}

/* One row of outputs, or of it the columns from `first` to `end` - 1. */
EDGECNN_INLINE void kernel_depthwise_conv_2d_s8w16(const kernel_depthwise_conv_2d_s8w16_params *p,
                                                   const int8_t *const *rows, int8_t *output, int first, int end)
{
    for (int x = first; x < end; ++x) {
        const int column = x * p->stride_w - p->pad_w;
        int c = 0;
        for (int channel = 0; channel < p->in_c; ++channel) {
            for (int m = 0; m < p->depth_multiplier; ++m, ++c) {
                const int32_t products =
                    kernel_depthwise_conv_2d_s8w16_window(p, rows, column, channel, p->filter + c);
                const int32_t value = kernel_requantize(products + p->bias[c], p->multiplier[c], p->shift[c]);
                *output++ =
                    kernel_clamp(kernel_offset(value, p->output_zero_point), p->activation_min, p->activation_max);
            }
        }
    }
}
