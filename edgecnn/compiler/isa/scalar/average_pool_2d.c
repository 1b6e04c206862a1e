/* SPDX-License-Identifier: Apache-2.0 */
#include "../../ops/reduction.h"

/* One row of outputs, rounded half away from zero; the last part writes it. Padding doesn't count. */
EDGECNN_INLINE void kernel_average_pool_2d_scalar(const kernel_average_pool_2d_scalar_params *p,
                                                  const int8_t *const *rows, int8_t *output, int part, int32_t *sums)
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
            int32_t four[4];
            kernel_sum_window(rows, p->filter_h, first * p->channels + c, p->channels, end - first, four);
            for (int i = 0; i < 4; ++i) {
                const int at = x * p->channels + c + i;
                const int32_t sum = four[i] + (part > 0 ? sums[at] : 0);
                if (part + 1 < p->parts) {
                    sums[at] = sum;
                } else {
                    const int32_t mean = (sum > 0 ? sum + count / 2 : sum - count / 2) / count;
                    output[at] = kernel_clamp(mean, p->activation_min, p->activation_max);
                }
            }
        }
    }
}
