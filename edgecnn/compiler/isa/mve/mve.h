/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernels for Armv8.1-M's vector instructions (MVE, "Helium") share.
 *
 * A vector has 16 bytes. Loops are tail-predicated (DLSTP, LETP): a last vector that is not full costs nothing and
 * reads and writes nothing beyond its end. VMLADAVA adds 16 products to a register, one of those with even numbers.
 * Beside each loop in assembly, C computes the same; EDGECNN_PLAIN_C asks for the C, which runs anywhere.
 */
#ifndef EDGECNN_MVE_H
#define EDGECNN_MVE_H

#include "../../ops/kernel.h"

#if defined(__ARM_FEATURE_MVE) && !defined(__clang__) && !defined(EDGECNN_PLAIN_C)
#define EDGECNN_MVE 1
#else
#define EDGECNN_MVE 0
#endif

/* Sums lie in rows of so many channels, a row for each position: 128 bytes, which the assembly below relies on. */
#define EDGECNN_ROW 32

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

#endif
