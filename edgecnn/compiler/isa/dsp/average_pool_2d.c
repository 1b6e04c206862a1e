/* SPDX-License-Identifier: Apache-2.0 */
#include "dsp.h"

/* The sums of four channels over the window whose first column is x: of 0 and 2, then of 1 and 3, 16 bits each. */
EDGECNN_INLINE void kernel_average_pool_2d_dsp_window(const kernel_average_pool_2d_dsp_params *p,
                                                      const int8_t *const *rows, int first, int end, int c,
                                                      uint32_t *pairs)
{
    uint32_t even = 0, odd = 0;
    for (int y = 0; y < p->filter_h; ++y) {
        if (rows[y] != NULL) {
            const int8_t *from = rows[y] + first * p->channels + c;
            for (int i = first; i < end; ++i, from += p->channels) {
                const uint32_t word = kernel_word(from);
                even = kernel_add_even_bytes(even, word);
                odd = kernel_add_odd_bytes(odd, word);
            }
        }
    }
    pairs[0] = even;
    pairs[1] = odd;
}

/* One row of outputs, rounded half away from zero; the last part writes it. Padding doesn't count. */
EDGECNN_INLINE void kernel_average_pool_2d_dsp(const kernel_average_pool_2d_dsp_params *p, const int8_t *const *rows,
                                               int8_t *output, int part, int32_t *sums)
{
    int present = 0;
    for (int y = 0; y < p->filter_h; ++y) {
        present += rows[y] != NULL;
    }
    for (int x = 0; x < p->out_w; ++x) {
        const int from = x * p->stride_w - p->pad_w, first = from > 0 ? from : 0;
        const int end = from + p->filter_w < p->in_w ? from + p->filter_w : p->in_w;
        const int count = present * (end - first) * p->parts;
        for (int c = 0; c < p->channels; c += 4) {
            uint32_t pairs[2];
            kernel_average_pool_2d_dsp_window(p, rows, first, end, c, pairs);
            for (int i = 0; i < 4; ++i) {
                const int at = x * p->channels + c + i;
                int32_t sum = (int16_t)(pairs[i % 2] >> (i < 2 ? 0 : 16));
                sum += part > 0 ? sums[at] : 0;
                if (part + 1 < p->parts) {
                    sums[at] = sum;
                } else {
                    sum = (sum > 0 ? sum + count / 2 : sum - count / 2) / count;
                    output[at] = kernel_clamp(sum, p->activation_min, p->activation_max);
                }
            }
        }
    }
}
