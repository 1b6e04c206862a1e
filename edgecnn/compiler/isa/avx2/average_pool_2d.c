/* SPDX-License-Identifier: Apache-2.0 */
#include "avx2.h"

/* The sums of `count` channels, 16 at most, over columns `first` to `end` - 1 of all rows. */
EDGECNN_INLINE kernel_lanes kernel_average_pool_2d_avx2_sum(const kernel_average_pool_2d_avx2_params *p,
                                                           const int8_t *const *rows, int first, int end, int c,
                                                           int count)
{
    kernel_lanes sum = kernel_lanes_of_bytes(_mm_setzero_si128(), 0);
    for (int y = 0; y < p->filter_h; ++y) {
        for (int x = first; rows[y] != NULL && x < end; ++x) {
            __m128i bytes = _mm_setzero_si128();
            memcpy(&bytes, rows[y] + x * p->channels + c, (size_t)count);
            sum = kernel_add_lanes(sum, kernel_lanes_of_bytes(bytes, 0));
        }
    }
    return sum;
}

/* `count` channels of one output. */
EDGECNN_INLINE void kernel_average_pool_2d_avx2_channels(const kernel_average_pool_2d_avx2_params *p,
                                                        const int8_t *const *rows, int x, int c, int count,
                                                        int8_t *output, int part, int32_t *sums)
{
    const int from = x * p->stride_w - p->pad_w, first = from > 0 ? from : 0;
    const int end = from + p->filter_w < p->in_w ? from + p->filter_w : p->in_w;
    const int at = x * p->channels + c;
    int32_t sum[16], size = 0;
    kernel_store_lanes(sum, kernel_average_pool_2d_avx2_sum(p, rows, first, end, c, count));
    for (int y = 0; y < p->filter_h; ++y) {
        size += rows[y] != NULL ? (end - first) * p->parts : 0;
    }
    for (int i = 0; i < count; ++i) {
        sum[i] += part > 0 ? sums[at + i] : 0;
        if (part + 1 < p->parts) {
            sums[at + i] = sum[i];
        } else {
            const int32_t mean = (sum[i] > 0 ? sum[i] + size / 2 : sum[i] - size / 2) / size;
            output[at + i] = kernel_clamp(mean, p->activation_min, p->activation_max);
        }
    }
}

/* One row of outputs, rounded half away from zero; the last part writes it. Padding doesn't count. */
EDGECNN_INLINE void kernel_average_pool_2d_avx2(const kernel_average_pool_2d_avx2_params *p, const int8_t *const *rows,
                                               int8_t *output, int part, int32_t *sums)
{
    for (int x = 0; x < p->out_w; ++x) {
        int c = 0;
        for (; c + EDGECNN_LANES <= p->channels; c += EDGECNN_LANES) {
            kernel_average_pool_2d_avx2_channels(p, rows, x, c, EDGECNN_LANES, output, part, sums);
        }
        if (c < p->channels) {
            kernel_average_pool_2d_avx2_channels(p, rows, x, c, p->channels % EDGECNN_LANES, output, part, sums);
        }
    }
}
