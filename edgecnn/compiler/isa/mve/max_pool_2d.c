/* SPDX-License-Identifier: Apache-2.0 */
#include "mve.h"

/* One row of outputs. With part > 0 the row holds the maximum of earlier parts. */
EDGECNN_INLINE void kernel_max_pool_2d_mve(const kernel_max_pool_2d_mve_params *p, const int8_t *const *rows,
                                           int8_t *output, int part)
{
    for (int x = 0; x < p->out_w; ++x, output += p->channels) {
        const int from = x * p->stride_w - p->pad_w, first = from > 0 ? from : 0;
        const int end = from + p->filter_w < p->in_w ? from + p->filter_w : p->in_w;
        if (part == 0) {
            kernel_fill(output, p->activation_min, p->channels);
        }
        for (int y = 0; y < p->filter_h; ++y) {
            for (int i = first; rows[y] != NULL && i < end; ++i) {
                kernel_larger(output, rows[y] + i * p->channels, p->channels);
            }
        }
        if (p->activation_max < INT8_MAX) {
            kernel_limit(output, p->activation_max, p->channels);
        }
    }
}
