/* SPDX-License-Identifier: Apache-2.0 */
#include "../short_scale.h"
#include "../taps.h"

/* The sums of four neighbouring channels from c on; the four weights of a tap lie together. */
EDGECNN_SHARED void kernel_depthwise_conv_2d_any_scalar_four(const int8_t *taps, const int8_t *filter, int count, int c,
                                                             int32_t *sums)
{
    int32_t sum0 = 0, sum1 = 0, sum2 = 0, sum3 = 0;
    for (int i = 0; i < count; ++i, filter += 4) {
        const int8_t *x = kernel_noted_tap(taps, i) + c;
        sum0 += x[0] * filter[0];
        sum1 += x[1] * filter[1];
        sum2 += x[2] * filter[2];
        sum3 += x[3] * filter[3];
    }
    sums[0] = sum0;
    sums[1] = sum1;
    sums[2] = sum2;
    sums[3] = sum3;
}

/* Columns `first` to `end` - 1 of one row of outputs. Working memory holds where taps lie, and padding. */
EDGECNN_INLINE void kernel_depthwise_conv_2d_any_scalar(const kernel_depthwise_conv_2d_any_scalar_params *p,
                                                        const int8_t *const *rows, int8_t *output, int first, int end,
                                                        int32_t *working)
{
    const kernel_window_shape shape = {p->filter_h, p->filter_w, p->dilation_h, p->dilation_w, p->in_w, p->in_c};
    const int count = p->filter_h * p->filter_w, out_c = p->in_c * p->depth_multiplier;
    int8_t *const taps = (int8_t *)working, *const padding = taps + 8 * count;
    memset(padding, p->input_zero_point, (size_t)p->padding);
    for (int x = first; x < end; ++x, output += out_c) {
        const int8_t *filter = p->filter;
        kernel_note_taps(&shape, rows, x * p->stride_w - p->pad_w, padding, taps);
        for (int c = 0; c < out_c; c += 4, filter += 4 * count) {
            int32_t sums[4] = {0, 0, 0, 0};
            if (p->depth_multiplier == 1 && c + 4 <= out_c) {
                kernel_depthwise_conv_2d_any_scalar_four(taps, filter, count, c, sums);
            }
            for (int i = 0; i < 4 && c + i < out_c; ++i) {
                const int at = c + i, channel = at / p->depth_multiplier;
                for (int t = 0; (p->depth_multiplier > 1 || c + 4 > out_c) && t < count; ++t) {
                    sums[i] += kernel_noted_tap(taps, t)[channel] * filter[4 * t + i];
                }
                output[at] = kernel_output(sums[i] + p->scale[2 * at], p->scale[2 * at + 1], -p->shift[at],
                                           p->general_scale, p->output_zero_point, p->activation_min,
                                           p->activation_max);
            }
        }
    }
}
