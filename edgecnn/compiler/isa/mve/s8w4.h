/* SPDX-License-Identifier: Apache-2.0 */
/* Weights of four bits for MVE: of two channels in a byte, the first in its low half.
 *
 * Shifted down the second's are what they are; shifted up the first's are 16 times that, as are their sums, exactly.
 */
#ifndef EDGECNN_MVE_INT4_H
#define EDGECNN_MVE_INT4_H

#include "mve_dot.h"

/* As kernel_channel_sum. */
EDGECNN_INLINE int32_t kernel_channel_sum_s8w4(int32_t sum, const int8_t *x, const int8_t *filter, int channel,
                                               int next, int count)
{
    filter += (size_t)(channel / 2) * (size_t)next;
#if EDGECNN_MVE
    int32_t products = 0;
    if (channel % 2 != 0) {
        __asm__ volatile("dlstp.8 lr, %[count]\n"
                         "1:\n\t"
                         "vldrb.8 q0, [%[x]], #16\n\t"
                         "vldrb.8 q1, [%[filter]], #16\n\t"
                         "vshr.s8 q1, q1, #4\n\t"
                         "vmladava.s8 %[products], q0, q1\n\t"
                         "letp lr, 1b"
                         : [products] "+Te"(products), [x] "+r"(x), [filter] "+r"(filter)
                         : [count] "r"(count)
                         : "q0", "q1", "lr", "memory");
        return sum + products;
    }
    __asm__ volatile("dlstp.8 lr, %[count]\n"
                     "1:\n\t"
                     "vldrb.8 q0, [%[x]], #16\n\t"
                     "vldrb.8 q1, [%[filter]], #16\n\t"
                     "vshl.i8 q1, q1, #4\n\t"
                     "vmladava.s8 %[products], q0, q1\n\t"
                     "letp lr, 1b"
                     : [products] "+Te"(products), [x] "+r"(x), [filter] "+r"(filter)
                     : [count] "r"(count)
                     : "q0", "q1", "lr", "memory");
    return sum + (products >> 4);
#else
    for (int i = 0; i < count; ++i) {
        const int up = channel % 2 != 0 ? 0 : 4; /* such that the weight comes to lie in the upper half of a byte */
        sum += x[i] * ((int8_t)((uint8_t)filter[i] << up) >> 4);
    }
    return sum;
#endif
}

#if !EDGECNN_MVE
/* What kernel_dot_3_s8w4 does, with `count` columns. */
EDGECNN_INLINE void kernel_dot_plain_s8w4(const int8_t *columns, int step, const int8_t *filter, int taps,
                                          int channels, int32_t *sums, int count)
{
    for (int c = 0; c < channels; ++c) {
        for (int k = 0; k < count; ++k) {
            sums[k * EDGECNN_ROW + c] = kernel_channel_sum_s8w4(0, columns + k * step, filter, c, taps, taps);
        }
    }
}
#endif

#if EDGECNN_MVE
/* EDGECNN_DOT_2 for weights of two channels in each byte. */
#define EDGECNN_PACKED_2(multiply)                                                                                     \
    "vldrb.8 q1, [r9], #16\n\t"                                                                                        \
    "vldrb.8 q2, [r1], #16\n\t"                                                                                        \
    "vshl.i8 q0, q1, #4\n\t"                                                                                           \
    multiply " r0, q0, q2\n\t"                                                                                         \
    "vshr.s8 q1, q1, #4\n\t"                                                                                           \
    multiply " r2, q1, q2\n\t"                                                                                         \
    "vldrb.8 q3, [r3], #16\n\t"                                                                                        \
    multiply " r4, q0, q3\n\t"                                                                                         \
    multiply " r6, q1, q3\n\t"
#endif

#if EDGECNN_MVE
/* The same with three columns. */
#define EDGECNN_PACKED_3(multiply)                                                                                     \
    EDGECNN_PACKED_2(multiply)                                                                                         \
    "vldrb.8 q2, [r5], #16\n\t"                                                                                        \
    multiply " r8, q0, q2\n\t"                                                                                         \
    multiply " r10, q1, q2\n\t"
#endif

/* As kernel_dot_3. */
EDGECNN_SHARED void kernel_dot_3_s8w4(const int8_t *columns, int step, const int8_t *filter, int taps, int channels,
                                      int32_t *sums)
{
#if EDGECNN_MVE
    const int8_t *const starts[2] = {columns, columns + step}, *const third = columns + 2 * step;
    const int beyond = -taps & 15; /* where the loop leaves a pointer behind the taps */
    const int32_t *const end = sums + channels;
    register const int8_t *weights __asm__("r9") = filter;
    register const int size __asm__("r12") = taps;
    __asm__ volatile("1:\n\t"
                     "ldrd r1, r3, %[starts]\n\t"
                     "ldr r5, %[third]\n\t"
                     EDGECNN_PACKED_3("vmladav.s8")
                     "sub lr, r12, #16\n\t"
                     "dlstp.8 lr, lr\n"
                     "2:\n\t"
                     EDGECNN_PACKED_3("vmladava.s8")
                     "letp lr, 2b\n\t"
                     "ldr r1, %[sums]\n\t"
                     "ldr r3, %[beyond]\n\t"
                     "ldr r5, %[end]\n\t"
                     "asr r0, r0, #4\n\t"
                     "asr r4, r4, #4\n\t"
                     "asr r8, r8, #4\n\t"
                     "strd r4, r6, [r1, #128]\n\t"
                     "strd r8, r10, [r1, #256]\n\t"
                     "strd r0, r2, [r1], #8\n\t"
                     "sub r9, r9, r3\n\t"
                     "str r1, %[sums]\n\t"
                     "cmp r1, r5\n\t"
                     "bne 1b"
                     : [sums] "+m"(sums), "+r"(weights)
                     : [starts] "m"(starts), [third] "m"(third), [beyond] "m"(beyond), [end] "m"(end), "r"(size)
                     : "r0", "r1", "r2", "r3", "r4", "r5", "r6", "r8", "r10", "lr", "q0", "q1", "q2", "q3", "cc",
                       "memory");
#else
    kernel_dot_plain_s8w4(columns, step, filter, taps, channels, sums, 3);
#endif
}

/* As kernel_dot_2. */
EDGECNN_SHARED void kernel_dot_2_s8w4(const int8_t *columns, int step, const int8_t *filter, int taps, int channels,
                                      int32_t *sums)
{
#if EDGECNN_MVE
    const int8_t *const starts[2] = {columns, columns + step};
    const int beyond = -taps & 15;
    const int32_t *const end = sums + channels;
    register const int8_t *weights __asm__("r9") = filter;
    register const int size __asm__("r12") = taps;
    __asm__ volatile("1:\n\t"
                     "ldrd r1, r3, %[starts]\n\t"
                     EDGECNN_PACKED_2("vmladav.s8")
                     "sub lr, r12, #16\n\t"
                     "dlstp.8 lr, lr\n"
                     "2:\n\t"
                     EDGECNN_PACKED_2("vmladava.s8")
                     "letp lr, 2b\n\t"
                     "ldr r1, %[sums]\n\t"
                     "ldr r3, %[beyond]\n\t"
                     "ldr r5, %[end]\n\t"
                     "asr r0, r0, #4\n\t"
                     "asr r4, r4, #4\n\t"
                     "strd r4, r6, [r1, #128]\n\t"
                     "strd r0, r2, [r1], #8\n\t"
                     "sub r9, r9, r3\n\t"
                     "str r1, %[sums]\n\t"
                     "cmp r1, r5\n\t"
                     "bne 1b"
                     : [sums] "+m"(sums), "+r"(weights)
                     : [starts] "m"(starts), [beyond] "m"(beyond), [end] "m"(end), "r"(size)
                     : "r0", "r1", "r2", "r3", "r4", "r5", "r6", "lr", "q0", "q1", "q2", "q3", "cc", "memory");
#else
    kernel_dot_plain_s8w4(columns, step, filter, taps, channels, sums, 2);
#endif
}

/* As kernel_dot_1. */
EDGECNN_SHARED void kernel_dot_1_s8w4(const int8_t *column, const int8_t *filter, int next, int taps, int channels,
                                      int32_t *sums)
{
#if EDGECNN_MVE
    const int32_t *const end = sums + channels;
    register int32_t *made __asm__("r12") = sums;
    __asm__ volatile("1:\n\t"
                     "ldr r3, %[filter]\n\t"
                     "ldr r8, %[next]\n\t"
                     "ldr r1, %[column]\n\t"
                     "ldr r10, %[taps]\n\t"
                     "add r5, r3, r8\n\t"
                     "add r8, r8, r5\n\t"
                     "str r8, %[filter]\n\t"
                     "mov r0, #0\n\t"
                     "mov r2, #0\n\t"
                     "mov r4, #0\n\t"
                     "mov r6, #0\n\t"
                     "dlstp.8 lr, r10\n"
                     "2:\n\t"
                     "vldrb.8 q0, [r1], #16\n\t"
                     "vldrb.8 q1, [r3], #16\n\t"
                     "vshl.i8 q2, q1, #4\n\t"
                     "vmladava.s8 r0, q0, q2\n\t"
                     "vshr.s8 q1, q1, #4\n\t"
                     "vmladava.s8 r2, q0, q1\n\t"
                     "vldrb.8 q3, [r5], #16\n\t"
                     "vshl.i8 q2, q3, #4\n\t"
                     "vmladava.s8 r4, q0, q2\n\t"
                     "vshr.s8 q3, q3, #4\n\t"
                     "vmladava.s8 r6, q0, q3\n\t"
                     "letp lr, 2b\n\t"
                     "ldrd r8, r10, [r12]\n\t"
                     "add r0, r8, r0, asr #4\n\t"
                     "add r2, r10, r2\n\t"
                     "ldrd r8, r10, [r12, #8]\n\t"
                     "add r4, r8, r4, asr #4\n\t"
                     "add r6, r10, r6\n\t"
                     "ldr r1, %[end]\n\t"
                     "strd r0, r2, [r12], #8\n\t"
                     "strd r4, r6, [r12], #8\n\t"
                     "cmp r12, r1\n\t"
                     "bne 1b"
                     : [filter] "+m"(filter), "+r"(made)
                     : [column] "m"(column), [next] "m"(next), [taps] "m"(taps), [end] "m"(end)
                     : "r0", "r1", "r2", "r3", "r4", "r5", "r6", "r8", "r10", "lr", "q0", "q1", "q2", "q3", "cc",
                       "memory");
#else
    for (int c = 0; c < channels; ++c) {
        sums[c] = kernel_channel_sum_s8w4(sums[c], column, filter, c, next, taps);
    }
#endif
}

/* As kernel_dot_16. */
EDGECNN_SHARED void kernel_dot_16_s8w4(const int8_t *const *columns, const int8_t *filter, int taps, int channels,
                                       int32_t *sums)
{
#if EDGECNN_MVE
    register const int8_t *const *starts __asm__("r1") = columns;
    register const int8_t *weights __asm__("r3") = filter;
    register int32_t *made __asm__("r5") = sums;
    register const int size __asm__("r11") = taps, pairs __asm__("r12") = channels / 2;
    __asm__ volatile("ldrd r0, r2, [r1]\n\t"
                     "ldrd r4, r6, [r1, #8]\n\t"
                     "dlstp.8 lr, %[taps]\n\t"
                     "vldrb.8 q0, [r0]\n\t"
                     "vldrb.8 q1, [r2]\n\t"
                     "vldrb.8 q2, [r4]\n\t"
                     "vldrb.8 q3, [r6]\n\t"
                     "lctp\n\t"
                     "dls lr, %[pairs]\n"
                     "1:\n\t"
                     "vldrb.8 q5, [r3]\n\t"
                     "add r3, r3, %[taps]\n\t"
                     "vshl.i8 q4, q5, #4\n\t"
                     "vshr.s8 q5, q5, #4\n\t"
                     "vshr.s8 q4, q4, #4\n\t"
                     "vmladav.s8 r0, q0, q4\n\t"
                     "vmladav.s8 r2, q0, q5\n\t"
                     "vmladav.s8 r4, q1, q4\n\t"
                     "vmladav.s8 r6, q1, q5\n\t"
                     "vmladav.s8 r8, q2, q4\n\t"
                     "vmladav.s8 r10, q2, q5\n\t"
                     "strd r4, r6, [r5, #128]\n\t"
                     "vmladav.s8 r4, q3, q4\n\t"
                     "vmladav.s8 r6, q3, q5\n\t"
                     "strd r8, r10, [r5, #256]\n\t"
                     "strd r4, r6, [r5, #384]\n\t"
                     "strd r0, r2, [r5], #8\n\t"
                     "le lr, 1b"
                     : "+r"(weights), "+r"(made)
                     : "r"(starts), [taps] "r"(size), [pairs] "r"(pairs)
                     : "r0", "r2", "r4", "r6", "r8", "r10", "lr", "q0", "q1", "q2", "q3", "q4", "q5", "memory");
#else
    for (int k = 0; k < 4; ++k) {
        kernel_dot_plain_s8w4(columns[k], 0, filter, taps, channels, sums + k * EDGECNN_ROW, 1);
    }
#endif
}

/* As kernel_dot_32. */
EDGECNN_SHARED void kernel_dot_32_s8w4(const int8_t *const *columns, const int8_t *filter, int taps, int channels,
                                       int32_t *sums)
{
#if EDGECNN_MVE
    register const int8_t *const *starts __asm__("r1") = columns;
    register const int8_t *weights __asm__("r3") = filter;
    register int32_t *made __asm__("r5") = sums;
    register const int size __asm__("r11") = taps, pairs __asm__("r12") = channels / 2;
    __asm__ volatile("sub r9, %[taps], #16\n\t"
                     "ldrd r0, r2, [r1]\n\t"
                     "ldr r4, [r1, #8]\n\t"
                     "vldrb.8 q0, [r0]\n\t"
                     "vldrb.8 q1, [r2]\n\t"
                     "vldrb.8 q2, [r4]\n\t"
                     "dlstp.8 lr, r9\n\t"
                     "vldrb.8 q3, [r0, #16]\n\t"
                     "vldrb.8 q4, [r2, #16]\n\t"
                     "vldrb.8 q5, [r4, #16]\n\t"
                     "lctp\n\t"
                     "dls lr, %[pairs]\n"
                     "1:\n\t"
                     "vldrb.8 q7, [r3]\n\t"
                     "vshl.i8 q6, q7, #4\n\t"
                     "vmladav.s8 r0, q0, q6\n\t"
                     "vshr.s8 q7, q7, #4\n\t"
                     "vmladav.s8 r4, q1, q6\n\t"
                     "vmladav.s8 r8, q2, q6\n\t"
                     "vmladav.s8 r2, q0, q7\n\t"
                     "vmladav.s8 r6, q1, q7\n\t"
                     "vmladav.s8 r10, q2, q7\n\t"
                     "vldrb.8 q7, [r3, #16]\n\t"
                     "vshl.i8 q6, q7, #4\n\t"
                     "vmladava.s8 r0, q3, q6\n\t"
                     "vshr.s8 q7, q7, #4\n\t"
                     "vmladava.s8 r4, q4, q6\n\t"
                     "vmladava.s8 r8, q5, q6\n\t"
                     "vmladava.s8 r2, q3, q7\n\t"
                     "vmladava.s8 r6, q4, q7\n\t"
                     "vmladava.s8 r10, q5, q7\n\t"
                     "add r3, r3, %[taps]\n\t"
                     "asr r0, r0, #4\n\t"
                     "asr r4, r4, #4\n\t"
                     "asr r8, r8, #4\n\t"
                     "strd r4, r6, [r5, #128]\n\t"
                     "strd r8, r10, [r5, #256]\n\t"
                     "strd r0, r2, [r5], #8\n\t"
                     "le lr, 1b"
                     : "+r"(weights), "+r"(made)
                     : "r"(starts), [taps] "r"(size), [pairs] "r"(pairs)
                     : "r0", "r2", "r4", "r6", "r8", "r9", "r10", "lr", "q0", "q1", "q2", "q3", "q4", "q5", "q6", "q7",
                       "memory");
#else
    for (int k = 0; k < 3; ++k) {
        kernel_dot_plain_s8w4(columns[k], 0, filter, taps, channels, sums + k * EDGECNN_ROW, 1);
    }
#endif
}

EDGECNN_INLINE const int8_t *kernel_weights_behind_s8w4(const int8_t *filter, int count)
{
    return filter + count / 2;
}

#endif
