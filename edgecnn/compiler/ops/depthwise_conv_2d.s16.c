/* SPDX-License-Identifier: Apache-2.0 */
#include "s16.h"

/* The products of one window of one channel, whose first column is x; padding adds nothing. */
EDGECNN_INLINE int64_t kernel_depthwise_conv_2d_s16_window(const kernel_depthwise_conv_2d_s16_params *p,
                                                             const int8_t *const *rows, int x, int channel,
                                                             const int8_t *filter)
{
    const int out_c = p->in_c * p->depth_multiplier;
    int64_t sum = 0;
    for (int y = 0; y < p->filter_h; ++y) {
        const kernel_int16 *row = kernel_s16(rows[y * p->dilation_h]);
        for (int i = 0; i < p->filter_w; ++i, filter += out_c) {
            const int column = x + i * p->dilation_w;
            if (row != NULL && column >= 0 && column < p->in_w) {
                sum += row[column * p->in_c + channel] * *filter;
            }
        }
    }
    return sum;
}

/* One row of outputs, or of it the columns from `first` to `end` - 1. */
EDGECNN_INLINE void kernel_depthwise_conv_2d_s16(const kernel_depthwise_conv_2d_s16_params *p,
                                                   const int8_t *const *rows, int8_t *output, int first, int end)
{
    kernel_int16 *made = kernel_s16_out(output);
    for (int x = first; x < end; ++x) {
        const int column = x * p->stride_w - p->pad_w;
        int c = 0;
        for (int channel = 0; channel < p->in_c; ++channel) {
            for (int m = 0; m < p->depth_multiplier; ++m, ++c) {
                const int64_t sum =
                    p->bias[c] + kernel_depthwise_conv_2d_s16_window(p, rows, column, channel, p->filter + c);
                const int32_t value = kernel_requantize_s16(sum, p->multiplier[c], p->shift[c], p->wide);
                *made++ = kernel_clamp_s16(value, p->activation_min, p->activation_max);
            }
        }
    }
}
