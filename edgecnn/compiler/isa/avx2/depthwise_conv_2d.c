/* SPDX-License-Identifier: Apache-2.0 */
#include "avx2.h"

/* Columns of the input are spread over stride_w planes, in which those that neighbouring outputs read are neighbours.
 * Of each value four rows lie together; behind a plane is room for what is written or read beyond its end.
 */
EDGECNN_INLINE int kernel_depthwise_conv_2d_avx2_plane(const kernel_depthwise_conv_2d_avx2_params *p)
{
    const int columns = (p->out_w - 1) * p->stride_w + (p->filter_w - 1) * p->dilation_w + 1;
    return 4 * ((columns + p->stride_w - 1) / p->stride_w * p->in_c + EDGECNN_LANES);
}

/* Interleaves `count` values, 16 at most, of four rows; writes 16. NULL is a row of padding. */
EDGECNN_INLINE void kernel_depthwise_conv_2d_avx2_sixteen(const int8_t *const *rows, int at, int count, int zero_point,
                                                         kernel_wide *to)
{
    __m128i row[4], even, odd;
    EDGECNN_UNROLL
    for (int y = 0; y < 4; ++y) {
        row[y] = _mm_set1_epi8((char)zero_point);
        if (rows[y] != NULL) {
            memcpy(&row[y], rows[y] + at, (size_t)count);
        }
        row[y] = _mm_xor_si128(row[y], _mm_set1_epi8(-128));
    }
    even = _mm_unpacklo_epi8(row[0], row[1]);
    odd = _mm_unpacklo_epi8(row[2], row[3]);
    kernel_store_wide(to, _mm_unpacklo_epi16(even, odd));
    kernel_store_wide(to + 16, _mm_unpackhi_epi16(even, odd));
    even = _mm_unpackhi_epi8(row[0], row[1]);
    odd = _mm_unpackhi_epi8(row[2], row[3]);
    kernel_store_wide(to + 32, _mm_unpacklo_epi16(even, odd));
    kernel_store_wide(to + 48, _mm_unpackhi_epi16(even, odd));
}

/* Interleaves `count` columns from column x on, one behind the other. */
EDGECNN_INLINE void kernel_depthwise_conv_2d_avx2_columns(const kernel_depthwise_conv_2d_avx2_params *p,
                                                         const int8_t *const *rows, int x, int count, kernel_wide *to)
{
    const int first = x * p->in_c, end = first + count * p->in_c;
    int at = first;
    for (; at + 16 <= end; at += 16, to += 64) {
        kernel_depthwise_conv_2d_avx2_sixteen(rows, at, 16, p->input_zero_point, to);
    }
    if (at < end) {
        kernel_depthwise_conv_2d_avx2_sixteen(rows, at, (end - first) % 16, p->input_zero_point, to);
    }
}

/* Fills the planes of four rows with `count` columns from column x on. */
EDGECNN_INLINE void kernel_depthwise_conv_2d_avx2_fill(const kernel_depthwise_conv_2d_avx2_params *p,
                                                      const int8_t *const *rows, int x, int count, kernel_wide *planes)
{
    const int8_t *const padding[4] = {NULL, NULL, NULL, NULL};
    const int before = x < 0 ? -x : 0, inside = (x + count < p->in_w ? x + count : p->in_w) - (x + before);
    if (p->stride_w == 1) {
        kernel_depthwise_conv_2d_avx2_columns(p, padding, 0, before, planes);
        planes += 4 * before * p->in_c;
        kernel_depthwise_conv_2d_avx2_columns(p, rows, x + before, inside, planes);
        planes += 4 * inside * p->in_c;
        kernel_depthwise_conv_2d_avx2_columns(p, padding, 0, count - before - inside, planes);
    } else {
        for (int i = 0; i < count; ++i) {
            kernel_wide *const to = planes + i % p->stride_w * kernel_depthwise_conv_2d_avx2_plane(p) +
                                    4 * (i / p->stride_w) * p->in_c;
            if (i < before || i >= before + inside) {
                kernel_depthwise_conv_2d_avx2_columns(p, padding, 0, 1, to);
            } else {
                kernel_depthwise_conv_2d_avx2_columns(p, rows, x + i, 1, to);
            }
        }
    }
}

/* `count` outputs, 16 at most, that are number `at` and following in their row. */
EDGECNN_INLINE void kernel_depthwise_conv_2d_avx2_outputs(const kernel_depthwise_conv_2d_avx2_params *p,
                                                         const kernel_wide *wide, int at, int block, int count,
                                                         int8_t *output)
{
    const int plane = kernel_depthwise_conv_2d_avx2_plane(p), fours = (p->filter_h + 3) / 4;
    const int8_t *filter = p->filter + 64 * block * fours * p->filter_w;
    const int32_t *const scale = p->scale + (48 + 32 * p->corrections) * block;
    kernel_sums sums = kernel_biases(scale);
    kernel_lanes total;
    for (int y = 0; y < fours; ++y) {
        EDGECNN_UNROLL
        for (int i = 0; i < p->filter_w; ++i, filter += 64) {
            const int column = i * p->dilation_w;
            const kernel_wide *x = wide + (y * p->stride_w + column % p->stride_w) * plane +
                                   4 * (column / p->stride_w * p->in_c + at);
            sums = kernel_add_channelwise(sums, x, filter);
        }
    }
    total = kernel_scale_lanes(kernel_total(sums), scale, p->output_zero_point, p->scale_kind, p->corrections);
    kernel_store_outputs(output + at, kernel_clamp_lanes(total, p->activation_min, p->activation_max), count, 0);
}

/* Columns `first` to `end` - 1 of one row of outputs. */
EDGECNN_INLINE void kernel_depthwise_conv_2d_avx2(const kernel_depthwise_conv_2d_avx2_params *p,
                                                 const int8_t *const *rows, int8_t *output, int first, int end,
                                                 int32_t *working)
{
    const int columns = (end - first - 1) * p->stride_w + (p->filter_w - 1) * p->dilation_w + 1;
    const int total = (end - first) * p->in_c;
    kernel_wide *const wide = (kernel_wide *)(void *)working;
    for (int y = 0; y < p->filter_h; y += 4) {
        const int8_t *four[4];
        for (int i = 0; i < 4; ++i) {
            four[i] = y + i < p->filter_h ? rows[(y + i) * p->dilation_h] : NULL;
        }
        kernel_depthwise_conv_2d_avx2_fill(p, four, first * p->stride_w - p->pad_w, columns,
                                          wide + y / 4 * p->stride_w * kernel_depthwise_conv_2d_avx2_plane(p));
    }
    for (int block = 0; block < p->blocks; ++block) {
        for (int at = EDGECNN_LANES * block; at + EDGECNN_LANES <= total; at += EDGECNN_LANES * p->blocks) {
            kernel_depthwise_conv_2d_avx2_outputs(p, wide, at, block, EDGECNN_LANES, output);
        }
    }
    if (total % 16 > 0) {
        kernel_depthwise_conv_2d_avx2_outputs(p, wide, total / 16 * 16, total / 16 % p->blocks, total % 16, output);
    }
}
