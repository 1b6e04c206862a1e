/* SPDX-License-Identifier: Apache-2.0 */
#include "../../ops/kernel.h"

/* The sums of four channels from c on over the window whose columns are `first` to `end` - 1. */
EDGECNN_INLINE void kernel_average_pool_2d_scalar_window(const kernel_average_pool_2d_scalar_params *p,
                                                         const int8_t *const *rows, int first, int end, int c,
                                                         int32_t *sums)
{
    int32_t sum0 = 0, sum1 = 0, sum2 = 0, sum3 = 0;
    for (int y = 0; y < p->filter_h; ++y) {
        if (rows[y] != NULL) {
            const int8_t *from = rows[y] + first * p->channels + c;
            for (int i = first; i < end; ++i, from += p->channels) {
                sum0 += from[0];
                sum1 += from[1];
                sum2 += from[2];
                sum3 += from[3];
            }
        }
    }
    sums[0] = sum0;
    sums[1] = sum1;
    sums[2] = sum2;
    sums[3] = sum3;
}

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
            kernel_average_pool_2d_scalar_window(p, rows, first, end, c, four);
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
