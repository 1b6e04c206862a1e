/* SPDX-License-Identifier: Apache-2.0 */
#include "avx2.h"

/* `count` channels, 16 at most, of one output, the maximum over columns `first` to `end` - 1 of all rows. */
EDGECNN_INLINE void kernel_max_pool_2d_avx2_channels(const kernel_max_pool_2d_avx2_params *p, const int8_t *const *rows,
                                                    int first, int end, int c, int count, int8_t *output, int part)
{
    __m128i best = _mm_set1_epi8((char)p->activation_min);
    for (int y = 0; y < p->filter_h; ++y) {
        for (int x = first; rows[y] != NULL && x < end; ++x) {
            __m128i bytes = best;
            memcpy(&bytes, rows[y] + x * p->channels + c, (size_t)count);
            best = _mm_max_epi8(best, bytes);
        }
    }
    kernel_store_outputs(output + c, _mm_min_epi8(best, _mm_set1_epi8((char)p->activation_max)), count, part > 0);
}

/* One row of outputs. With part > 0 the row holds the maximum of earlier parts. */
EDGECNN_INLINE void kernel_max_pool_2d_avx2(const kernel_max_pool_2d_avx2_params *p, const int8_t *const *rows,
                                           int8_t *output, int part)
{
    for (int x = 0; x < p->out_w; ++x, output += p->channels) {
        const int from = x * p->stride_w - p->pad_w, first = from > 0 ? from : 0;
        const int end = from + p->filter_w < p->in_w ? from + p->filter_w : p->in_w;
        int c = 0;
        for (; c + EDGECNN_LANES <= p->channels; c += EDGECNN_LANES) {
            kernel_max_pool_2d_avx2_channels(p, rows, first, end, c, EDGECNN_LANES, output, part);
        }
        if (c < p->channels) {
            kernel_max_pool_2d_avx2_channels(p, rows, first, end, c, p->channels % EDGECNN_LANES, output, part);
        }
    }
}
