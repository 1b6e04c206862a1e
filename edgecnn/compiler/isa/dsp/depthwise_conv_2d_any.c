/* SPDX-License-Identifier: Apache-2.0 */
#include "dsp.h"

/* Adds the products of four channels, at the bytes of a word each, to their sums. */
EDGECNN_INLINE void kernel_depthwise_conv_2d_any_dsp_tap(uint32_t x, uint32_t filter, int32_t *sum0, int32_t *sum1,
                                                         int32_t *sum2, int32_t *sum3)
{
#if EDGECNN_DSP
    uint32_t a, b;
    __asm__("sxtb16 %4, %6\n\t"
            "sxtb16 %5, %7\n\t"
            "smlabb %0, %4, %5, %0\n\t"
            "smlatt %2, %4, %5, %2\n\t"
            "sxtb16 %4, %6, ror #8\n\t"
            "sxtb16 %5, %7, ror #8\n\t"
            "smlabb %1, %4, %5, %1\n\t"
            "smlatt %3, %4, %5, %3"
            : "+r"(*sum0), "+r"(*sum1), "+r"(*sum2), "+r"(*sum3), "=&r"(a), "=&r"(b)
            : "r"(x), "r"(filter));
#else
    *sum0 += (int8_t)x * (int8_t)filter;
    *sum1 += (int8_t)(x >> 8) * (int8_t)(filter >> 8);
    *sum2 += (int8_t)(x >> 16) * (int8_t)(filter >> 16);
    *sum3 += (int8_t)(x >> 24) * (int8_t)(filter >> 24);
#endif
}

/* The sums of four channels from c on, over the window whose first column is x. */
EDGECNN_SHARED void kernel_depthwise_conv_2d_any_dsp_window(const kernel_depthwise_conv_2d_any_dsp_params *p,
                                                            const int8_t *const *rows, int x, int c, int32_t *sums)
{
    const uint32_t padding = (uint8_t)p->input_zero_point * 0x01010101u;
    const int step = p->dilation_w * p->in_c, in_c = p->in_c;
    const int8_t *filter = p->filter + c;
    int32_t sum0 = 0, sum1 = 0, sum2 = 0, sum3 = 0;
    for (int y = 0; y < p->filter_h; ++y) {
        const int8_t *row = rows[y * p->dilation_h];
        int column = x, left = p->filter_w;
        while (left > 0) {
            if (row == NULL || column < 0 || column >= p->in_w) {
                kernel_depthwise_conv_2d_any_dsp_tap(padding, kernel_word(filter), &sum0, &sum1, &sum2, &sum3);
                filter += in_c;
                column += p->dilation_w;
                --left;
            } else {
                const int inside = (p->in_w - 1 - column) / p->dilation_w + 1, run = inside < left ? inside : left;
                const int8_t *from = row + column * in_c + c;
                for (int i = run; i > 0; --i, from += step, filter += in_c) {
                    kernel_depthwise_conv_2d_any_dsp_tap(kernel_word(from), kernel_word(filter), &sum0, &sum1, &sum2,
                                                         &sum3);
                }
                column += run * p->dilation_w;
                left -= run;
            }
        }
    }
    sums[0] = sum0;
    sums[1] = sum1;
    sums[2] = sum2;
    sums[3] = sum3;
}

/* Columns `first` to `end` - 1 of one row of outputs. */
EDGECNN_INLINE void kernel_depthwise_conv_2d_any_dsp(const kernel_depthwise_conv_2d_any_dsp_params *p,
                                                     const int8_t *const *rows, int8_t *output, int first, int end)
{
    const int32_t min = p->activation_min, max = p->activation_max;
    for (int x = first; x < end; ++x, output += p->in_c) {
        for (int next = 0; next < p->in_c; next += 4) {
            /* The last four may overlap those before. */
            const int from = next < p->in_c - 4 ? next : p->in_c - 4;
            int32_t sums[4];
            kernel_depthwise_conv_2d_any_dsp_window(p, rows, x * p->stride_w - p->pad_w, from, sums);
            for (int c = from; c < from + 4; ++c) {
                output[c] = kernel_output(sums[c - from] + p->bias[c], p->multiplier[c], -p->shift[c],
                                          p->general_scale, p->output_zero_point, min, max);
            }
        }
    }
}
