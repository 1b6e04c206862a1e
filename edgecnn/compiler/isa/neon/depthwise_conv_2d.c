/* SPDX-License-Identifier: Apache-2.0 */
#include "neon.h"

/* Writes the sums of eight channels from `channel` on, at the window whose first column is x. */
EDGECNN_INLINE void kernel_depthwise_conv_2d_neon_window(const kernel_depthwise_conv_2d_neon_params *p,
                                                         const int8_t *const *rows, int x, int channel,
                                                         const int8_t *padding, int32_t *made)
{
    const int inside = x >= 0 && x + (p->filter_w - 1) * p->dilation_w < p->in_w;
    const int8_t *filter = p->filter + channel;
    kernel_sums_8 sums;
    memset(&sums, 0, sizeof sums);
    for (int y = 0; y < p->filter_h; ++y) {
        const int8_t *row = rows[y * p->dilation_h];
        if (row == NULL) {
            sums = kernel_add_taps_8(sums, padding, 0, filter, p->in_c, p->filter_w);
        } else if (inside) {
            sums = kernel_add_taps_8(sums, row + x * p->in_c + channel, p->dilation_w * p->in_c, filter, p->in_c,
                                     p->filter_w);
        } else {
            for (int i = 0; i < p->filter_w; ++i) {
                const int at = x + i * p->dilation_w;
                const int8_t *tap = at >= 0 && at < p->in_w ? row + at * p->in_c + channel : padding;
                sums = kernel_add_taps_8(sums, tap, 0, filter + i * p->in_c, 0, 1);
            }
        }
        filter += p->filter_w * p->in_c;
    }
    memcpy(made, &sums, sizeof sums);
}

/* One row of outputs, or of it the columns from `first` to `end` - 1. */
EDGECNN_INLINE void kernel_depthwise_conv_2d_neon(const kernel_depthwise_conv_2d_neon_params *p,
                                                  const int8_t *const *rows, int8_t *output, int first, int end,
                                                  int32_t *working)
{
    const kernel_neon_scaling scaling = {p->bias,           p->multiplier,     p->shift, p->output_zero_point,
                                         p->activation_min, p->activation_max};
    int8_t *const padding = (int8_t *)working;
    int32_t sums[8];
    memset(padding, p->input_zero_point, 8);
    for (int x = first; x < end; ++x, output += p->in_c) {
        for (int at = 0; at < p->in_c; at += 8) {
            /* The last eight channels may overlap those before. */
            const int channel = at + 8 < p->in_c ? at : p->in_c - 8;
            kernel_depthwise_conv_2d_neon_window(p, rows, x * p->stride_w - p->pad_w, channel, padding, sums);
            kernel_scale_sums(&scaling, sums, channel, 8, output + channel);
        }
    }
}
