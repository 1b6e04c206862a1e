/* SPDX-License-Identifier: Apache-2.0 */
#include "s16.h"

/* One row of outputs. With part > 0 the row holds the maximum of earlier parts. */
EDGECNN_INLINE void kernel_max_pool_2d_s16(const kernel_max_pool_2d_s16_params *p, const int8_t *const *rows,
                                             int8_t *output, int part)
{
    kernel_int16 *made = kernel_s16_out(output);
    for (int x = 0; x < p->out_w; ++x) {
        for (int c = 0; c < p->channels; ++c, ++made) {
            int32_t best = part > 0 ? *made : INT16_MIN;
            for (int y = 0; y < p->filter_h; ++y) {
                const kernel_int16 *row = kernel_s16(rows[y]);
                for (int i = 0; i < p->filter_w; ++i) {
                    const int column = x * p->stride_w - p->pad_w + i;
                    if (row != NULL && column >= 0 && column < p->in_w) {
                        const int16_t value = row[column * p->channels + c];
                        best = value > best ? value : best;
                    }
                }
            }
            *made = kernel_clamp_s16(best, p->activation_min, p->activation_max);
        }
    }
}
