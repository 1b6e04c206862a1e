/* SPDX-License-Identifier: Apache-2.0 */
#include "neon.h"

/* Returns the taps of the window whose first column is x: where they lie, or copied to `column`. */
EDGECNN_INLINE const int8_t *kernel_conv_2d_neon_column(const kernel_conv_2d_neon_params *p, const int8_t *const *rows,
                                                        int x, int8_t *column)
{
    const int taps = p->filter_w * p->in_c;
    const int inside = kernel_inside(x, p->filter_w, p->dilation_w, p->in_w);
    int8_t *to = column;
    if (inside && rows[0] != NULL && p->filter_h == 1 && taps == 16 * p->blocks) {
        return rows[0] + x * p->in_c;
    }
    for (int y = 0; y < p->filter_h; ++y) {
        const int8_t *row = rows[y * p->dilation_h];
        if (row == NULL) {
            memset(to, p->input_zero_point, (size_t)taps);
            to += taps;
        } else if (inside) {
            memcpy(to, row + x * p->in_c, (size_t)taps);
            to += taps;
        } else {
            for (int i = 0; i < p->filter_w; ++i, to += p->in_c) {
                const int at = x + i * p->dilation_w;
                if (at >= 0 && at < p->in_w) {
                    memcpy(to, row + at * p->in_c, (size_t)p->in_c);
                } else {
                    memset(to, p->input_zero_point, (size_t)p->in_c);
                }
            }
        }
    }
    return column;
}

/* Keeps the largest sums of each output in `best`, int32[out_w][out_c], over two columns of the convolution from
 * `first` on.
 */
EDGECNN_INLINE void kernel_conv_2d_neon_block(const kernel_conv_2d_neon_params *p, const int8_t *const *rows, int first,
                                              int32_t *best, int8_t *columns)
{
    const int last = (p->out_w - 1) * p->pool_stride_w + p->pool_w - 1;
    const int second = first < last ? first + 1 : last; /* a last column without a neighbour counts twice */
    const int8_t *const pair[2] = {
        kernel_conv_2d_neon_column(p, rows, first * p->stride_w - p->pad_w, columns),
        kernel_conv_2d_neon_column(p, rows, second * p->stride_w - p->pad_w, columns + 16 * p->blocks)};
    int32_t *const best_one = best + first / p->pool_stride_w * p->out_c;
    int32_t *const best_two = best + second / p->pool_stride_w * p->out_c;
    int32_t sums[8];
    for (int c = 0; c < p->out_c; c += 4) {
        const int channels = p->out_c - c < 4 ? p->out_c - c : 4;
        kernel_dot_4x2(pair, kernel_weights_behind(p->filter, 16 * c * p->blocks), p->blocks, sums);
        if (first % p->pool_stride_w < p->pool_w) {
            kernel_larger_sums(best_one + c, sums, channels);
        }
        if (second % p->pool_stride_w < p->pool_w) {
            kernel_larger_sums(best_two + c, sums + 4, channels);
        }
    }
}

/* One row of (pooled) outputs. With part > 0 the row holds the maximum of earlier parts. */
EDGECNN_INLINE void kernel_conv_2d_neon(const kernel_conv_2d_neon_params *p, const int8_t *const *rows, int8_t *output,
                                        int part, int32_t *working)
{
    const kernel_neon_scaling scaling = {p->bias,           p->multiplier,     p->shift, p->output_zero_point,
                                         p->activation_min, p->activation_max};
    const int positions = (p->out_w - 1) * p->pool_stride_w + p->pool_w;
    int8_t *const columns = (int8_t *)(working + p->out_w * p->out_c);
    memset(columns, 0, 32 * (size_t)p->blocks);
    for (int i = 0; i < p->out_w * p->out_c; ++i) {
        working[i] = INT32_MIN;
    }
    for (int y = 0; y < p->pool_h; ++y, rows += p->stride_h) {
        for (int x = 0; x < positions; x += 2) {
            kernel_conv_2d_neon_block(p, rows, x, working, columns);
        }
    }
    for (int x = 0; x < p->out_w; ++x, output += p->out_c, working += p->out_c) {
        if (part == 0) {
            kernel_scale_sums(&scaling, working, 0, p->out_c, output);
            continue;
        }
        for (int c = 0; c < p->out_c; c += 4) {
            const int channels = p->out_c - c < 4 ? p->out_c - c : 4;
            int8_t made[4];
            kernel_scale_sums(&scaling, working + c, c, channels, made);
            for (int i = 0; i < channels; ++i) {
                output[c + i] = output[c + i] > made[i] ? output[c + i] : made[i];
            }
        }
    }
}
