/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel.h"

/* The products of one window, whose first column is x, with the weights from number `at` on. Padding counts as the
 * zero point: it is in the bias.
 */
EDGECNN_INLINE int32_t kernel_conv_2d_window(const kernel_conv_2d_params *p, const int8_t *const *rows, int x,
                                             size_t at)
{
    const int taps = p->filter_w * p->in_c;
    const int inside = kernel_inside(x, p->filter_w, p->dilation_w, p->in_w);
    int32_t sum = 0;
    for (int y = 0; y < p->filter_h; ++y, at += (size_t)taps) {
        const int8_t *row = rows[y * p->dilation_h];
        if (row == NULL) {
            sum += p->input_zero_point * kernel_sum(p->filter, at, taps);
        } else if (inside) {
            sum += kernel_dot(row + x * p->in_c, p->filter, at, taps);
        } else {
            for (int i = 0; i < p->filter_w; ++i) {
                const int column = x + i * p->dilation_w;
                const size_t tap = at + (size_t)(i * p->in_c);
                sum += kernel_is_padding(row, column, p->in_w)
                           ? p->input_zero_point * kernel_sum(p->filter, tap, p->in_c)
                           : kernel_dot(row + column * p->in_c, p->filter, tap, p->in_c);
            }
        }
    }
    return sum;
}

/* One row of (pooled) outputs. With part > 0 the row holds the maximum of earlier parts. */
EDGECNN_INLINE void kernel_conv_2d(const kernel_conv_2d_params *p, const int8_t *const *rows, int8_t *output,
                                   int part)
{
    const size_t size = (size_t)(p->filter_h * p->filter_w * p->in_c);
    for (int x = 0; x < p->out_w; ++x) {
        for (int c = 0; c < p->out_c; ++c, ++output) {
            int32_t best = INT32_MIN;
            for (int y = 0; y < p->pool_h; ++y) {
                for (int i = 0; i < p->pool_w; ++i) {
                    const int column = (x * p->pool_stride_w + i) * p->stride_w - p->pad_w;
                    const int32_t sum =
                        kernel_conv_2d_window(p, rows + y * p->stride_h, column, (size_t)c * size);
                    best = sum > best ? sum : best;
                }
            }
            best = kernel_requantize(best + p->bias[c], p->multiplier[c], p->shift[c]);
            best = kernel_offset(best, p->output_zero_point);
            best = kernel_clamp(best, p->activation_min, p->activation_max);
            *output = (int8_t)(part > 0 && *output > best ? *output : best);
        }
    }
}
