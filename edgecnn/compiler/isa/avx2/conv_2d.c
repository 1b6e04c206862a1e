/* SPDX-License-Identifier: Apache-2.0 */
#include "avx2.h"

/* The inputs of a widened row: padding, and what a last group reads beyond. */
EDGECNN_INLINE int kernel_conv_2d_avx2_size(const kernel_conv_2d_avx2_params *p)
{
    const int extent = (p->filter_w - 1) * p->dilation_w + 1;
    return ((p->out_w * p->pool_w - 1) * p->stride_w + extent) * p->in_c + 3;
}

/* Widens a row, or one of padding where it is NULL, with zero points before and behind. */
EDGECNN_INLINE void kernel_conv_2d_avx2_row(const kernel_conv_2d_avx2_params *p, const int8_t *row, kernel_wide *wide)
{
    const int size = kernel_conv_2d_avx2_size(p), before = p->pad_w * p->in_c, left = size - before;
    const int inside = p->in_w * p->in_c < left ? p->in_w * p->in_c : left;
    if (row == NULL) {
        kernel_widen_padding(wide, p->input_zero_point, size);
    } else {
        kernel_widen_padding(wide, p->input_zero_point, before);
        kernel_widen_bytes(wide + before, row, inside);
        kernel_widen_padding(wide + before + inside, p->input_zero_point, left - inside);
    }
}

/* The sums of 16 channels at `count` columns, the first of whose windows begins at `wide`. */
EDGECNN_INLINE void kernel_conv_2d_avx2_tile(const kernel_conv_2d_avx2_params *p, const kernel_wide *wide,
                                            const int8_t *filter, const int32_t *bias, int count,
                                            kernel_lanes *totals)
{
    kernel_sums sums[12];
    EDGECNN_UNROLL
    for (int i = 0; i < 12; ++i) {
        sums[i] = kernel_biases(bias);
    }
    for (int y = 0; y < p->filter_h; ++y, wide += p->dilation_h * kernel_conv_2d_avx2_size(p)) {
        for (int run = 0; run < p->runs; ++run) {
            const kernel_wide *x = wide + run * p->dilation_w * p->in_c;
            for (int g = 0; g < p->groups; ++g, x += 4, filter += 64) {
                EDGECNN_UNROLL
                for (int i = 0; i < count; ++i) {
                    sums[i] = kernel_add_products(sums[i], x + i * p->stride_w * p->in_c, filter);
                }
            }
        }
    }
    EDGECNN_UNROLL
    for (int i = 0; i < count; ++i) {
        totals[i] = kernel_total(sums[i]);
    }
}

/* The largest sums of 16 channels in each of `count` / pool_w windows of one row. */
EDGECNN_INLINE void kernel_conv_2d_avx2_windows(const kernel_conv_2d_avx2_params *p, const kernel_wide *wide,
                                               const int8_t *filter, const int32_t *bias, int count,
                                               kernel_lanes *largest)
{
    const int most = EDGECNN_VNNI ? 12 : 2; /* as many as there are registers for */
    kernel_lanes totals[12];
    EDGECNN_UNROLL
    for (int i = 0; i < count; i += most) {
        kernel_conv_2d_avx2_tile(p, wide + i * p->stride_w * p->in_c, filter, bias,
                                count - i < most ? count - i : most, totals + i);
    }
    EDGECNN_UNROLL
    for (int i = 0; i < count; ++i) {
        const int window = i / p->pool_w;
        largest[window] = i % p->pool_w == 0 ? totals[i] : kernel_larger_lanes(largest[window], totals[i]);
    }
}

/* Makes `channels` outputs, 16 at most, of each of `count` / pool_w windows. With part > 0 it keeps what is larger. */
EDGECNN_INLINE void kernel_conv_2d_avx2_outputs(const kernel_conv_2d_avx2_params *p, const kernel_wide *wide,
                                               const int8_t *filter, const int32_t *scale, int count, int channels,
                                               int8_t *output, int part)
{
    const int windows = count / p->pool_w;
    kernel_lanes best[12], largest[12];
    kernel_conv_2d_avx2_windows(p, wide, filter, scale, count, best);
    for (int y = 1; y < p->pool_h; ++y) {
        wide += p->stride_h * kernel_conv_2d_avx2_size(p);
        kernel_conv_2d_avx2_windows(p, wide, filter, scale, count, largest);
        EDGECNN_UNROLL
        for (int i = 0; i < windows; ++i) {
            best[i] = kernel_larger_lanes(best[i], largest[i]);
        }
    }
    EDGECNN_UNROLL
    for (int i = 0; i < windows; ++i) {
        best[i] = kernel_scale_lanes(best[i], scale, p->output_zero_point, p->scale_kind, p->corrections);
        kernel_store_outputs(output + i * p->out_c, kernel_clamp_lanes(best[i], p->activation_min, p->activation_max),
                             channels, part > 0);
    }
}

/* One row of up to 16 channels. */
EDGECNN_INLINE void kernel_conv_2d_avx2_channels(const kernel_conv_2d_avx2_params *p, const kernel_wide *wide,
                                                const int8_t *filter, const int32_t *scale, int channels,
                                                int8_t *output, int part)
{
    const int step = p->columns * p->stride_w * p->in_c, rest = p->out_w * p->pool_w % p->columns;
    for (int i = p->out_w * p->pool_w / p->columns; i > 0; --i) {
        kernel_conv_2d_avx2_outputs(p, wide, filter, scale, p->columns, channels, output, part);
        wide += step;
        output += p->columns / p->pool_w * p->out_c;
    }
    if (rest > 0) {
        kernel_conv_2d_avx2_outputs(p, wide, filter, scale, rest, channels, output, part);
    }
}

/* One row of (pooled) outputs. With part > 0 the row holds the maximum of earlier parts. */
EDGECNN_INLINE void kernel_conv_2d_avx2(const kernel_conv_2d_avx2_params *p, const int8_t *const *rows, int8_t *output,
                                       int part, int32_t *working)
{
    kernel_wide *const wide = (kernel_wide *)(void *)working;
    const int8_t *filter = p->filter;
    const int32_t *scale = p->scale;
    const int filter_size = 64 * p->filter_h * p->runs * p->groups, scale_size = 48 + 32 * p->corrections;
    int c = 0;
    for (int y = 0; y <= (p->pool_h - 1) * p->stride_h + (p->filter_h - 1) * p->dilation_h; ++y) {
        kernel_conv_2d_avx2_row(p, rows[y], wide + y * kernel_conv_2d_avx2_size(p));
    }
    for (; c + EDGECNN_LANES <= p->out_c; c += EDGECNN_LANES, filter += filter_size, scale += scale_size) {
        kernel_conv_2d_avx2_channels(p, wide, filter, scale, EDGECNN_LANES, output + c, part);
    }
    if (c < p->out_c) {
        kernel_conv_2d_avx2_channels(p, wide, filter, scale, p->out_c % EDGECNN_LANES, output + c, part);
    }
}
