/* SPDX-License-Identifier: Apache-2.0 */
#include "s16.h"

/* The products of one window, whose first column is x; padding adds nothing. */
EDGECNN_INLINE int64_t kernel_conv_2d_s16_window(const kernel_conv_2d_s16_params *p, const int8_t *const *rows,
                                                   int x, const int8_t *filter)
{
    const int taps = p->filter_w * p->in_c;
    const int inside = p->dilation_w == 1 && x >= 0 && x + p->filter_w <= p->in_w;
    int64_t sum = 0;
    for (int y = 0; y < p->filter_h; ++y, filter += taps) {
        const kernel_int16 *row = kernel_s16(rows[y * p->dilation_h]);
        if (row == NULL) {
            continue;
        }
        if (inside) {
            sum += kernel_dot_s16(row + x * p->in_c, filter, taps);
            continue;
        }
        for (int i = 0; i < p->filter_w; ++i) {
            const int column = x + i * p->dilation_w;
            if (column >= 0 && column < p->in_w) {
                sum += kernel_dot_s16(row + column * p->in_c, filter + i * p->in_c, p->in_c);
            }
        }
    }
    return sum;
}

/* One row of (pooled) outputs. With part > 0 the row holds the maximum of earlier parts. */
EDGECNN_INLINE void kernel_conv_2d_s16(const kernel_conv_2d_s16_params *p, const int8_t *const *rows,
                                         int8_t *output, int part)
{
    const int size = p->filter_h * p->filter_w * p->in_c;
    kernel_int16 *made = kernel_s16_out(output);
    for (int x = 0; x < p->out_w; ++x) {
        for (int c = 0; c < p->out_c; ++c, ++made) {
            int64_t best = INT64_MIN;
            int32_t value;
            for (int y = 0; y < p->pool_h; ++y) {
                for (int i = 0; i < p->pool_w; ++i) {
                    const int column = (x * p->pool_stride_w + i) * p->stride_w - p->pad_w;
                    const int64_t sum =
                        kernel_conv_2d_s16_window(p, rows + y * p->stride_h, column, p->filter + c * size);
                    best = sum > best ? sum : best;
                }
            }
            value = kernel_requantize_s16(best + p->bias[c], p->multiplier[c], p->shift[c], p->wide);
            value = kernel_clamp_s16(value, p->activation_min, p->activation_max);
            *made = (int16_t)(part > 0 && *made > value ? *made : value);
        }
    }
}
