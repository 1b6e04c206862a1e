/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel.h"

/* One row of outputs. With part > 0 the row holds the maximum of earlier parts. */
EDGECNN_INLINE void kernel_max_pool_2d(const kernel_max_pool_2d_params *p, const int8_t *const *rows,
                                       int8_t *output, int part)
{
    for (int x = 0; x < p->out_w; ++x) {
        for (int c = 0; c < p->channels; ++c, ++output) {
            int32_t best = part > 0 ? *output : INT8_MIN;
            for (int y = 0; y < p->filter_h; ++y) {
                for (int i = 0; i < p->filter_w; ++i) {
                    const int column = x * p->stride_w - p->pad_w + i;
                    if (rows[y] != NULL && column >= 0 && column < p->in_w) {
                        const int8_t value = rows[y][column * p->channels + c];
                        best = value > best ? value : best;
                    }
                }
            }
            *output = kernel_clamp(best, p->activation_min, p->activation_max);
        }
    }
}
