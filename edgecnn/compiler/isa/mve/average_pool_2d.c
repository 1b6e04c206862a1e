/* SPDX-License-Identifier: Apache-2.0 */
#include "mve.h"

/* Divides sums of `count` values, at most 4087, and rounds halves away from zero.
 *
 * A magnitude n, less than 2^20, divided by d is the high half of 2 n (2^31 / d + 1): what that is too large by is
 * less than 1 / d.
 */
EDGECNN_INLINE void kernel_average_pool_2d_mve_divide(const kernel_average_pool_2d_mve_params *p, const int32_t *sums,
                                                      int count, int8_t *output)
{
#if EDGECNN_MVE
    const int32_t min = p->activation_min, max = p->activation_max;
    register int8_t *to __asm__("r2") = output; /* a low register, as narrowing stores want it */
    __asm__ volatile("vdup.32 q2, %[min]\n\t"
                     "vdup.32 q3, %[max]\n\t"
                     "vdup.32 q4, %[factor]\n\t"
                     "dlstp.32 lr, %[channels]\n"
                     "1:\n\t"
                     "vldrw.32 q0, [%[sums]], #16\n\t"
                     "vshr.s32 q1, q0, #31\n\t"
                     "vabs.s32 q0, q0\n\t"
                     "vadd.i32 q0, q0, %[half]\n\t"
                     "vshl.i32 q0, q0, #1\n\t"
                     "vmulh.u32 q0, q0, q4\n\t"
                     "veor q0, q0, q1\n\t"
                     "vsub.i32 q0, q0, q1\n\t"
                     "vmax.s32 q0, q0, q2\n\t"
                     "vmin.s32 q0, q0, q3\n\t"
                     "vstrb.32 q0, [%[output]], #4\n\t"
                     "letp lr, 1b"
                     : [sums] "+r"(sums), [output] "+r"(to)
                     : [channels] "r"((int32_t)p->channels), [half] "r"(count / 2), [min] "r"(min), [max] "r"(max),
                       [factor] "r"(0x80000000u / (uint32_t)count + 1u)
                     : "q0", "q1", "q2", "q3", "q4", "lr", "memory");
    return;
#endif
    for (int c = 0; c < p->channels; ++c) {
        const int32_t mean = (sums[c] > 0 ? sums[c] + count / 2 : sums[c] - count / 2) / count;
        output[c] = kernel_clamp(mean, p->activation_min, p->activation_max);
    }
}

/* One row of outputs, rounded half away from zero; the last part writes it. Padding doesn't count. */
EDGECNN_INLINE void kernel_average_pool_2d_mve(const kernel_average_pool_2d_mve_params *p, const int8_t *const *rows,
                                               int8_t *output, int part, int32_t *sums)
{
    for (int x = 0; x < p->out_w; ++x, output += p->channels, sums += p->parts > 1 ? p->channels : 0) {
        const int from = x * p->stride_w - p->pad_w, first = from > 0 ? from : 0;
        const int end = from + p->filter_w < p->in_w ? from + p->filter_w : p->in_w;
        int count = 0;
        if (part == 0) {
            memset(sums, 0, (size_t)p->channels * sizeof *sums);
        }
        for (int y = 0; y < p->filter_h; ++y) {
            if (rows[y] != NULL) {
                kernel_add_columns(sums, rows[y] + first * p->channels, p->channels, end - first);
                count += end - first;
            }
        }
        if (part + 1 == p->parts) {
            kernel_average_pool_2d_mve_divide(p, sums, count * p->parts, output);
        }
    }
}
