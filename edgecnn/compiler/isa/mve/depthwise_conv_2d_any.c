/* SPDX-License-Identifier: Apache-2.0 */
#include "mve_scale.h"
#include "../taps.h"

/* Channels whose sums are kept at once. */
#define EDGECNN_DEPTHWISE_CHANNELS 64

/* The sums of up to 16 channels from c on; each of `count` taps has 16 weights. Writes 16 sums, those of no channel 0.
 * Products of bytes with even and with odd numbers have 16 bits; of each the even and the odd ones are added to sums of
 * 32 bits, so that four vectors interleaved are in order.
 */
EDGECNN_INLINE void kernel_depthwise_conv_2d_any_mve_sixteen(const int8_t *taps, const int8_t *filter, int count, int c,
                                                             int channels, int32_t *sums)
{
#if EDGECNN_MVE
    __asm__ volatile("vmov.i32 q0, #0\n\t"
                     "vmov.i32 q1, #0\n\t"
                     "vmov.i32 q2, #0\n\t"
                     "vmov.i32 q3, #0\n\t"
                     "vctp.8 %[channels]\n\t"
                     "dls lr, %[count]\n"
                     "1:\n\t"
                     "ldr r0, [%[taps]], #4\n\t"
                     "add r0, r0, %[c]\n\t"
                     "vpst\n\t"
                     "vldrbt.u8 q4, [r0]\n\t"
                     "vldrb.u8 q5, [%[filter]], #16\n\t"
                     "vmullb.s8 q6, q4, q5\n\t"
                     "vmullt.s8 q7, q4, q5\n\t"
                     "vmovlb.s16 q4, q6\n\t"
                     "vadd.i32 q0, q0, q4\n\t"
                     "vmovlt.s16 q5, q6\n\t"
                     "vadd.i32 q2, q2, q5\n\t"
                     "vmovlb.s16 q4, q7\n\t"
                     "vadd.i32 q1, q1, q4\n\t"
                     "vmovlt.s16 q5, q7\n\t"
                     "vadd.i32 q3, q3, q5\n\t"
                     "le lr, 1b\n\t"
                     "vst40.32 {q0, q1, q2, q3}, [%[sums]]\n\t"
                     "vst41.32 {q0, q1, q2, q3}, [%[sums]]\n\t"
                     "vst42.32 {q0, q1, q2, q3}, [%[sums]]\n\t"
                     "vst43.32 {q0, q1, q2, q3}, [%[sums]]"
                     : [taps] "+r"(taps), [filter] "+r"(filter)
                     : [count] "r"(count), [c] "r"(c), [channels] "r"(channels), [sums] "r"(sums)
                     : "r0", "lr", "q0", "q1", "q2", "q3", "q4", "q5", "q6", "q7", "p0", "memory");
#else
    for (int i = 0; i < 16; ++i) {
        sums[i] = 0;
        for (int t = 0; t < count && i < channels; ++t) {
            const int8_t *tap;
            memcpy(&tap, taps + (size_t)t * sizeof tap, sizeof tap);
            sums[i] += tap[c + i] * filter[16 * t + i];
        }
    }
#endif
}

/* The sums of `channels` channels from c on; writes as many as fill sixteens. */
EDGECNN_SHARED void kernel_depthwise_conv_2d_any_mve_sums(const int8_t *taps, const int8_t *filter, int count, int c,
                                                          int channels, int32_t *sums)
{
    for (; channels > 0; channels -= 16, c += 16, filter += 16 * count, sums += 16) {
        kernel_depthwise_conv_2d_any_mve_sixteen(taps, filter, count, c, channels < 16 ? channels : 16, sums);
    }
}

/* Columns `first` to `end` - 1 of one row of outputs. Working memory holds sums, where taps lie, and padding. */
EDGECNN_INLINE void kernel_depthwise_conv_2d_any_mve(const kernel_depthwise_conv_2d_any_mve_params *p,
                                                     const int8_t *const *rows, int8_t *output, int first, int end,
                                                     int32_t *working)
{
    const kernel_window_shape shape = {p->filter_h, p->filter_w, p->dilation_h, p->dilation_w, p->in_w, p->in_c};
    const kernel_scaling scaling = {p->bias, p->multiplier, p->shift, p->output_zero_point, p->activation_min,
                                    p->activation_max, p->rounding};
    const int count = p->filter_h * p->filter_w, most = EDGECNN_DEPTHWISE_CHANNELS;
    int8_t *const taps = (int8_t *)(working + (p->in_c < most ? (p->in_c + 15) / 16 * 16 : most));
    int8_t *const padding = taps + 8 * count;
    if (p->padding > 0) {
        kernel_fill(padding, p->input_zero_point, p->padding);
    }
    for (int x = first; x < end; ++x, output += p->in_c) {
        kernel_note_taps(&shape, rows, x * p->stride_w - p->pad_w, padding, taps);
        for (int c = 0; c < p->in_c; c += most) {
            const int channels = p->in_c - c < most ? p->in_c - c : most;
            kernel_depthwise_conv_2d_any_mve_sums(taps, p->filter + c * count, count, c, channels, working);
            kernel_scale_sums(&scaling, working, c, channels, 1, output + c, 0);
        }
    }
}
