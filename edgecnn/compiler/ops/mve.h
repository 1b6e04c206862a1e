/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernels for Armv8.1-M's vector instructions (MVE, "Helium") share.
 *
 * A vector has 16 bytes. Loops are tail-predicated (DLSTP, LETP): a last vector that is not full costs nothing and
 * reads and writes nothing beyond its end. VMLADAVA adds 16 products to a register, one of those with even numbers.
 * Beside each loop in assembly, C computes the same; EDGECNN_PLAIN_C asks for the C, which runs anywhere.
 */
#ifndef EDGECNN_MVE_H
#define EDGECNN_MVE_H

#include "kernel.h"

#if defined(__ARM_FEATURE_MVE) && !defined(__clang__) && !defined(EDGECNN_PLAIN_C)
#define EDGECNN_MVE 1
#else
#define EDGECNN_MVE 0
#endif

/* Sums lie in rows of so many channels, a row for each position: 128 bytes, which the assembly below relies on. */
#define EDGECNN_ROW 32

/* How sums of channels become outputs. */
typedef struct {
    const int32_t *bias;
    const int32_t *multiplier;
    const int8_t *shift;
    int32_t zero_point, min, max;
    int32_t rounding; /* 0: no negative output is above `min`, 1: no shift is to the left, 2: anything */
} kernel_scaling;

/* Copies bytes. */
EDGECNN_INLINE void kernel_copy(int8_t *to, const int8_t *from, int count)
{
#if EDGECNN_MVE
    __asm__ volatile("dlstp.8 lr, %[count]\n"
                     "1:\n\t"
                     "vldrb.8 q0, [%[from]], #16\n\t"
                     "vstrb.8 q0, [%[to]], #16\n\t"
                     "letp lr, 1b"
                     : [to] "+r"(to), [from] "+r"(from)
                     : [count] "r"(count)
                     : "q0", "lr", "memory");
#else
    memcpy(to, from, (size_t)count);
#endif
}

/* Sets bytes to a value. */
EDGECNN_INLINE void kernel_fill(int8_t *to, int value, int count)
{
#if EDGECNN_MVE
    __asm__ volatile("vdup.8 q0, %[value]\n\t"
                     "dlstp.8 lr, %[count]\n"
                     "1:\n\t"
                     "vstrb.8 q0, [%[to]], #16\n\t"
                     "letp lr, 1b"
                     : [to] "+r"(to)
                     : [value] "r"(value), [count] "r"(count)
                     : "q0", "lr", "memory");
#else
    memset(to, value, (size_t)count);
#endif
}

/* Keeps in `bytes` what is at most `max`. */
EDGECNN_INLINE void kernel_limit(int8_t *bytes, int max, int count)
{
#if EDGECNN_MVE
    __asm__ volatile("vdup.8 q1, %[max]\n\t"
                     "dlstp.8 lr, %[count]\n"
                     "1:\n\t"
                     "vldrb.8 q0, [%[bytes]]\n\t"
                     "vmin.s8 q0, q0, q1\n\t"
                     "vstrb.8 q0, [%[bytes]], #16\n\t"
                     "letp lr, 1b"
                     : [bytes] "+r"(bytes)
                     : [max] "r"(max), [count] "r"(count)
                     : "q0", "q1", "lr", "memory");
#else
    for (int i = 0; i < count; ++i) {
        bytes[i] = (int8_t)(bytes[i] < max ? bytes[i] : max);
    }
#endif
}

/* Adds the channels of `count` columns to their sums. */
EDGECNN_INLINE void kernel_add_columns(int32_t *sums, const int8_t *columns, int channels, int count)
{
    for (; count > 0; --count, columns += channels) {
#if EDGECNN_MVE
        register const int8_t *from __asm__("r2") = columns; /* a low register, as widening loads want it */
        int32_t *to = sums;
        __asm__ volatile("dlstp.32 lr, %[channels]\n"
                         "1:\n\t"
                         "vldrb.s32 q0, [%[from]], #4\n\t"
                         "vldrw.32 q1, [%[to]]\n\t"
                         "vadd.i32 q0, q0, q1\n\t"
                         "vstrw.32 q0, [%[to]], #16\n\t"
                         "letp lr, 1b"
                         : [from] "+r"(from), [to] "+r"(to)
                         : [channels] "r"(channels)
                         : "q0", "q1", "lr", "memory");
#else
        for (int c = 0; c < channels; ++c) {
            sums[c] += columns[c];
        }
#endif
    }
}

/* Adds the products of `count` bytes. */
EDGECNN_INLINE int32_t kernel_multiply_add(int32_t sum, const int8_t *a, const int8_t *b, int count)
{
#if EDGECNN_MVE
    __asm__ volatile("dlstp.8 lr, %[count]\n"
                     "1:\n\t"
                     "vldrb.8 q0, [%[a]], #16\n\t"
                     "vldrb.8 q1, [%[b]], #16\n\t"
                     "vmladava.s8 %[sum], q0, q1\n\t"
                     "letp lr, 1b"
                     : [sum] "+Te"(sum), [a] "+r"(a), [b] "+r"(b)
                     : [count] "r"(count)
                     : "q0", "q1", "lr", "memory");
#else
    for (int i = 0; i < count; ++i) {
        sum += a[i] * b[i];
    }
#endif
    return sum;
}

/* Keeps in `bytes` what is larger of each two. */
EDGECNN_INLINE void kernel_larger(int8_t *bytes, const int8_t *others, int count)
{
#if EDGECNN_MVE
    __asm__ volatile("dlstp.8 lr, %[count]\n"
                     "1:\n\t"
                     "vldrb.8 q0, [%[others]], #16\n\t"
                     "vldrb.8 q1, [%[bytes]]\n\t"
                     "vmax.s8 q0, q0, q1\n\t"
                     "vstrb.8 q0, [%[bytes]], #16\n\t"
                     "letp lr, 1b"
                     : [bytes] "+r"(bytes), [others] "+r"(others)
                     : [count] "r"(count)
                     : "q0", "q1", "lr", "memory");
#else
    for (int i = 0; i < count; ++i) {
        bytes[i] = others[i] > bytes[i] ? others[i] : bytes[i];
    }
#endif
}

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
/* A loop that scales four channels at once, of one position or of three. VQRDMULH rounds halves up, as TFLite's first
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
#define EDGECNN_SCALE_3(fix)                                                                                           \
    EDGECNN_SCALE(", #128]", fix, "two") EDGECNN_SCALE(", #256]", fix, "three") EDGECNN_SCALE_1(fix)
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
                     : [channels] "r"(count), [min] "m"(min), [max] "m"(max), [zero_point] "r"(zero_point)             \
                     : "q0", "q1", "q2", "q3", "q4", "q5", "q6", "lr", "memory")
#endif

#if EDGECNN_MVE
/* Scales a row of sums, or with `three` that many, of channels from number c on; outputs lie `step` bytes apart. */
EDGECNN_SHARED void kernel_scale_rows(const kernel_scaling *s, const int32_t *sums, int c, int channels, int three,
                                      int8_t *output, int step)
{
    const int32_t min = s->min, max = s->max;
    register const int32_t *from __asm__("r8") = sums, *bias __asm__("r9") = s->bias + c;
    register const int32_t *multiplier __asm__("r10") = s->multiplier + c;
    register const int8_t *shift __asm__("r3") = s->shift + c;
    register int8_t *one __asm__("r4") = output, *two __asm__("r5") = output + step;
    register int8_t *third __asm__("r6") = output + 2 * step;
    register const int32_t zero_point __asm__("r11") = s->zero_point;
    register const int count __asm__("r12") = channels;
    if (three) {
        if (s->rounding) {
            EDGECNN_SCALE_LOOP(EDGECNN_SCALE_3(EDGECNN_FIX));
        } else {
            EDGECNN_SCALE_LOOP(EDGECNN_SCALE_3(""));
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
        if (count > 2) {
            kernel_scale_rows(s, sums, c, channels, 1, output, step);
        }
        for (int k = count > 2 ? 3 : 0; k < count; ++k) {
            kernel_scale_rows(s, sums + k * EDGECNN_ROW, c, channels, 0, output + k * step, step);
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
