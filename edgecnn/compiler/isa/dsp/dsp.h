/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernels for Armv7E-M's and Armv8-M's DSP instructions share.
 *
 * Two values of 16 bits lie in a word. Where there is assembly, C beside it computes the same; EDGECNN_PLAIN_C
 * asks for the C, which runs anywhere.
 */
#ifndef EDGECNN_DSP_H
#define EDGECNN_DSP_H

#include "../short_scale.h"

/* Loops in assembly take all registers that GCC has to give; Clang has fewer, and gets C around single instructions. */
#if EDGECNN_DSP && !defined(__clang__)
#define EDGECNN_LOOPS 1
#else
#define EDGECNN_LOOPS 0
#endif

/* Four bytes, the first in the lowest bits. */
EDGECNN_INLINE uint32_t kernel_word(const int8_t *bytes)
{
    uint32_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
}

/* Bytes 0 and 2 of a word, with their signs. */
EDGECNN_INLINE uint32_t kernel_even_bytes(uint32_t word)
{
#if EDGECNN_DSP
    uint32_t pair;
    __asm__("sxtb16 %0, %1" : "=r"(pair) : "r"(word));
    return pair;
#else
    return (uint16_t)(int8_t)word | (uint32_t)(int8_t)(word >> 16) << 16;
#endif
}

/* Bytes 1 and 3 of a word, with their signs. */
EDGECNN_INLINE uint32_t kernel_odd_bytes(uint32_t word)
{
#if EDGECNN_DSP
    uint32_t pair;
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(pair) : "r"(word));
    return pair;
#else
    return kernel_even_bytes(word >> 8);
#endif
}

/* The low half of both, that of `a` lowest. */
EDGECNN_INLINE uint32_t kernel_low_halves(uint32_t a, uint32_t b)
{
#if EDGECNN_DSP
    uint32_t pair;
    __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(pair) : "r"(a), "r"(b));
    return pair;
#else
    return (a & 0xffffu) | b << 16;
#endif
}

/* The high half of both, that of `a` lowest. */
EDGECNN_INLINE uint32_t kernel_high_halves(uint32_t a, uint32_t b)
{
#if EDGECNN_DSP
    uint32_t pair;
    __asm__("pkhtb %0, %2, %1, asr #16" : "=r"(pair) : "r"(a), "r"(b));
    return pair;
#else
    return a >> 16 | (b & 0xffff0000u);
#endif
}

/* Both halves of `pair` plus bytes 0 and 2 of a word, modulo 2^16. */
EDGECNN_INLINE uint32_t kernel_add_even_bytes(uint32_t pair, uint32_t word)
{
#if EDGECNN_DSP
    __asm__("sxtab16 %0, %0, %1" : "+r"(pair) : "r"(word));
    return pair;
#else
    const uint32_t low = pair + (uint16_t)(int8_t)word, high = (pair >> 16) + (uint16_t)(int8_t)(word >> 16);
    return (low & 0xffffu) | high << 16;
#endif
}

/* The same with bytes 1 and 3. */
EDGECNN_INLINE uint32_t kernel_add_odd_bytes(uint32_t pair, uint32_t word)
{
#if EDGECNN_DSP
    __asm__("sxtab16 %0, %0, %1, ror #8" : "+r"(pair) : "r"(word));
    return pair;
#else
    return kernel_add_even_bytes(pair, word >> 8);
#endif
}

/* In the place of kernel_sum_window, for windows of at most 255 values: 16 bits hold their sums. */
EDGECNN_INLINE void kernel_sum_window_dsp(const int8_t *const *rows, int height, int at, int step, int columns,
                                          int32_t *sums)
{
    uint32_t even = 0, odd = 0;
    for (int y = 0; y < height; ++y) {
        if (rows[y] != NULL) {
            const int8_t *from = rows[y] + at;
            for (int i = 0; i < columns; ++i, from += step) {
                even = kernel_add_even_bytes(even, kernel_word(from));
                odd = kernel_add_odd_bytes(odd, kernel_word(from));
            }
        }
    }
    sums[0] = (int16_t)even;
    sums[1] = (int16_t)odd;
    sums[2] = (int16_t)(even >> 16);
    sums[3] = (int16_t)(odd >> 16);
}

/* The larger of each byte of two words, with signs. */
EDGECNN_INLINE uint32_t kernel_larger_bytes(uint32_t a, uint32_t b)
{
#if EDGECNN_DSP
    uint32_t larger;
    __asm__("ssub8 %0, %1, %2\n\tsel %0, %1, %2" : "=&r"(larger) : "r"(a), "r"(b) : "cc");
    return larger;
#else
    uint32_t larger = 0;
    for (int at = 0; at < 32; at += 8) {
        larger |= ((int8_t)(a >> at) > (int8_t)(b >> at) ? a : b) & (uint32_t)0xff << at;
    }
    return larger;
#endif
}

/* Widens `count` groups of four bytes to the words (0, 2) and (1, 3), each `step` words behind the last. */
EDGECNN_INLINE void kernel_widen_by(uint32_t *pairs, int step, const int8_t *bytes, int count)
{
    for (; count > 1; count -= 2, bytes += 8, pairs += 4 * step) {
        const uint32_t first = kernel_word(bytes), second = kernel_word(bytes + 4);
        pairs[0] = kernel_even_bytes(first);
        pairs[step] = kernel_odd_bytes(first);
        pairs[2 * step] = kernel_even_bytes(second);
        pairs[3 * step] = kernel_odd_bytes(second);
    }
    if (count > 0) {
        pairs[0] = kernel_even_bytes(kernel_word(bytes));
        pairs[step] = kernel_odd_bytes(kernel_word(bytes));
    }
}

EDGECNN_SHARED void kernel_widen(uint32_t *pairs, int step, const int8_t *bytes, int count)
{
    if (step == 3) {
        kernel_widen_by(pairs, 3, bytes, count);
    } else if (step == 2) {
        kernel_widen_by(pairs, 2, bytes, count);
    } else {
        kernel_widen_by(pairs, 1, bytes, count);
    }
}

#if !EDGECNN_LOOPS
/* sum + both products of the halves, modulo 2^32: SMLAD. */
EDGECNN_INLINE int32_t kernel_multiply_pairs(uint32_t a, uint32_t b, int32_t sum)
{
#if EDGECNN_DSP
    __asm__("smlad %0, %1, %2, %0" : "+r"(sum) : "r"(a), "r"(b));
    return sum;
#else
    const int32_t low = (int16_t)a * (int16_t)b;
    const int32_t high = (int16_t)(a >> 16) * (int16_t)(b >> 16);
    return (int32_t)((uint32_t)sum + (uint32_t)low + (uint32_t)high);
#endif
}
#endif

#if !EDGECNN_LOOPS
/* What kernel_dot_2 does, with `count` columns. */
EDGECNN_INLINE const int32_t *kernel_dot_plain(const uint32_t *columns, const int32_t *filter, int groups,
                                               int channels, int32_t *sums, int count)
{
    for (; channels > 0; channels -= 2, sums += 2 * count) {
        const uint32_t *x = columns;
        memset(sums, 0, 2 * (size_t)count * sizeof *sums);
        for (int i = 0; i < 2 * groups; ++i, ++filter, x += count) {
            const uint32_t both = (uint32_t)*filter, first = kernel_even_bytes(both);
            for (int k = 0; k < count; ++k) {
                sums[k] = kernel_multiply_pairs(first, x[k], sums[k]);
                sums[count + k] = kernel_multiply_pairs(both, x[k], sums[count + k]);
            }
        }
    }
    return filter;
}
#endif

/* Products of two channels' weights with a block of two columns, for each of `channels / 2` pairs of channels.
 *
 * A group of four taps is four words of `columns`, (0, 2) of both columns, then (1, 3), and two of `filter`, whose
 * halves are 256 * second channel + first channel of taps (0, 2) and (1, 3). So SXTB16 gives the first channel, and
 * the word as it is gives the first plus 256 times the second: `sums` get two of the first, two of that.
 * Returns where the next weights begin.
 */
EDGECNN_SHARED const int32_t *kernel_dot_2(const uint32_t *columns, const int32_t *filter, int groups,
                                           int channels, int32_t *sums)
{
#if EDGECNN_LOOPS
    const uint32_t *const end = columns + 4 * groups;
    int32_t *const sums_end = sums + 2 * channels;
    uint32_t entry = (uint32_t)(-groups & 7) * 48u; /* into the loop below, of 48 bytes for a group */
    register const int32_t *weights __asm__("r1") = filter;
    __asm__ volatile(".syntax unified\n\t"
                     "adr.w r10, 2f\n\t"
                     "ldr r11, %[entry]\n\t"
                     "add r10, r10, r11\n\t"
                     "add r10, r10, #1\n\t"
                     "str r10, %[entry]\n"
                     "1:\n\t"
                     "ldr r0, %[columns]\n\t"
                     "mov r2, #0\n\t"
                     "mov r3, #0\n\t"
                     "mov r4, #0\n\t"
                     "mov r5, #0\n\t"
                     "ldr pc, %[entry]\n"
                     "2:\n\t"
                     ".rept 8\n\t"
                     "ldmia.w r1!, {r8, r9}\n\t"
                     "ldmia.w r0!, {r10, r11, r12, lr}\n\t"
                     "smlad r4, r8, r10, r4\n\t"
                     "smlad r5, r8, r11, r5\n\t"
                     "sxtb16 r8, r8\n\t"
                     "smlad r4, r9, r12, r4\n\t"
                     "smlad r5, r9, lr, r5\n\t"
                     "sxtb16 r9, r9\n\t"
                     "smlad r2, r8, r10, r2\n\t"
                     "smlad r3, r8, r11, r3\n\t"
                     "smlad r2, r9, r12, r2\n\t"
                     "smlad r3, r9, lr, r3\n\t"
                     ".endr\n\t"
                     "ldr r10, %[end]\n\t"
                     "cmp r0, r10\n\t"
                     "bne 2b\n\t"
                     "ldr r8, %[sums]\n\t"
                     "stmia r8!, {r2, r3, r4, r5}\n\t"
                     "str r8, %[sums]\n\t"
                     "ldr r10, %[sums_end]\n\t"
                     "cmp r8, r10\n\t"
                     "bne 1b"
                     : [entry] "+m"(entry), [sums] "+m"(sums), "+r"(weights)
                     : [columns] "m"(columns), [end] "m"(end), [sums_end] "m"(sums_end)
                     : "r0", "r2", "r3", "r4", "r5", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory");
    return weights;
#else
    return kernel_dot_plain(columns, filter, groups, channels, sums, 2);
#endif
}

/* As kernel_dot_2, with a block of three columns. */
EDGECNN_SHARED const int32_t *kernel_dot_3(const uint32_t *columns, const int32_t *filter, int groups,
                                           int channels, int32_t *sums)
{
#if EDGECNN_LOOPS
    const uint32_t *const end = columns + 6 * groups;
    int32_t *const sums_end = sums + 3 * channels;
    uint32_t entry = (uint32_t)(-groups & 7) * 68u; /* into the loop below, of 68 bytes for a group */
    register const int32_t *weights __asm__("r1") = filter;
    __asm__ volatile(".syntax unified\n\t"
                     "adr.w r11, 2f\n\t"
                     "ldr r12, %[entry]\n\t"
                     "add r11, r11, r12\n\t"
                     "add r11, r11, #1\n\t"
                     "str r11, %[entry]\n"
                     "1:\n\t"
                     "ldr r0, %[columns]\n\t"
                     "mov r2, #0\n\t"
                     "mov r3, #0\n\t"
                     "mov r4, #0\n\t"
                     "mov r5, #0\n\t"
                     "mov r6, #0\n\t"
                     "mov r8, #0\n\t"
                     "ldr pc, %[entry]\n"
                     "2:\n\t"
                     ".rept 8\n\t"
                     "ldmia.w r1!, {r9, r10}\n\t"
                     "ldmia.w r0!, {r11, r12, lr}\n\t"
                     "smlad r5, r9, r11, r5\n\t"
                     "smlad r6, r9, r12, r6\n\t"
                     "smlad r8, r9, lr, r8\n\t"
                     "sxtb16 r9, r9\n\t"
                     "smlad r2, r9, r11, r2\n\t"
                     "smlad r3, r9, r12, r3\n\t"
                     "smlad r4, r9, lr, r4\n\t"
                     "ldmia.w r0!, {r11, r12, lr}\n\t"
                     "smlad r5, r10, r11, r5\n\t"
                     "smlad r6, r10, r12, r6\n\t"
                     "smlad r8, r10, lr, r8\n\t"
                     "sxtb16 r10, r10\n\t"
                     "smlad r2, r10, r11, r2\n\t"
                     "smlad r3, r10, r12, r3\n\t"
                     "smlad r4, r10, lr, r4\n\t"
                     ".endr\n\t"
                     "ldr r11, %[end]\n\t"
                     "cmp r0, r11\n\t"
                     "bne 2b\n\t"
                     "ldr r9, %[sums]\n\t"
                     "stmia r9!, {r2, r3, r4, r5, r6, r8}\n\t"
                     "str r9, %[sums]\n\t"
                     "ldr r11, %[sums_end]\n\t"
                     "cmp r9, r11\n\t"
                     "bne 1b"
                     : [entry] "+m"(entry), [sums] "+m"(sums), "+r"(weights)
                     : [columns] "m"(columns), [end] "m"(end), [sums_end] "m"(sums_end)
                     : "r0", "r2", "r3", "r4", "r5", "r6", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory");
    return weights;
#else
    return kernel_dot_plain(columns, filter, groups, channels, sums, 3);
#endif
}

/* As kernel_dot_2, with a single column. */
EDGECNN_SHARED const int32_t *kernel_dot_1(const uint32_t *columns, const int32_t *filter, int groups,
                                           int channels, int32_t *sums)
{
#if EDGECNN_LOOPS
    const uint32_t *const end = columns + 2 * groups;
    int32_t *const sums_end = sums + channels;
    uint32_t entry = (uint32_t)(-groups & 7) * 32u; /* into the loop below, of 32 bytes for a group */
    register const int32_t *weights __asm__("r1") = filter;
    __asm__ volatile(".syntax unified\n\t"
                     "adr.w r10, 2f\n\t"
                     "ldr r11, %[entry]\n\t"
                     "add r10, r10, r11\n\t"
                     "add r10, r10, #1\n\t"
                     "str r10, %[entry]\n"
                     "1:\n\t"
                     "ldr r0, %[columns]\n\t"
                     "mov r2, #0\n\t"
                     "mov r3, #0\n\t"
                     "ldr pc, %[entry]\n"
                     "2:\n\t"
                     ".rept 8\n\t"
                     "ldmia.w r1!, {r8, r9}\n\t"
                     "ldmia.w r0!, {r10, r11}\n\t"
                     "smlad r3, r8, r10, r3\n\t"
                     "sxtb16 r8, r8\n\t"
                     "smlad r3, r9, r11, r3\n\t"
                     "sxtb16 r9, r9\n\t"
                     "smlad r2, r8, r10, r2\n\t"
                     "smlad r2, r9, r11, r2\n\t"
                     ".endr\n\t"
                     "ldr r10, %[end]\n\t"
                     "cmp r0, r10\n\t"
                     "bne 2b\n\t"
                     "ldr r8, %[sums]\n\t"
                     "stmia r8!, {r2, r3}\n\t"
                     "str r8, %[sums]\n\t"
                     "ldr r10, %[sums_end]\n\t"
                     "cmp r8, r10\n\t"
                     "bne 1b"
                     : [entry] "+m"(entry), [sums] "+m"(sums), "+r"(weights)
                     : [columns] "m"(columns), [end] "m"(end), [sums_end] "m"(sums_end)
                     : "r0", "r2", "r3", "r8", "r9", "r10", "r11", "cc", "memory");
    return weights;
#else
    return kernel_dot_plain(columns, filter, groups, channels, sums, 1);
#endif
}

/* Outputs of `count` channels, a multiple of four, of the doubled sums of each: what kernel_scale makes of these, twice
 * their bias and their multiplier, which lie in pairs, and of their negative shift. `odd` is 1 and twice the zero
 * point. Shifting by one less, and then, odd added, by one, gives the same: floor((floor(a / m) + n) / 2) is
 * floor((a + m n) / 2m). The complement of a negative shift is one less than what is shifted right.
 */
EDGECNN_SHARED void kernel_scale_channels(const int32_t *sums, const int32_t *scale, const int8_t *shift, int count,
                                          int32_t odd, int8_t *output)
{
#if EDGECNN_LOOPS
    const int32_t *const end = sums + count;
    __asm__ volatile(".syntax unified\n"
                     "1:\n\t"
                     "ldr r8, [%[shift]], #4\n\t"
                     "mvn r8, r8\n\t"
                     ".irp last, 0, 0, 0, 1\n\t"
                     "ldrd r10, r11, [%[scale]], #8\n\t"
                     "ldr r9, [%[sums]], #4\n\t"
                     "add r9, r9, r10, lsl #1\n\t"
                     "smmulr r9, r9, r11\n\t"
                     "add r9, r9, r9, asr #31\n\t"
                     "asr r9, r9, r8\n\t"
                     "add r9, r9, %[odd]\n\t"
                     ".ifeq \\last\n\t"
                     "lsr r8, r8, #8\n\t"
                     ".endif\n\t"
                     "ssat r9, #8, r9, asr #1\n\t"
                     "strb r9, [%[output]], #1\n\t"
                     ".endr\n\t"
                     "cmp %[sums], %[end]\n\t"
                     "bne 1b"
                     : [sums] "+r"(sums), [scale] "+r"(scale), [shift] "+r"(shift), [output] "+r"(output)
                     : [end] "r"(end), [odd] "r"(odd)
                     : "r8", "r9", "r10", "r11", "cc", "memory");
#else
    for (int i = 0; i < count; ++i) {
        const int32_t twice = kernel_offset(sums[i], (int32_t)(2u * (uint32_t)scale[2 * i]));
        const int32_t high = (int32_t)(((int64_t)twice * scale[2 * i + 1] + ((int64_t)1 << 31)) >> 32);
        output[i] = kernel_clamp((((high - (high < 0)) >> (-shift[i] - 1)) + odd) >> 1, INT8_MIN, INT8_MAX);
    }
#endif
}

/* What kernel_dot_2 made of the first channel of a pair as a sum, times 1 << left. */
EDGECNN_INLINE int32_t kernel_first_sum(int32_t first, int left)
{
    return (int32_t)((uint32_t)first << left);
}

/* The same of the second channel, of which `first` has to be taken away. */
EDGECNN_INLINE int32_t kernel_second_sum(int32_t both, int32_t first, int left)
{
    return (int32_t)((uint32_t)both - (uint32_t)first) >> (8 - left);
}

/* Where the weights behind `count` of both channels' groups of four taps begin. */
EDGECNN_INLINE const int32_t *kernel_groups_behind(const int32_t *filter, int count)
{
    return filter + count;
}

#endif
