/* SPDX-License-Identifier: Apache-2.0 */
#include "simd128.h"

/* The sums of eight channels from `channel` on, at the window whose first column is x. */
EDGECNN_INLINE void kernel_depthwise_conv_2d_simd128_window(const kernel_depthwise_conv_2d_simd128_params *p,
                                                            const int8_t *const *rows, int x, int channel,
                                                            int32_t *sums)
{
    const int8_t *filter = p->filter + channel;
    int8_t padding[8];
    memset(padding, p->input_zero_point, sizeof padding);
    memcpy(sums, p->bias + channel, 8 * sizeof *sums);
    for (int y = 0; y < p->filter_h; ++y) {
        const int8_t *row = rows[y * p->dilation_h];
        for (int i = 0; i < p->filter_w; ++i, filter += p->in_c) {
            const int column = x + i * p->dilation_w;
            const int inside = row != NULL && column >= 0 && column < p->in_w;
            kernel_multiply_add_8(sums, inside ? row + column * p->in_c + channel : padding, filter);
        }
    }
}

/* One row of outputs, or of it the columns from `first` to `end` - 1. */
EDGECNN_INLINE void kernel_depthwise_conv_2d_simd128(const kernel_depthwise_conv_2d_simd128_params *p,
                                                     const int8_t *const *rows, int8_t *output, int first, int end)
{
    int32_t sums[8];
    for (int x = first; x < end; ++x, output += p->in_c) {
        for (int at = 0; at < p->in_c; at += 8) {
            /* The last eight channels may overlap those before. */
            const int channel = at + 8 < p->in_c ? at : p->in_c - 8;
            kernel_depthwise_conv_2d_simd128_window(p, rows, x * p->stride_w - p->pad_w, channel, sums);
            for (int c = channel; c < channel + 8; ++c) {
                const int32_t value = kernel_requantize(sums[c - channel], p->multiplier[c], p->shift[c]);
                output[c] =
                    kernel_clamp(kernel_offset(value, p->output_zero_point), p->activation_min, p->activation_max);
            }
        }
    }
}
