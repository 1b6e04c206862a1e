/* SPDX-License-Identifier: Apache-2.0 */
/* Weights of four bits for the DSP instructions.
 *
 * A word has the weights of a pair of channels for a group of four taps, four bits each: of either half the first
 * channel's tap 0 (2 in the upper half) in the highest bits, below it the second channel's, then tap 1 (3) of both.
 * Shifted up and masked, a half is 4096 times a weight, and so is the sum of products: it has to stay inside 32 bits.
 */
#ifndef EDGECNN_DSP_INT4_H
#define EDGECNN_DSP_INT4_H

#include "dsp.h"

#if !EDGECNN_LOOPS
/* What kernel_dot_2_s8w4 does, with `count` columns. */
EDGECNN_INLINE const int32_t *kernel_dot_plain_s8w4(const uint32_t *columns, const int32_t *filter, int groups,
                                                    int channels, int32_t *sums, int count)
{
    const uint32_t mask = 0xf000f000u;
    for (; channels > 0; channels -= 2, sums += 2 * count) {
        const uint32_t *x = columns;
        memset(sums, 0, 2 * (size_t)count * sizeof *sums);
        for (int i = 0; i < groups; ++i, ++filter, x += 2 * count) {
            const uint32_t word = (uint32_t)*filter;
            for (int k = 0; k < count; ++k) {
                sums[k] = kernel_multiply_pairs(word & mask, x[k], sums[k]);
                sums[count + k] = kernel_multiply_pairs(word << 4 & mask, x[k], sums[count + k]);
                sums[k] = kernel_multiply_pairs(word << 8 & mask, x[count + k], sums[k]);
                sums[count + k] = kernel_multiply_pairs(word << 12 & mask, x[count + k], sums[count + k]);
            }
        }
    }
    return filter;
}
#else
/* What the loops below begin and end with: `entry` is where the first round enters the loop. They need r7, too, which
 * GCC may have for itself: it lies on the stack meanwhile, behind what they would else keep in registers.
 */
#define EDGECNN_PACKED_BEGIN(zeros)                                                                                    \
    ".syntax unified\n\t"                                                                                              \
    "adr.w r6, 2f\n\t"                                                                                                 \
    "add r5, r5, r6\n\t"                                                                                               \
    "add r5, r5, #1\n\t"                                                                                               \
    "push {r0, r2, r3, r4, r5, r7, r8}\n\t"                                                                            \
    "mov r7, #0xf000f000\n"                                                                                            \
    "1:\n\t"                                                                                                           \
    "ldr r0, [sp]\n\t" zeros                                                                                           \
    "ldr pc, [sp, #16]\n"                                                                                              \
    "2:\n\t"
#define EDGECNN_PACKED_STORE(registers)                                                                                \
    "ldr r9, [sp, #8]\n\t"                                                                                             \
    "stmia r9!, {" registers "}\n\t"                                                                                   \
    "str r9, [sp, #8]\n\t"                                                                                             \
    "ldr r11, [sp, #12]\n\t"                                                                                           \
    "cmp r9, r11\n\t"                                                                                                  \
    "bne 1b\n\t"                                                                                                       \
    "ldr r7, [sp, #20]\n\t"                                                                                            \
    "add sp, sp, #28"
#define EDGECNN_PACKED_END(registers)                                                                                  \
    "ldr r11, [sp, #4]\n\t"                                                                                            \
    "cmp r0, r11\n\t"                                                                                                  \
    "bne 2b\n\t" EDGECNN_PACKED_STORE(registers)
#endif

/* As kernel_dot_3. */
EDGECNN_SHARED const int32_t *kernel_dot_3_s8w4(const uint32_t *columns, const int32_t *filter, int groups,
                                                int channels, int32_t *sums)
{
#if EDGECNN_LOOPS
    register const uint32_t *from __asm__("r0") = columns;
    register const int32_t *weights __asm__("r1") = filter;
    register const uint32_t *end __asm__("r2") = columns + 6 * groups;
    register int32_t *made __asm__("r3") = sums;
    register int32_t *made_end __asm__("r4") = sums + 3 * channels;
    register uint32_t entry __asm__("r5") = (uint32_t)(-groups & 7) * 76u; /* of 76 bytes for a group */
    __asm__ volatile(EDGECNN_PACKED_BEGIN("mov r2, #0\n\t"
                                          "mov r3, #0\n\t"
                                          "mov r4, #0\n\t"
                                          "mov r5, #0\n\t"
                                          "mov r6, #0\n\t"
                                          "mov r8, #0\n\t")
                     ".rept 8\n\t"
                     "ldr r9, [r1], #4\n\t"
                     "ldmia.w r0!, {r11, r12, lr}\n\t"
                     "and.w r10, r7, r9\n\t"
                     "smlad r2, r10, r11, r2\n\t"
                     "smlad r3, r10, r12, r3\n\t"
                     "smlad r4, r10, lr, r4\n\t"
                     "and.w r10, r7, r9, lsl #4\n\t"
                     "smlad r5, r10, r11, r5\n\t"
                     "smlad r6, r10, r12, r6\n\t"
                     "smlad r8, r10, lr, r8\n\t"
                     "ldmia.w r0!, {r11, r12, lr}\n\t"
                     "and.w r10, r7, r9, lsl #8\n\t"
                     "smlad r2, r10, r11, r2\n\t"
                     "smlad r3, r10, r12, r3\n\t"
                     "smlad r4, r10, lr, r4\n\t"
                     "and.w r9, r7, r9, lsl #12\n\t"
                     "smlad r5, r9, r11, r5\n\t"
                     "smlad r6, r9, r12, r6\n\t"
                     "smlad r8, r9, lr, r8\n\t"
                     ".endr\n\t"
                     EDGECNN_PACKED_END("r2, r3, r4, r5, r6, r8")
                     : "+r"(from), "+r"(weights), "+r"(end), "+r"(made), "+r"(made_end), "+r"(entry)
                     :
                     : "r6", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory");
    return weights;
#else
    return kernel_dot_plain_s8w4(columns, filter, groups, channels, sums, 3);
#endif
}

/* As kernel_dot_2. */
EDGECNN_SHARED const int32_t *kernel_dot_2_s8w4(const uint32_t *columns, const int32_t *filter, int groups,
                                                int channels, int32_t *sums)
{
#if EDGECNN_LOOPS
    register const uint32_t *from __asm__("r0") = columns;
    register const int32_t *weights __asm__("r1") = filter;
    register const uint32_t *end __asm__("r2") = columns + 4 * groups;
    register int32_t *made __asm__("r3") = sums;
    register int32_t *made_end __asm__("r4") = sums + 2 * channels;
    register uint32_t entry __asm__("r5") = (uint32_t)(-groups & 7) * 56u; /* of 56 bytes for a group */
    __asm__ volatile(EDGECNN_PACKED_BEGIN("mov r2, #0\n\t"
                                          "mov r3, #0\n\t"
                                          "mov r4, #0\n\t"
                                          "mov r5, #0\n\t")
                     ".rept 8\n\t"
                     "ldr r9, [r1], #4\n\t"
                     "ldmia.w r0!, {r8, r11, r12, lr}\n\t"
                     "and.w r10, r7, r9\n\t"
                     "smlad r2, r10, r8, r2\n\t"
                     "smlad r3, r10, r11, r3\n\t"
                     "and.w r10, r7, r9, lsl #4\n\t"
                     "smlad r4, r10, r8, r4\n\t"
                     "smlad r5, r10, r11, r5\n\t"
                     "and.w r10, r7, r9, lsl #8\n\t"
                     "smlad r2, r10, r12, r2\n\t"
                     "smlad r3, r10, lr, r3\n\t"
                     "and.w r9, r7, r9, lsl #12\n\t"
                     "smlad r4, r9, r12, r4\n\t"
                     "smlad r5, r9, lr, r5\n\t"
                     ".endr\n\t"
                     EDGECNN_PACKED_END("r2, r3, r4, r5")
                     : "+r"(from), "+r"(weights), "+r"(end), "+r"(made), "+r"(made_end), "+r"(entry)
                     :
                     : "r6", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory");
    return weights;
#else
    return kernel_dot_plain_s8w4(columns, filter, groups, channels, sums, 2);
#endif
}

/* As kernel_dot_1: four groups at a time, then one by one. */
EDGECNN_SHARED const int32_t *kernel_dot_1_s8w4(const uint32_t *columns, const int32_t *filter, int groups,
                                                int channels, int32_t *sums)
{
#if EDGECNN_LOOPS
    register const uint32_t *from __asm__("r0") = columns;
    register const int32_t *weights __asm__("r1") = filter;
    register const uint32_t *end __asm__("r2") = columns + 2 * groups;
    register int32_t *made __asm__("r3") = sums;
    register int32_t *made_end __asm__("r4") = sums + channels;
    register uint32_t entry __asm__("r5") = groups < 4 ? 280u : (uint32_t)(groups / 4 & 1) * 140u; /* of 140 bytes */
    register const uint32_t *end_of_fours __asm__("r8") = columns + groups / 4 * 8;
    __asm__ volatile(EDGECNN_PACKED_BEGIN("mov r2, #0\n\t"
                                          "mov r3, #0\n\t")
                     ".rept 2\n\t"
                     "ldmia.w r1!, {r4, r5, r6, r8}\n\t"
                     "ldmia.w r0!, {r9, r10, r11, r12}\n\t"
                     "and.w lr, r7, r4\n\t"
                     "smlad r2, lr, r9, r2\n\t"
                     "and.w lr, r7, r4, lsl #4\n\t"
                     "smlad r3, lr, r9, r3\n\t"
                     "and.w lr, r7, r4, lsl #8\n\t"
                     "smlad r2, lr, r10, r2\n\t"
                     "and.w lr, r7, r4, lsl #12\n\t"
                     "smlad r3, lr, r10, r3\n\t"
                     "and.w lr, r7, r5\n\t"
                     "smlad r2, lr, r11, r2\n\t"
                     "and.w lr, r7, r5, lsl #4\n\t"
                     "smlad r3, lr, r11, r3\n\t"
                     "and.w lr, r7, r5, lsl #8\n\t"
                     "smlad r2, lr, r12, r2\n\t"
                     "and.w lr, r7, r5, lsl #12\n\t"
                     "smlad r3, lr, r12, r3\n\t"
                     "ldmia.w r0!, {r9, r10, r11, r12}\n\t"
                     "and.w lr, r7, r6\n\t"
                     "smlad r2, lr, r9, r2\n\t"
                     "and.w lr, r7, r6, lsl #4\n\t"
                     "smlad r3, lr, r9, r3\n\t"
                     "and.w lr, r7, r6, lsl #8\n\t"
                     "smlad r2, lr, r10, r2\n\t"
                     "and.w lr, r7, r6, lsl #12\n\t"
                     "smlad r3, lr, r10, r3\n\t"
                     "and.w lr, r7, r8\n\t"
                     "smlad r2, lr, r11, r2\n\t"
                     "and.w lr, r7, r8, lsl #4\n\t"
                     "smlad r3, lr, r11, r3\n\t"
                     "and.w lr, r7, r8, lsl #8\n\t"
                     "smlad r2, lr, r12, r2\n\t"
                     "and.w lr, r7, r8, lsl #12\n\t"
                     "smlad r3, lr, r12, r3\n\t"
                     ".endr\n\t"
                     "ldr r9, [sp, #24]\n\t"
                     "cmp r0, r9\n\t"
                     "bne 2b\n\t"
                     "ldr r12, [sp, #4]\n\t"
                     "cmp r0, r12\n\t"
                     "beq 4f\n"
                     "3:\n\t"
                     "ldr r4, [r1], #4\n\t"
                     "ldmia.w r0!, {r9, r10}\n\t"
                     "and.w lr, r7, r4\n\t"
                     "smlad r2, lr, r9, r2\n\t"
                     "and.w lr, r7, r4, lsl #4\n\t"
                     "smlad r3, lr, r9, r3\n\t"
                     "and.w lr, r7, r4, lsl #8\n\t"
                     "smlad r2, lr, r10, r2\n\t"
                     "and.w lr, r7, r4, lsl #12\n\t"
                     "smlad r3, lr, r10, r3\n\t"
                     "cmp r0, r12\n\t"
                     "bne 3b\n"
                     "4:\n\t"
                     EDGECNN_PACKED_STORE("r2, r3")
                     : "+r"(from), "+r"(weights), "+r"(end), "+r"(made), "+r"(made_end), "+r"(entry), "+r"(end_of_fours)
                     :
                     : "r6", "r9", "r10", "r11", "r12", "lr", "cc", "memory");
    return weights;
#else
    return kernel_dot_plain_s8w4(columns, filter, groups, channels, sums, 1);
#endif
}

EDGECNN_INLINE int32_t kernel_first_sum_s8w4(int32_t first, int left)
{
    return first >> (12 - left);
}

/* Of the second channel, which is summed up by itself. */
EDGECNN_INLINE int32_t kernel_second_sum_s8w4(int32_t second, int32_t first, int left)
{
    (void)first;
    return second >> (12 - left);
}

EDGECNN_INLINE const int32_t *kernel_groups_behind_s8w4(const int32_t *filter, int count)
{
    return filter + count / 2;
}

#endif
