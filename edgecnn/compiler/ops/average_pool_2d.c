/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel.h"

/* One row of outputs, rounded half away from -offset; the last part writes it. Padding doesn't count. */
EDGECNN_INLINE void kernel_average_pool_2d(const kernel_average_pool_2d_params *p, const int8_t *const *rows,
                                           int8_t *output, int part, int32_t *sums)
{
    for (int x = 0; x < p->out_w; ++x) {
        for (int c = 0; c < p->channels; ++c) {
            const int at = x * p->channels + c;
            int32_t sum = part > 0 ? sums[at] : 0;
            int32_t count = 0;
            for (int y = 0; y < p->filter_h; ++y) {
                for (int i = 0; i < p->filter_w; ++i) {
                    const int column = x * p->stride_w - p->pad_w + i;
                    if (rows[y] != NULL && column >= 0 && column < p->in_w) {
                        sum += rows[y][column * p->channels + c];
                        ++count;
                    }
                }
            }
            if (part + 1 < p->parts) {
                sums[at] = sum;
            } else {
                count *= p->parts;
                sum += p->offset * count;
                sum = (sum > 0 ? sum + count / 2 : sum - count / 2) / count - p->offset;
                output[at] = kernel_clamp(sum, p->activation_min, p->activation_max);
            }
        }
    }
}
