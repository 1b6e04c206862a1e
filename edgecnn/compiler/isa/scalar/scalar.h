/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernels for cores without SIMD share: three products from two 32-bit multiplications.
 *
 * The activations x, y, z of three positions at the same tap are two words, x + 2^21 y and z + 2^10 y. Times a weight,
 * and summed over taps, they give X + 2^21 Y and Z + 2^10 Y modulo 2^32, where X, Y and Z are the sums of the three.
 * As long as these stay inside 21 bits, all can be told: X is the low 21 bits of the first word, and what is above
 * are 11 bits of Y; less 2^10 times those, the second word is Z + 2^21 times the other bits of Y. Sums are bounded by
 * 128 times the magnitudes of the weights, whatever the input, so the compiler knows over how many taps that holds.
 *
 * Where there is assembly, C beside it computes the same; EDGECNN_PLAIN_C asks for the C, which runs anywhere.
 */
#ifndef EDGECNN_SCALAR_H
#define EDGECNN_SCALAR_H

#include "../short_scale.h"

/* Whether the loop is in assembly: for Armv7-M, which multiplies and adds in one instruction, and for Armv6-M, where
 * most instructions have eight registers. It takes all registers that GCC has to give; Clang has fewer, and gets C.
 */
#if defined(__ARM_ARCH_7M__) && !defined(__clang__) && !defined(EDGECNN_PLAIN_C)
#define EDGECNN_ARMV7M 1
#else
#define EDGECNN_ARMV7M 0
#endif

#if defined(__ARM_ARCH_6M__) && !defined(__clang__) && !defined(EDGECNN_PLAIN_C)
#define EDGECNN_ARMV6M 1
#else
#define EDGECNN_ARMV6M 0
#endif

/* Writes `count` values from each of three places as pairs of words. */
EDGECNN_INLINE void kernel_pack_few(const int8_t *x, const int8_t *y, const int8_t *z, int count, uint32_t *words)
{
    for (const int8_t *end = x + count; x < end; words += 2) {
        const uint32_t first = (uint32_t)*x++, second = (uint32_t)*y++, third = (uint32_t)*z++;
        words[0] = first + (second << 21);
        words[1] = third + (second << 10);
    }
}

EDGECNN_SHARED void kernel_pack_3(const int8_t *x, const int8_t *y, const int8_t *z, int count, uint32_t *words)
{
    kernel_pack_few(x, y, z, count, words);
}

/* The low 21 bits of a word, with their sign. */
EDGECNN_INLINE int32_t kernel_low_21(uint32_t word)
{
    return (int32_t)(word << 11) >> 11;
}

/* The three sums that a pair of words holds. */
EDGECNN_INLINE void kernel_unpack_3(const uint32_t *words, int32_t *sums)
{
    const int32_t x = kernel_low_21(words[0]), low = (int32_t)(words[0] - (uint32_t)x) >> 21;
    const uint32_t rest = words[1] - ((uint32_t)low << 10);
    const int32_t z = kernel_low_21(rest), high = (int32_t)(rest - (uint32_t)z) >> 21;
    sums[0] = x;
    sums[1] = (int32_t)((uint32_t)low + ((uint32_t)high << 11));
    sums[2] = z;
}

#if !EDGECNN_ARMV6M && !EDGECNN_ARMV7M
/* Adds the products of one tap in kernel_dot_4x3. */
EDGECNN_INLINE void kernel_tap_3(const uint32_t *column, const int8_t *filter, uint32_t *words)
{
    const uint32_t x = column[0], z = column[1];
    words[0] += (uint32_t)filter[0] * x;
    words[1] += (uint32_t)filter[0] * z;
    words[2] += (uint32_t)filter[1] * x;
    words[3] += (uint32_t)filter[1] * z;
    words[4] += (uint32_t)filter[2] * x;
    words[5] += (uint32_t)filter[2] * z;
    words[6] += (uint32_t)filter[3] * x;
    words[7] += (uint32_t)filter[3] * z;
}
#endif

/* Products of `taps` pairs of words with four channels' weights, which lie together for each tap: of each channel the
 * sums of both words. Returns where the next weights begin.
 */
EDGECNN_SHARED const int8_t *kernel_dot_4x3(const uint32_t *column, const int8_t *filter, int taps, uint32_t *words)
{
#if EDGECNN_ARMV6M
    register const uint32_t *from __asm__("r0") = column;
    register const int8_t *weights __asm__("r1") = filter;
    const uint32_t *const end = column + 2 * taps;
    const int skip = -taps & 3; /* of the four taps of the loop below, of 62 bytes each */
    __asm__ volatile(".syntax unified\n\t"
                     "ldr r4, %[skip]\n\t"
                     "lsls r5, r4, #2\n\t"
                     "subs r1, r1, r5\n\t"
                     "movs r5, #62\n\t"
                     "muls r4, r5\n\t"
                     "adr r5, 1f\n\t"
                     "adds r4, r4, r5\n\t"
                     "adds r4, r4, #1\n\t"
                     "movs r5, #0\n\t"
                     "movs r6, #0\n\t"
                     "mov r8, r5\n\t"
                     "mov r9, r5\n\t"
                     "mov r10, r5\n\t"
                     "mov r11, r5\n\t"
                     "mov r12, r5\n\t"
                     "mov lr, r5\n\t"
                     "bx r4\n\t"
                     ".balign 4\n"
                     "1:\n\t"
                     ".irp at, 0, 4, 8, 12\n\t"
                     "ldmia r0!, {r2, r3}\n\t"
                     "ldrb r4, [r1, #\\at]\n\t"
                     "sxtb r4, r4\n\t"
                     "muls r4, r2\n\t"
                     "adds r5, r5, r4\n\t"
                     "ldrb r4, [r1, #\\at]\n\t"
                     "sxtb r4, r4\n\t"
                     "muls r4, r3\n\t"
                     "adds r6, r6, r4\n\t"
                     "ldrb r4, [r1, #\\at + 1]\n\t"
                     "sxtb r4, r4\n\t"
                     "muls r4, r2\n\t"
                     "add r8, r4\n\t"
                     "ldrb r4, [r1, #\\at + 1]\n\t"
                     "sxtb r4, r4\n\t"
                     "muls r4, r3\n\t"
                     "add r9, r4\n\t"
                     "ldrb r4, [r1, #\\at + 2]\n\t"
                     "sxtb r4, r4\n\t"
                     "muls r4, r2\n\t"
                     "add r10, r4\n\t"
                     "ldrb r4, [r1, #\\at + 2]\n\t"
                     "sxtb r4, r4\n\t"
                     "muls r4, r3\n\t"
                     "add r11, r4\n\t"
                     "ldrb r4, [r1, #\\at + 3]\n\t"
                     "sxtb r4, r4\n\t"
                     "muls r2, r4\n\t"
                     "add r12, r2\n\t"
                     "muls r3, r4\n\t"
                     "add lr, r3\n\t"
                     ".endr\n\t"
                     "adds r1, #16\n\t"
                     "ldr r4, %[end]\n\t"
                     "cmp r0, r4\n\t"
                     "beq 2f\n\t"
                     "b 1b\n"
                     "2:\n\t"
                     "ldr r4, %[words]\n\t"
                     "stmia r4!, {r5, r6}\n\t"
                     "mov r2, r8\n\t"
                     "mov r3, r9\n\t"
                     "mov r5, r10\n\t"
                     "mov r6, r11\n\t"
                     "stmia r4!, {r2, r3, r5, r6}\n\t"
                     "mov r2, r12\n\t"
                     "mov r3, lr\n\t"
                     "stmia r4!, {r2, r3}"
                     : "+r"(from), "+r"(weights)
                     : [skip] "m"(skip), [end] "m"(end), [words] "m"(words)
                     : "r2", "r3", "r4", "r5", "r6", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory");
    return weights;
#elif EDGECNN_ARMV7M
    register const uint32_t *from __asm__("r0") = column;
    register const int8_t *weights __asm__("r1") = filter;
    const uint32_t *const end = column + 2 * taps;
    const uint32_t entry = (uint32_t)(-taps & 7) * 50u; /* into the loop below, of 50 bytes for a tap */
    __asm__ volatile(".syntax unified\n\t"
                     "adr.w r2, 1f\n\t"
                     "ldr r3, %[entry]\n\t"
                     "add r2, r2, r3\n\t"
                     "add r2, r2, #1\n\t"
                     "mov r4, #0\n\t"
                     "mov r5, #0\n\t"
                     "mov r6, #0\n\t"
                     "mov r8, #0\n\t"
                     "mov r9, #0\n\t"
                     "mov r10, #0\n\t"
                     "mov r11, #0\n\t"
                     "mov r12, #0\n\t"
                     "bx r2\n\t"
                     ".balign 4\n"
                     "1:\n\t"
                     ".rept 8\n\t"
                     "ldmia r0!, {r2, r3}\n\t"
                     "ldrsb lr, [r1], #1\n\t"
                     "mla r4, lr, r2, r4\n\t"
                     "mla r5, lr, r3, r5\n\t"
                     "ldrsb lr, [r1], #1\n\t"
                     "mla r6, lr, r2, r6\n\t"
                     "mla r8, lr, r3, r8\n\t"
                     "ldrsb lr, [r1], #1\n\t"
                     "mla r9, lr, r2, r9\n\t"
                     "mla r10, lr, r3, r10\n\t"
                     "ldrsb lr, [r1], #1\n\t"
                     "mla r11, lr, r2, r11\n\t"
                     "mla r12, lr, r3, r12\n\t"
                     ".endr\n\t"
                     "ldr r2, %[end]\n\t"
                     "cmp r0, r2\n\t"
                     "bne 1b\n\t"
                     "ldr r2, %[words]\n\t"
                     "stmia r2, {r4, r5, r6, r8, r9, r10, r11, r12}"
                     : "+r"(from), "+r"(weights)
                     : [entry] "m"(entry), [end] "m"(end), [words] "m"(words)
                     : "r2", "r3", "r4", "r5", "r6", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory");
    return weights;
#else
    uint32_t sums[8] = {0, 0, 0, 0, 0, 0, 0, 0};
    for (; taps > 1; taps -= 2, column += 4, filter += 8) {
        kernel_tap_3(column, filter, sums);
        kernel_tap_3(column + 2, filter + 4, sums);
    }
    if (taps > 0) {
        kernel_tap_3(column, filter, sums);
        filter += 4;
    }
    memcpy(words, sums, sizeof sums);
    return filter;
#endif
}

/* The same for a single position: products of `taps` values with the weights of four channels. */
EDGECNN_SHARED const int8_t *kernel_dot_4x1(const int8_t *column, const int8_t *filter, int taps, int32_t *sums)
{
    int32_t sum0 = 0, sum1 = 0, sum2 = 0, sum3 = 0;
    for (; taps > 1; taps -= 2, column += 2, filter += 8) {
        const int32_t x = column[0], y = column[1];
        sum0 += filter[0] * x;
        sum1 += filter[1] * x;
        sum2 += filter[2] * x;
        sum3 += filter[3] * x;
        sum0 += filter[4] * y;
        sum1 += filter[5] * y;
        sum2 += filter[6] * y;
        sum3 += filter[7] * y;
    }
    if (taps > 0) {
        sum0 += filter[0] * *column;
        sum1 += filter[1] * *column;
        sum2 += filter[2] * *column;
        sum3 += filter[3] * *column;
        filter += 4;
    }
    sums[0] = sum0;
    sums[1] = sum1;
    sums[2] = sum2;
    sums[3] = sum3;
    return filter;
}

/* Where `count` weights behind others begin. */
EDGECNN_INLINE const int8_t *kernel_weights_behind(const int8_t *filter, int count)
{
    return filter + count;
}

#endif
