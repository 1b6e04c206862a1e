/* SPDX-License-Identifier: Apache-2.0 */
#include "simd128.h"

/* Writes the taps of the window whose first column is x. */
EDGECNN_INLINE void kernel_conv_2d_simd128_column(const kernel_conv_2d_simd128_params *p, const int8_t *const *rows,
                                                  int x, int16_t *column)
{
    const int taps = p->filter_w * p->in_c;
    const int inside = kernel_inside(x, p->filter_w, p->dilation_w, p->in_w);
    column[2 * p->pairs - 1] = 0;
    for (int y = 0; y < p->filter_h; ++y) {
        const int8_t *row = rows[y * p->dilation_h];
        if (row != NULL && inside) {
            kernel_widen(column, row + x * p->in_c, taps);
            column += taps;
            continue;
        }
        for (int i = 0; i < p->filter_w; ++i, column += p->in_c) {
            const int at = x + i * p->dilation_w;
            if (row != NULL && at >= 0 && at < p->in_w) {
                kernel_widen(column, row + at * p->in_c, p->in_c);
            } else {
                for (int c = 0; c < p->in_c; ++c) {
                    column[c] = p->input_zero_point;
                }
            }
        }
    }
}

/* Keeps the largest sums of each output in `best`, int32[out_w][out_c], over four columns of the convolution from
 * `first` on.
 */
EDGECNN_INLINE void kernel_conv_2d_simd128_block(const kernel_conv_2d_simd128_params *p, const int8_t *const *rows,
                                                 int first, int32_t *best, int16_t *columns)
{
    const int last = (p->out_w - 1) * p->pool_stride_w + p->pool_w - 1;
    int32_t sums[32];
    for (int i = 0; i < 4; ++i) {
        /* Where there are fewer than four, the last counts more than once. */
        const int x = first + i < last ? first + i : last;
        kernel_conv_2d_simd128_column(p, rows, x * p->stride_w - p->pad_w, columns + 2 * i * p->pairs);
    }
    for (int c = 0; c < p->out_c; c += 8) {
        const int channels = p->out_c - c < 8 ? p->out_c - c : 8;
        kernel_dot_8x4(columns, p->filter + 2 * c * p->pairs, p->pairs, sums);
        for (int i = 0; i < 4 && first + i <= last; ++i) {
            int32_t *largest = best + (first + i) / p->pool_stride_w * p->out_c + c;
            for (int k = 0; k < channels && (first + i) % p->pool_stride_w < p->pool_w; ++k) {
                largest[k] = sums[8 * i + k] > largest[k] ? sums[8 * i + k] : largest[k];
            }
        }
    }
}

/* One row of (pooled) outputs. With part > 0 the row holds the maximum of earlier parts. */
EDGECNN_INLINE void kernel_conv_2d_simd128(const kernel_conv_2d_simd128_params *p, const int8_t *const *rows,
                                           int8_t *output, int part, int32_t *working)
{
    const int positions = (p->out_w - 1) * p->pool_stride_w + p->pool_w;
    int16_t *columns = (int16_t *)(void *)(working + p->out_w * p->out_c);
    for (int i = 0; i < p->out_w * p->out_c; ++i) {
        working[i] = INT32_MIN;
    }
    for (int y = 0; y < p->pool_h; ++y, rows += p->stride_h) {
        for (int x = 0; x < positions; x += 4) {
            kernel_conv_2d_simd128_block(p, rows, x, working, columns);
        }
    }
    for (int x = 0; x < p->out_w; ++x) {
        for (int c = 0; c < p->out_c; ++c, ++output) {
            const int32_t sum = *working++ + p->bias[c];
            const int32_t scaled = kernel_requantize(sum, p->multiplier[c], p->shift[c]);
            const int32_t value = kernel_offset(scaled, p->output_zero_point);
            const int8_t made = kernel_clamp(value, p->activation_min, p->activation_max);
            *output = part > 0 && *output > made ? *output : made;
        }
    }
}
