/* SPDX-License-Identifier: Apache-2.0 */
#include "dsp.h"
#include "../taps.h"

/* Channels whose sums are kept at once. */
#define EDGECNN_DEPTHWISE_CHANNELS 64

/* The sums of `channels` channels from c on, a multiple of four. Four channels have two words of weights for the first
 * of an odd number of taps, of channels (0, 2) and (1, 3), and four words for each two taps, of channels 0, 2, 1 and 3.
 * A loop of 17 instructions does 8 products.
 */
EDGECNN_SHARED void kernel_depthwise_conv_2d_any_dsp_sums(const int8_t *taps, const int32_t *filter, int count, int c,
                                                          int channels, int32_t *sums)
{
#if EDGECNN_LOOPS
    const int8_t *const end = taps + 4 * count;
    int32_t *const sums_end = sums + channels;
    const int odd = count % 2;
    /* Into the loop, of 68 bytes for two taps. */
    uint32_t entry = count < 2 ? 272u : (uint32_t)(-(count / 2) & 3) * 68u;
    register const int32_t *weights __asm__("r1") = filter;
    register int channel __asm__("r2") = c;
    __asm__ volatile(".syntax unified\n\t"
                     "adr.w r8, 3f\n\t"
                     "ldr r9, %[entry]\n\t"
                     "add r8, r8, r9\n\t"
                     "add r8, r8, #1\n\t"
                     "str r8, %[entry]\n"
                     "1:\n\t"
                     "ldr r8, %[odd]\n\t"
                     "ldr r0, %[taps]\n\t"
                     "cmp r8, #0\n\t"
                     "beq 2f\n\t"
                     "ldr r8, [r0], #4\n\t"
                     "ldmia.w r1!, {r9, r10}\n\t"
                     "ldr r8, [r8, r2]\n\t"
                     "sxtb16 r11, r8\n\t"
                     "sxtb16 r8, r8, ror #8\n\t"
                     "smulbb r3, r11, r9\n\t"
                     "smultt r5, r11, r9\n\t"
                     "smulbb r4, r8, r10\n\t"
                     "smultt r6, r8, r10\n\t"
                     "ldr pc, %[entry]\n"
                     "2:\n\t"
                     "mov r3, #0\n\t"
                     "mov r4, #0\n\t"
                     "mov r5, #0\n\t"
                     "mov r6, #0\n\t"
                     "ldr pc, %[entry]\n"
                     "3:\n\t"
                     ".rept 4\n\t"
                     "ldrd r8, r9, [r0], #8\n\t"
                     "ldr r8, [r8, r2]\n\t"
                     "ldr r9, [r9, r2]\n\t"
                     "sxtb16 r10, r8\n\t"
                     "sxtb16 r8, r8, ror #8\n\t"
                     "sxtb16 r11, r9\n\t"
                     "sxtb16 r9, r9, ror #8\n\t"
                     "pkhbt r12, r10, r11, lsl #16\n\t"
                     "pkhtb r10, r11, r10, asr #16\n\t"
                     "ldmia.w r1!, {r11, lr}\n\t"
                     "smlad r3, r12, r11, r3\n\t"
                     "smlad r5, r10, lr, r5\n\t"
                     "pkhbt r12, r8, r9, lsl #16\n\t"
                     "pkhtb r8, r9, r8, asr #16\n\t"
                     "ldmia.w r1!, {r11, lr}\n\t"
                     "smlad r4, r12, r11, r4\n\t"
                     "smlad r6, r8, lr, r6\n\t"
                     ".endr\n\t"
                     "ldr r8, %[end]\n\t"
                     "cmp r0, r8\n\t"
                     "bne 3b\n\t"
                     "ldr r8, %[sums]\n\t"
                     "ldr r9, %[sums_end]\n\t"
                     "add r2, r2, #4\n\t"
                     "stmia r8!, {r3, r4, r5, r6}\n\t"
                     "str r8, %[sums]\n\t"
                     "cmp r8, r9\n\t"
                     "bne 1b"
                     : [entry] "+m"(entry), [sums] "+m"(sums), "+r"(weights), "+r"(channel)
                     : [taps] "m"(taps), [end] "m"(end), [odd] "m"(odd), [sums_end] "m"(sums_end)
                     : "r0", "r3", "r4", "r5", "r6", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory");
#else
    for (const int32_t *const end = sums + channels; sums < end; sums += 4, c += 4) {
        for (int i = 0; i < 4; ++i) {
            /* Behind channel 0 comes 2. */
            const int word = i % 2 * 2 + i / 2, half = i / 2 * 16;
            const int32_t *weights = filter;
            int32_t sum = 0;
            for (int t = 0; t < count; t += t > 0 || count % 2 == 0 ? 2 : 1) {
                const int8_t *tap = kernel_noted_tap(taps, t) + c;
                const uint16_t first = (uint16_t)tap[i];
                if (t == 0 && count % 2 == 1) {
                    sum = kernel_multiply_pairs(first, (uint32_t)weights[i % 2] >> half, sum);
                    weights += 2;
                } else {
                    const int8_t *next = kernel_noted_tap(taps, t + 1) + c;
                    const uint32_t pair = first | (uint32_t)(uint16_t)next[i] << 16;
                    sum = kernel_multiply_pairs(pair, (uint32_t)weights[word], sum);
                    weights += 4;
                }
            }
            sums[i] = sum;
        }
        filter += 2 * count;
    }
#endif
}

/* Makes outputs of the sums of `channels` channels from c on; they are doubled but where p->general_scale. */
EDGECNN_INLINE void kernel_depthwise_conv_2d_any_dsp_scale(const kernel_depthwise_conv_2d_any_dsp_params *p,
                                                           const int32_t *sums, int c, int channels, int8_t *output)
{
    const int32_t min = p->activation_min, max = p->activation_max, *scale = p->scale + 2 * c;
    const int8_t *shift = p->shift + c;
    if (!p->general_scale) {
        kernel_scale_channels(sums, scale, shift, channels, 2 * p->output_zero_point + 1, output);
        for (int i = 0; (min > INT8_MIN || max < INT8_MAX) && i < channels; ++i) {
            output[i] = kernel_clamp(output[i], min, max);
        }
        return;
    }
    for (int i = 0; i < channels; ++i) {
        const int32_t sum = kernel_offset(sums[i], scale[2 * i]);
        const int32_t scaled = kernel_requantize(sum, scale[2 * i + 1], shift[i]);
        output[i] = kernel_clamp(kernel_offset(scaled, p->output_zero_point), min, max);
    }
}

/* Gathers what the taps hold for four outputs from c on, of which each p->depth_multiplier share a channel. */
EDGECNN_INLINE void kernel_depthwise_conv_2d_any_dsp_gather(const kernel_depthwise_conv_2d_any_dsp_params *p,
                                                            const int8_t *taps, int count, int c, int8_t *four)
{
    const int c0 = c / p->depth_multiplier, c1 = (c + 1) / p->depth_multiplier;
    const int c2 = (c + 2) / p->depth_multiplier, c3 = (c + 3) / p->depth_multiplier;
    for (int i = 0; i < count; ++i, four += 4) {
        const int8_t *tap = kernel_noted_tap(taps, i);
        four[0] = tap[c0];
        four[1] = tap[c1];
        four[2] = tap[c2];
        four[3] = tap[c3];
    }
}

/* Notes where gathered taps lie. */
EDGECNN_INLINE void kernel_depthwise_conv_2d_any_dsp_gathered(const int8_t *four, int count, int8_t *taps)
{
    for (int i = 0; i < count; ++i, four += 4) {
        memcpy(taps, &four, sizeof four);
        taps += sizeof four;
    }
}

/* Columns `first` to `end` - 1 of one row of outputs. Working memory holds sums, where taps lie, a column of padding,
 * and where several outputs share a channel, gathered taps and where these lie.
 */
EDGECNN_INLINE void kernel_depthwise_conv_2d_any_dsp(const kernel_depthwise_conv_2d_any_dsp_params *p,
                                                     const int8_t *const *rows, int8_t *output, int first, int end,
                                                     int32_t *working)
{
    const kernel_window_shape shape = {p->filter_h, p->filter_w, p->dilation_h, p->dilation_w, p->in_w, p->in_c};
    const int count = p->filter_h * p->filter_w, out_c = p->in_c * p->depth_multiplier;
    const int shared = p->depth_multiplier > 1, most = shared ? 4 : EDGECNN_DEPTHWISE_CHANNELS;
    int32_t *const sums = working;
    int8_t *const taps = (int8_t *)(working + (out_c < most ? out_c : most)), *const gathered = taps + 8 * count;
    int8_t *const four = gathered + (shared ? 8 * count : 0), *const padding = four + (shared ? 4 * count : 0);
    memset(padding, p->input_zero_point, (size_t)p->padding);
    if (shared) {
        kernel_depthwise_conv_2d_any_dsp_gathered(four, count, gathered);
    }
    for (int x = first; x < end; ++x, output += out_c) {
        const int32_t *filter = p->filter;
        kernel_note_taps(&shape, rows, x * p->stride_w - p->pad_w, padding, taps);
        for (int next = 0, channels; next < out_c; next += channels) {
            /* The last four may overlap those before. */
            const int left = out_c - next, c = left < 4 ? out_c - 4 : next;
            channels = left < 4 ? 4 : left < most ? left / 4 * 4 : most;
            if (shared) {
                kernel_depthwise_conv_2d_any_dsp_gather(p, taps, count, c, four);
            }
            kernel_depthwise_conv_2d_any_dsp_sums(shared ? gathered : taps, filter, count, shared ? 0 : c, channels,
                                                  sums);
            filter += channels / 2 * count;
            kernel_depthwise_conv_2d_any_dsp_scale(p, sums, c, channels, output + c);
        }
    }
}
