/* SPDX-License-Identifier: Apache-2.0 */
#include "../short_scale.h"

/* Adds the products of a row with the weights of an output that aren't zero, and moves on to the next output. Weights
 * come in fours: how far each lies behind the one before, in four bits each, then the weights. The last one belongs to
 * the row's last byte.
 */
EDGECNN_INLINE int32_t kernel_sparse_dot(int32_t sum, const uint16_t **filter, const int8_t *x, const int8_t *last)
{
    const uint16_t *four = *filter;
#if EDGECNN_DSP
    const uint32_t mask = 0x0f0f0f0fu;
    uint32_t even, odd, first, second, third, fourth;
    __asm__(".syntax unified\n"
            "1:\n\t"
            "ldrh %[even], [%[four]], #6\n\t"
            "and %[odd], %[mask], %[even], lsr #4\n\t"
            "and %[even], %[even], %[mask]\n\t"
            "uxtab %[x], %[x], %[even]\n\t"
            "ldrsb %[first], [%[x]]\n\t"
            "uxtab %[x], %[x], %[odd]\n\t"
            "ldrsb %[second], [%[x]]\n\t"
            "uxtab %[x], %[x], %[even], ror #8\n\t"
            "ldrsb %[third], [%[x]]\n\t"
            "uxtab %[x], %[x], %[odd], ror #8\n\t"
            "ldrsb %[fourth], [%[x]]\n\t"
            "ldr %[odd], [%[four], #-4]\n\t"
            "pkhbt %[first], %[first], %[third], lsl #16\n\t"
            "pkhbt %[second], %[second], %[fourth], lsl #16\n\t"
            "sxtb16 %[even], %[odd]\n\t"
            "sxtb16 %[odd], %[odd], ror #8\n\t"
            "smlad %[sum], %[even], %[first], %[sum]\n\t"
            "smlad %[sum], %[odd], %[second], %[sum]\n\t"
            "cmp %[x], %[last]\n\t"
            "bne 1b"
            : [sum] "+r"(sum), [four] "+r"(four), [x] "+r"(x), [even] "=&r"(even), [odd] "=&r"(odd),
              [first] "=&r"(first), [second] "=&r"(second), [third] "=&r"(third), [fourth] "=&r"(fourth)
            : [mask] "r"(mask), [last] "r"(last)
            : "cc", "memory");
#else
    do {
        const int8_t *weights = (const int8_t *)(four + 1);
        x += four[0] & 15;
        sum += weights[0] * *x;
        x += four[0] >> 4 & 15;
        sum += weights[1] * *x;
        x += four[0] >> 8 & 15;
        sum += weights[2] * *x;
        x += four[0] >> 12;
        sum += weights[3] * *x;
        four += 3;
    } while (x != last);
#endif
    *filter = four;
    return sum;
}

/* All outputs, from p->rows rows of the input at a time; the last part writes them. */
EDGECNN_INLINE void kernel_fully_connected_sparse_scalar(const kernel_fully_connected_sparse_scalar_params *p,
                                                         const int8_t *const *rows, int8_t *output, int part,
                                                         int32_t *sums)
{
    const uint16_t *filter = p->filter + p->starts[part * p->rows];
    for (int o = 0; part == 0 && o < p->out; ++o) {
        sums[o] = p->bias[o];
    }
    for (int y = 0; y < p->rows; ++y) {
        for (int o = 0; o < p->out; ++o) {
            sums[o] = kernel_sparse_dot(sums[o], &filter, rows[y], rows[y] + p->row - 1);
        }
    }
    for (int o = 0; part + 1 == p->parts && o < p->out; ++o) {
        const int q = o * p->per_channel;
        output[o] = kernel_output(sums[o], p->multiplier[q], -p->shift[q], 1, p->output_zero_point, p->activation_min,
                                  p->activation_max);
    }
}
