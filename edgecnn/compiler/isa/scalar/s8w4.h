/* SPDX-License-Identifier: Apache-2.0 */
/* Weights of four bits for cores without SIMD: the four of a tap lie in two bytes, the first in the lowest bits. */
#ifndef EDGECNN_SCALAR_INT4_H
#define EDGECNN_SCALAR_INT4_H

#include "../../ops/s8w4.h"
#include "scalar.h"

#if !EDGECNN_ARMV6M && !EDGECNN_ARMV7M
/* Adds the products of one tap in kernel_dot_4x3_s8w4. */
EDGECNN_INLINE void kernel_tap_3_s8w4(const uint32_t *column, const int8_t *filter, uint32_t *words)
{
    const uint32_t x = column[0], z = column[1];
    const uint32_t first = (uint32_t)kernel_low_half(filter[0]), second = (uint32_t)(filter[0] >> 4);
    const uint32_t third = (uint32_t)kernel_low_half(filter[1]), fourth = (uint32_t)(filter[1] >> 4);
    words[0] += first * x;
    words[1] += first * z;
    words[2] += second * x;
    words[3] += second * z;
    words[4] += third * x;
    words[5] += third * z;
    words[6] += fourth * x;
    words[7] += fourth * z;
}
#endif

/* As kernel_dot_4x3. The loops in assembly need r7, which GCC may have for itself: it lies on the stack meanwhile. */
EDGECNN_SHARED const int8_t *kernel_dot_4x3_s8w4(const uint32_t *column, const int8_t *filter, int taps, uint32_t *words)
{
#if EDGECNN_ARMV6M
    register const uint32_t *from __asm__("r0") = column;
    register const int8_t *weights __asm__("r1") = filter;
    register const uint32_t *end __asm__("r2") = column + 2 * taps;
    register uint32_t *made __asm__("r3") = words;
    register int skip __asm__("r4") = -taps & 3; /* of the four taps of the loop below, of 70 bytes each */
    __asm__ volatile(".syntax unified\n\t"
                     "push {r2, r3, r7}\n\t"
                     "lsls r5, r4, #1\n\t"
                     "subs r1, r1, r5\n\t"
                     "movs r5, #70\n\t"
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
                     ".irp at, 0, 2, 4, 6\n\t"
                     "ldmia r0!, {r2, r3}\n\t"
                     "ldrb r7, [r1, #\\at]\n\t" /* the weights begin at any address */
                     "ldrb r4, [r1, #\\at + 1]\n\t"
                     "lsls r4, r4, #8\n\t"
                     "orrs r7, r4\n\t"
                     "lsls r4, r7, #28\n\t"
                     "asrs r4, r4, #28\n\t"
                     "muls r4, r2\n\t"
                     "adds r5, r5, r4\n\t"
                     "lsls r4, r7, #28\n\t"
                     "asrs r4, r4, #28\n\t"
                     "muls r4, r3\n\t"
                     "adds r6, r6, r4\n\t"
                     "lsls r4, r7, #24\n\t"
                     "asrs r4, r4, #28\n\t"
                     "muls r4, r2\n\t"
                     "add r8, r4\n\t"
                     "lsls r4, r7, #24\n\t"
                     "asrs r4, r4, #28\n\t"
                     "muls r4, r3\n\t"
                     "add r9, r4\n\t"
                     "lsls r4, r7, #20\n\t"
                     "asrs r4, r4, #28\n\t"
                     "muls r4, r2\n\t"
                     "add r10, r4\n\t"
                     "lsls r4, r7, #20\n\t"
                     "asrs r4, r4, #28\n\t"
                     "muls r4, r3\n\t"
                     "add r11, r4\n\t"
                     "lsls r4, r7, #16\n\t"
                     "asrs r4, r4, #28\n\t"
                     "muls r2, r4\n\t"
                     "add r12, r2\n\t"
                     "muls r3, r4\n\t"
                     "add lr, r3\n\t"
                     ".endr\n\t"
                     "adds r1, #8\n\t"
                     "ldr r4, [sp]\n\t"
                     "cmp r0, r4\n\t"
                     "beq 2f\n\t"
                     "b 1b\n"
                     "2:\n\t"
                     "ldr r4, [sp, #4]\n\t"
                     "stmia r4!, {r5, r6}\n\t"
                     "mov r2, r8\n\t"
                     "mov r3, r9\n\t"
                     "mov r5, r10\n\t"
                     "mov r6, r11\n\t"
                     "stmia r4!, {r2, r3, r5, r6}\n\t"
                     "mov r2, r12\n\t"
                     "mov r3, lr\n\t"
                     "stmia r4!, {r2, r3}\n\t"
                     "pop {r2, r3, r7}"
                     : "+r"(from), "+r"(weights), "+r"(end), "+r"(made), "+r"(skip)
                     :
                     : "r5", "r6", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory");
    return weights;
#elif EDGECNN_ARMV7M
    register const uint32_t *from __asm__("r0") = column;
    register const int8_t *weights __asm__("r1") = filter;
    register const uint32_t *end __asm__("r2") = column + 2 * taps;
    register uint32_t *made __asm__("r3") = words;
    register uint32_t entry __asm__("r4") = (uint32_t)(-taps & 7) * 54u; /* into the loop below, of 54 bytes for a tap */
    __asm__ volatile(".syntax unified\n\t"
                     "push {r2, r3, r7}\n\t"
                     "adr.w lr, 1f\n\t"
                     "add lr, lr, r4\n\t"
                     "add lr, lr, #1\n\t"
                     "mov r4, #0\n\t"
                     "mov r5, #0\n\t"
                     "mov r6, #0\n\t"
                     "mov r8, #0\n\t"
                     "mov r9, #0\n\t"
                     "mov r10, #0\n\t"
                     "mov r11, #0\n\t"
                     "mov r12, #0\n\t"
                     "bx lr\n\t"
                     ".balign 4\n"
                     "1:\n\t"
                     ".rept 8\n\t"
                     "ldmia r0!, {r2, r3}\n\t"
                     "ldrh r7, [r1], #2\n\t"
                     "sbfx lr, r7, #0, #4\n\t"
                     "mla r4, lr, r2, r4\n\t"
                     "mla r5, lr, r3, r5\n\t"
                     "sbfx lr, r7, #4, #4\n\t"
                     "mla r6, lr, r2, r6\n\t"
                     "mla r8, lr, r3, r8\n\t"
                     "sbfx lr, r7, #8, #4\n\t"
                     "mla r9, lr, r2, r9\n\t"
                     "mla r10, lr, r3, r10\n\t"
                     "sbfx lr, r7, #12, #4\n\t"
                     "mla r11, lr, r2, r11\n\t"
                     "mla r12, lr, r3, r12\n\t"
                     ".endr\n\t"
                     "ldr r2, [sp]\n\t"
                     "cmp r0, r2\n\t"
                     "bne 1b\n\t"
                     "ldr r2, [sp, #4]\n\t"
                     "stmia r2, {r4, r5, r6, r8, r9, r10, r11, r12}\n\t"
                     "pop {r2, r3, r7}"
                     : "+r"(from), "+r"(weights), "+r"(end), "+r"(made), "+r"(entry)
                     :
                     : "r5", "r6", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory");
    return weights;
#else
    uint32_t sums[8] = {0, 0, 0, 0, 0, 0, 0, 0};
    for (; taps > 1; taps -= 2, column += 4, filter += 4) {
        kernel_tap_3_s8w4(column, filter, sums);
        kernel_tap_3_s8w4(column + 2, filter + 2, sums);
    }
    if (taps > 0) {
        kernel_tap_3_s8w4(column, filter, sums);
        filter += 2;
    }
    memcpy(words, sums, sizeof sums);
    return filter;
#endif
}

/* As kernel_dot_4x1. */
EDGECNN_SHARED const int8_t *kernel_dot_4x1_s8w4(const int8_t *column, const int8_t *filter, int taps, int32_t *sums)
{
    int32_t sum0 = 0, sum1 = 0, sum2 = 0, sum3 = 0;
#if defined(__ARM_FEATURE_UNALIGNED)
    for (; taps > 1; taps -= 2, column += 2, filter += 4) {
        const int32_t x = column[0], y = column[1];
        uint32_t word;
        memcpy(&word, filter, sizeof word);
        sum0 += ((int32_t)(word << 28) >> 28) * x;
        sum1 += ((int32_t)(word << 24) >> 28) * x;
        sum2 += ((int32_t)(word << 20) >> 28) * x;
        sum3 += ((int32_t)(word << 16) >> 28) * x;
        sum0 += ((int32_t)(word << 12) >> 28) * y;
        sum1 += ((int32_t)(word << 8) >> 28) * y;
        sum2 += ((int32_t)(word << 4) >> 28) * y;
        sum3 += ((int32_t)word >> 28) * y;
    }
#endif
    for (; taps > 0; --taps, ++column, filter += 2) {
        const int32_t x = *column;
        sum0 += kernel_low_half(filter[0]) * x;
        sum1 += (filter[0] >> 4) * x;
        sum2 += kernel_low_half(filter[1]) * x;
        sum3 += (filter[1] >> 4) * x;
    }
    sums[0] = sum0;
    sums[1] = sum1;
    sums[2] = sum2;
    sums[3] = sum3;
    return filter;
}

EDGECNN_INLINE const int8_t *kernel_weights_behind_s8w4(const int8_t *filter, int count)
{
    return filter + count / 2;
}

#endif
