/* SPDX-License-Identifier: Apache-2.0 */
/* How rows of sums become outputs, for MVE. */
#ifndef EDGECNN_MVE_SCALE_H
#define EDGECNN_MVE_SCALE_H

#include "mve.h"

/* How sums of channels become outputs. */
typedef struct {
    const int32_t *bias;
    const int32_t *multiplier;
    const int8_t *shift;
    int32_t zero_point, min, max;
    int32_t rounding; /* 0: no negative output is above `min`, 1: no shift is to the left, 2: anything */
} kernel_scaling;

/* Keeps in `best` the largest sum of each channel: of `count` rows, and without `first` of itself. */
EDGECNN_INLINE void kernel_largest(int32_t *best, const int32_t *sums, int channels, int count, int first)
{
    const int32_t *kept = first ? sums : best;
    for (int k = first && count > 1; k < count; ++k, kept = best) {
#if EDGECNN_MVE
        const int32_t *one = kept, *two = sums + k * EDGECNN_ROW;
        int32_t *to = best;
        __asm__ volatile("dlstp.32 lr, %[channels]\n"
                         "1:\n\t"
                         "vldrw.32 q0, [%[one]], #16\n\t"
                         "vldrw.32 q1, [%[two]], #16\n\t"
                         "vmax.s32 q0, q0, q1\n\t"
                         "vstrw.32 q0, [%[to]], #16\n\t"
                         "letp lr, 1b"
                         : [one] "+r"(one), [two] "+r"(two), [to] "+r"(to)
                         : [channels] "r"(channels)
                         : "q0", "q1", "lr", "memory");
#else
        for (int c = 0; c < channels; ++c) {
            const int32_t sum = sums[k * EDGECNN_ROW + c];
            best[c] = sum > kept[c] ? sum : kept[c];
        }
#endif
    }
}

#if EDGECNN_MVE
/* A loop that scales four channels at once, of one to three positions. VQRDMULH rounds halves up, as TFLite's first
 * rounding does. So does VRSHL, but the second rounding wants halves away from zero: that is the same after taking one
 * from what is negative and shifted. Where negative outputs are clamped anyway `fix` is left out.
 */
#define EDGECNN_FIX                                                                                                    \
    "vand q1, q0, q6\n\t"                                                                                              \
    "vshr.s32 q1, q1, #31\n\t"                                                                                         \
    "vadd.i32 q0, q0, q1\n\t"
#define EDGECNN_SCALE(from, fix, to)                                                                                   \
    "vldrw.32 q0, [%[sums]" from "\n\t"                                                                                \
    "vadd.i32 q0, q0, q4\n\t"                                                                                          \
    "vqrdmulh.s32 q0, q0, q5\n\t"                                                                                      \
    fix                                                                                                                \
    "vrshl.s32 q0, q0, q6\n\t"                                                                                         \
    "vadd.i32 q0, q0, %[zero_point]\n\t"                                                                               \
    "vmax.s32 q0, q0, q2\n\t"                                                                                          \
    "vmin.s32 q0, q0, q3\n\t"                                                                                          \
    "vstrb.32 q0, [%[" to "]], #4\n\t"
#define EDGECNN_SCALE_1(fix) EDGECNN_SCALE("], #16", fix, "one")
#define EDGECNN_SCALE_2(fix) EDGECNN_SCALE(", #128]", fix, "two") EDGECNN_SCALE_1(fix)
#define EDGECNN_SCALE_3(fix) EDGECNN_SCALE(", #256]", fix, "three") EDGECNN_SCALE_2(fix)
#define EDGECNN_SCALE_LOOP(positions)                                                                                  \
    __asm__ volatile("ldr lr, %[min]\n\t"                                                                              \
                     "vdup.32 q2, lr\n\t"                                                                              \
                     "ldr lr, %[max]\n\t"                                                                              \
                     "vdup.32 q3, lr\n\t"                                                                              \
                     "dlstp.32 lr, %[channels]\n"                                                                      \
                     "1:\n\t"                                                                                          \
                     "vldrw.32 q4, [%[bias]], #16\n\t"                                                                 \
                     "vldrw.32 q5, [%[multiplier]], #16\n\t"                                                           \
                     "vldrb.s32 q6, [%[shift]], #4\n\t"                                                                \
                     positions                                                                                         \
                     "letp lr, 1b"                                                                                     \
                     : [sums] "+r"(from), [bias] "+r"(bias), [multiplier] "+r"(multiplier), [shift] "+r"(shift),       \
                       [one] "+r"(one), [two] "+r"(two), [three] "+r"(third)                                           \
                     : [channels] "r"(all), [min] "m"(min), [max] "m"(max), [zero_point] "r"(zero_point)               \
                     : "q0", "q1", "q2", "q3", "q4", "q5", "q6", "lr", "memory")
#endif

#if EDGECNN_MVE
/* Scales one to three rows of sums, of channels from number c on; outputs lie `step` bytes apart. */
EDGECNN_SHARED void kernel_scale_rows(const kernel_scaling *s, const int32_t *sums, int c, int channels, int count,
                                      int8_t *output, int step)
{
    const int32_t min = s->min, max = s->max;
    register const int32_t *from __asm__("r8") = sums, *bias __asm__("r9") = s->bias + c;
    register const int32_t *multiplier __asm__("r10") = s->multiplier + c;
    register const int8_t *shift __asm__("r3") = s->shift + c;
    register int8_t *one __asm__("r4") = output, *two __asm__("r5") = output + step;
    register int8_t *third __asm__("r6") = output + 2 * step;
    register const int32_t zero_point __asm__("r11") = s->zero_point;
    register const int all __asm__("r12") = channels;
    if (count == 3) {
        if (s->rounding) {
            EDGECNN_SCALE_LOOP(EDGECNN_SCALE_3(EDGECNN_FIX));
        } else {
            EDGECNN_SCALE_LOOP(EDGECNN_SCALE_3(""));
        }
    } else if (count == 2) {
        if (s->rounding) {
            EDGECNN_SCALE_LOOP(EDGECNN_SCALE_2(EDGECNN_FIX));
        } else {
            EDGECNN_SCALE_LOOP(EDGECNN_SCALE_2(""));
        }
    } else if (s->rounding) {
        EDGECNN_SCALE_LOOP(EDGECNN_SCALE_1(EDGECNN_FIX));
    } else {
        EDGECNN_SCALE_LOOP(EDGECNN_SCALE_1(""));
    }
}
#endif

/* Makes outputs of `count` rows of sums, whose channels are those from number c on; outputs lie `step` bytes apart. */
EDGECNN_INLINE void kernel_scale_sums(const kernel_scaling *s, const int32_t *sums, int c, int channels, int count,
                                 int8_t *output, int step)
{
#if EDGECNN_MVE
    if (s->rounding < 2) {
        for (int left = count, rows; left > 0; left -= rows, sums += rows * EDGECNN_ROW, output += rows * step) {
            rows = left == 4 ? 2 : left < 3 ? left : 3;
            kernel_scale_rows(s, sums, c, channels, rows, output, step);
        }
        return;
    }
#endif
    for (int k = 0; k < count; ++k, sums += EDGECNN_ROW, output += step) {
        for (int i = 0; i < channels; ++i) {
            const int32_t sum = sums[i] + s->bias[c + i];
            const int32_t value = kernel_requantize(sum, s->multiplier[c + i], s->shift[c + i]);
            output[i] = kernel_clamp(value + s->zero_point, s->min, s->max);
        }
    }
}

#if EDGECNN_MVE
/* A loop over positions that scales four channels of each. */
#define EDGECNN_SCALE_FOUR(fix)                                                                                        \
    __asm__ volatile("ldr lr, %[min]\n\t"                                                                              \
                     "vdup.32 q2, lr\n\t"                                                                              \
                     "ldr lr, %[max]\n\t"                                                                              \
                     "vdup.32 q3, lr\n\t"                                                                              \
                     "vldrw.32 q4, [%[bias]]\n\t"                                                                      \
                     "vldrw.32 q5, [%[multiplier]]\n\t"                                                                \
                     "vldrb.s32 q6, [%[shift]]\n\t"                                                                    \
                     "dls lr, %[count]\n"                                                                              \
                     "1:\n\t"                                                                                          \
                     EDGECNN_SCALE_1(fix)                                                                              \
                     "add %[one], %[one], %[step]\n\t"                                                                 \
                     "le lr, 1b"                                                                                       \
                     : [sums] "+r"(from), [one] "+r"(one)                                                              \
                     : [bias] "r"(s->bias + c), [multiplier] "r"(s->multiplier + c), [shift] "r"(shift),               \
                       [count] "r"(count), [min] "m"(min), [max] "m"(max), [zero_point] "r"(zero_point),               \
                       [step] "r"(step - 4)                                                                            \
                     : "q0", "q1", "q2", "q3", "q4", "q5", "q6", "lr", "memory")
#endif

/* Makes outputs of the sums of four channels, those from number c on, at `count` positions; outputs lie `step` bytes
 * apart, sums 16.
 */
EDGECNN_SHARED void kernel_scale_four(const kernel_scaling *s, const int32_t *sums, int c, int count, int8_t *output,
                                      int step)
{
#if EDGECNN_MVE
    if (s->rounding < 2) {
        const int32_t min = s->min, max = s->max, zero_point = s->zero_point, *from = sums;
        register const int8_t *shift __asm__("r3") = s->shift + c;
        register int8_t *one __asm__("r4") = output;
        if (s->rounding) {
            EDGECNN_SCALE_FOUR(EDGECNN_FIX);
        } else {
            EDGECNN_SCALE_FOUR("");
        }
        return;
    }
#endif
    for (int k = 0; k < count; ++k, sums += 4, output += step) {
        for (int i = 0; i < 4; ++i) {
            const int32_t sum = sums[i] + s->bias[c + i];
            const int32_t value = kernel_requantize(sum, s->multiplier[c + i], s->shift[c + i]);
            output[i] = kernel_clamp(value + s->zero_point, s->min, s->max);
        }
    }
}

#endif
