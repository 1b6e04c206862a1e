/* SPDX-License-Identifier: Apache-2.0 */
/* Products of columns of bytes with filters, for MVE: sums of several channels and positions at once. */
#ifndef EDGECNN_MVE_DOT_H
#define EDGECNN_MVE_DOT_H

#include "mve.h"

#if !EDGECNN_MVE
/* What kernel_dot_3 does, with `count` columns. */
EDGECNN_INLINE void kernel_dot_plain(const int8_t *columns, int step, const int8_t *filter, int taps, int channels,
                                     int32_t *sums, int count)
{
    for (int c = 0; c < channels; ++c, filter += taps) {
        for (int k = 0; k < count; ++k) {
            sums[k * EDGECNN_ROW + c] = kernel_multiply_add(0, columns + k * step, filter, taps);
        }
    }
}
#endif

#if EDGECNN_MVE
/* A vector of taps of two channels and two columns: 64 products. Loads lie between multiplications, so that a core can
 * do both at once.
 */
#define EDGECNN_DOT_2(multiply)                                                                                        \
    "vldrb.8 q0, [r9], #16\n\t"                                                                                        \
    "vldrb.8 q2, [r1], #16\n\t"                                                                                        \
    multiply " r0, q0, q2\n\t"                                                                                         \
    "vldrb.8 q1, [r11], #16\n\t"                                                                                       \
    multiply " r2, q1, q2\n\t"                                                                                         \
    "vldrb.8 q3, [r3], #16\n\t"                                                                                        \
    multiply " r4, q0, q3\n\t"                                                                                         \
    multiply " r6, q1, q3\n\t"
#endif

#if EDGECNN_MVE
/* The same with three columns: 96 products. */
#define EDGECNN_DOT_3(multiply)                                                                                        \
    EDGECNN_DOT_2(multiply)                                                                                            \
    "vldrb.8 q2, [r5], #16\n\t"                                                                                        \
    multiply " r8, q0, q2\n\t"                                                                                         \
    multiply " r10, q1, q2\n\t"
#endif

/* Products of three columns of more than 16 taps, `step` bytes apart, with the filters of `channels` channels, an even
 * number; the filters lie one behind the other. Writes three rows of sums. A loop of 12 instructions does 96 products.
 */
EDGECNN_SHARED void kernel_dot_3(const int8_t *columns, int step, const int8_t *filter, int taps, int channels,
                                 int32_t *sums)
{
#if EDGECNN_MVE
    const int8_t *const starts[2] = {columns, columns + step}, *const third = columns + 2 * step;
    const int beyond = -taps & 15; /* where the loop leaves a pointer behind the taps */
    const int32_t *const end = sums + channels;
    register const int8_t *weights __asm__("r9") = filter;
    register const int size __asm__("r12") = taps;
    __asm__ volatile("1:\n\t"
                     "add r11, r9, r12\n\t"
                     "ldrd r1, r3, %[starts]\n\t"
                     "ldr r5, %[third]\n\t"
                     EDGECNN_DOT_3("vmladav.s8")
                     "sub lr, r12, #16\n\t"
                     "dlstp.8 lr, lr\n"
                     "2:\n\t"
                     EDGECNN_DOT_3("vmladava.s8")
                     "letp lr, 2b\n\t"
                     "ldr r1, %[sums]\n\t"
                     "ldr r3, %[beyond]\n\t"
                     "ldr r5, %[end]\n\t"
                     "strd r4, r6, [r1, #128]\n\t"
                     "strd r8, r10, [r1, #256]\n\t"
                     "strd r0, r2, [r1], #8\n\t"
                     "sub r9, r11, r3\n\t"
                     "str r1, %[sums]\n\t"
                     "cmp r1, r5\n\t"
                     "bne 1b"
                     : [sums] "+m"(sums), "+r"(weights)
                     : [starts] "m"(starts), [third] "m"(third), [beyond] "m"(beyond), [end] "m"(end), "r"(size)
                     : "r0", "r1", "r2", "r3", "r4", "r5", "r6", "r8", "r10", "r11", "lr", "q0", "q1", "q2", "q3",
                       "cc", "memory");
#else
    kernel_dot_plain(columns, step, filter, taps, channels, sums, 3);
#endif
}

/* As kernel_dot_3, with two columns. */
EDGECNN_SHARED void kernel_dot_2(const int8_t *columns, int step, const int8_t *filter, int taps, int channels,
                                 int32_t *sums)
{
#if EDGECNN_MVE
    const int8_t *const starts[2] = {columns, columns + step};
    const int beyond = -taps & 15;
    const int32_t *const end = sums + channels;
    register const int8_t *weights __asm__("r9") = filter;
    register const int size __asm__("r12") = taps;
    __asm__ volatile("1:\n\t"
                     "add r11, r9, r12\n\t"
                     "ldrd r1, r3, %[starts]\n\t"
                     EDGECNN_DOT_2("vmladav.s8")
                     "sub lr, r12, #16\n\t"
                     "dlstp.8 lr, lr\n"
                     "2:\n\t"
                     EDGECNN_DOT_2("vmladava.s8")
                     "letp lr, 2b\n\t"
                     "ldr r1, %[sums]\n\t"
                     "ldr r3, %[beyond]\n\t"
                     "ldr r5, %[end]\n\t"
                     "strd r4, r6, [r1, #128]\n\t"
                     "strd r0, r2, [r1], #8\n\t"
                     "sub r9, r11, r3\n\t"
                     "str r1, %[sums]\n\t"
                     "cmp r1, r5\n\t"
                     "bne 1b"
                     : [sums] "+m"(sums), "+r"(weights)
                     : [starts] "m"(starts), [beyond] "m"(beyond), [end] "m"(end), "r"(size)
                     : "r0", "r1", "r2", "r3", "r4", "r5", "r6", "r11", "lr", "q0", "q1", "q2", "q3", "cc", "memory");
#else
    kernel_dot_plain(columns, step, filter, taps, channels, sums, 2);
#endif
}

/* Adds to the sums of `channels` channels, a multiple of four, their products with one column; filters lie `next` bytes
 * apart, of which `taps` count.
 */
EDGECNN_SHARED void kernel_dot_1(const int8_t *column, const int8_t *filter, int next, int taps, int channels,
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
                     "add r9, r5, r8\n\t"
                     "add r11, r9, r8\n\t"
                     "add r8, r8, r11\n\t"
                     "str r8, %[filter]\n\t"
                     "ldrd r0, r2, [r12]\n\t"
                     "ldrd r4, r6, [r12, #8]\n\t"
                     "dlstp.8 lr, r10\n"
                     "2:\n\t"
                     "vldrb.8 q0, [r1], #16\n\t"
                     "vldrb.8 q1, [r3], #16\n\t"
                     "vmladava.s8 r0, q0, q1\n\t"
                     "vldrb.8 q2, [r5], #16\n\t"
                     "vmladava.s8 r2, q0, q2\n\t"
                     "vldrb.8 q3, [r9], #16\n\t"
                     "vmladava.s8 r4, q0, q3\n\t"
                     "vldrb.8 q1, [r11], #16\n\t"
                     "vmladava.s8 r6, q0, q1\n\t"
                     "letp lr, 2b\n\t"
                     "ldr r1, %[end]\n\t"
                     "strd r0, r2, [r12], #8\n\t"
                     "strd r4, r6, [r12], #8\n\t"
                     "cmp r12, r1\n\t"
                     "bne 1b"
                     : [filter] "+m"(filter), "+r"(made)
                     : [column] "m"(column), [next] "m"(next), [taps] "m"(taps), [end] "m"(end)
                     : "r0", "r1", "r2", "r3", "r4", "r5", "r6", "r8", "r9", "r10", "r11", "lr", "q0", "q1", "q2",
                       "q3", "cc", "memory");
#else
    for (int c = 0; c < channels; ++c, filter += next) {
        sums[c] = kernel_multiply_add(sums[c], column, filter, taps);
    }
#endif
}

/* As kernel_dot_3 with four columns and at most 16 taps: the columns stay in registers. Reads 16 bytes of each filter.
 */
EDGECNN_SHARED void kernel_dot_16(const int8_t *const *columns, const int8_t *filter, int taps, int channels,
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
                     "vldrb.8 q4, [r3]\n\t"
                     "add r3, r3, %[taps]\n\t"
                     "vmladav.s8 r0, q0, q4\n\t"
                     "vldrb.8 q5, [r3]\n\t"
                     "vmladav.s8 r2, q0, q5\n\t"
                     "vmladav.s8 r4, q1, q4\n\t"
                     "vmladav.s8 r6, q1, q5\n\t"
                     "vmladav.s8 r8, q2, q4\n\t"
                     "vmladav.s8 r10, q2, q5\n\t"
                     "strd r4, r6, [r5, #128]\n\t"
                     "add r3, r3, %[taps]\n\t"
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
        kernel_dot_plain(columns[k], 0, filter, taps, channels, sums + k * EDGECNN_ROW, 1);
    }
#endif
}

/* As kernel_dot_16 with three columns and at most 32 taps. Reads 32 bytes of each filter. */
EDGECNN_SHARED void kernel_dot_32(const int8_t *const *columns, const int8_t *filter, int taps, int channels,
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
                     "vldrb.8 q6, [r3]\n\t"
                     "vmladav.s8 r0, q0, q6\n\t"
                     "vldrb.8 q7, [r3, #16]\n\t"
                     "vmladav.s8 r4, q1, q6\n\t"
                     "add r3, r3, %[taps]\n\t"
                     "vmladav.s8 r8, q2, q6\n\t"
                     "vldrb.8 q6, [r3]\n\t"
                     "vmladava.s8 r0, q3, q7\n\t"
                     "vmladava.s8 r4, q4, q7\n\t"
                     "vmladava.s8 r8, q5, q7\n\t"
                     "vldrb.8 q7, [r3, #16]\n\t"
                     "vmladav.s8 r2, q0, q6\n\t"
                     "vmladav.s8 r6, q1, q6\n\t"
                     "vmladav.s8 r10, q2, q6\n\t"
                     "add r3, r3, %[taps]\n\t"
                     "vmladava.s8 r2, q3, q7\n\t"
                     "vmladava.s8 r6, q4, q7\n\t"
                     "vmladava.s8 r10, q5, q7\n\t"
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
        kernel_dot_plain(columns[k], 0, filter, taps, channels, sums + k * EDGECNN_ROW, 1);
    }
#endif
}

/* Adds the products of `count` bytes with the filter of a channel; filters lie `next` bytes apart. */
EDGECNN_INLINE int32_t kernel_channel_sum(int32_t sum, const int8_t *x, const int8_t *filter, int channel, int next,
                                          int count)
{
    return kernel_multiply_add(sum, x, filter + (size_t)channel * (size_t)next, count);
}

/* Where `count` weights behind others begin. */
EDGECNN_INLINE const int8_t *kernel_weights_behind(const int8_t *filter, int count)
{
    return filter + count;
}

#endif
