/* SPDX-License-Identifier: Apache-2.0 */
#include "dsp.h"

/* The maximum of four channels from c on, over the window whose first column is x; no less than `best`. */
EDGECNN_INLINE uint32_t kernel_max_pool_2d_dsp_window(const kernel_max_pool_2d_dsp_params *p,
                                                      const int8_t *const *rows, int x, int c, uint32_t best)
{
    const int first = x > 0 ? x : 0, end = x + p->filter_w < p->in_w ? x + p->filter_w : p->in_w;
    for (int y = 0; y < p->filter_h; ++y) {
        if (rows[y] != NULL) {
            const int8_t *from = rows[y] + first * p->channels + c;
            for (int i = first; i < end; ++i, from += p->channels) {
                best = kernel_larger_bytes(kernel_word(from), best);
            }
        }
    }
    return best;
}

/* One row of outputs. With part > 0 the row holds the maximum of earlier parts. */
EDGECNN_INLINE void kernel_max_pool_2d_dsp(const kernel_max_pool_2d_dsp_params *p, const int8_t *const *rows,
                                           int8_t *output, int part)
{
    const uint32_t min = (uint8_t)p->activation_min * 0x01010101u, max = (uint8_t)p->activation_max * 0x01010101u;
    for (int x = 0; x < p->out_w; ++x, output += p->channels) {
        for (int next = 0; next < p->channels; next += 4) {
            /* The last four may overlap those before. */
            const int c = next < p->channels - 4 ? next : p->channels - 4;
            uint32_t best = part > 0 ? kernel_word(output + c) : min;
            best = kernel_max_pool_2d_dsp_window(p, rows, x * p->stride_w - p->pad_w, c, best);
            if (p->activation_max < INT8_MAX) {
                best = ~kernel_larger_bytes(~best, ~max); /* ~x is -x - 1: the smaller */
            }
            memcpy(output + c, &best, sizeof best);
        }
    }
}
