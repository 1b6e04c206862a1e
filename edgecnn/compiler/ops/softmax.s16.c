/* SPDX-License-Identifier: Apache-2.0 */
#include "s16.h"

EDGECNN_INLINE int32_t kernel_softmax_s16_exp(const kernel_softmax_s16_params *p, int32_t difference)
{
    const int32_t scaled = kernel_requantize(difference, p->multiplier, p->shift) + INT16_MAX;
    return kernel_between(p->exponential, kernel_clamp_s16(scaled, INT16_MIN, INT16_MAX));
}

/* One row: the softmax of each column's channels. */
EDGECNN_INLINE void kernel_softmax_s16(const kernel_softmax_s16_params *p, const int8_t *const *rows,
                                         int8_t *output)
{
    const kernel_int16 *input = kernel_s16(rows[0]);
    kernel_int16 *made = kernel_s16_out(output);
    for (int x = 0; x < p->columns; ++x, input += p->channels, made += p->channels) {
        int32_t sum = 0;
        int largest = INT16_MIN;
        int bits = 31;
        int32_t scale;
        for (int c = 0; c < p->channels; ++c) {
            largest = input[c] > largest ? input[c] : largest;
        }
        for (int c = 0; c < p->channels; ++c) {
            sum += kernel_softmax_s16_exp(p, input[c] - largest);
        }
        while (sum >> (bits - 1) == 0) {
            --bits;
        }
        /* From 1 to 2 with 16 bits below the point, brought to the table's range. */
        scale = (int32_t)((((int64_t)sum << (31 - bits)) + (1 << 13)) >> 14) - (1 << 16) - (1 << 15);
        scale = kernel_between(p->reciprocal, kernel_clamp_s16(scale, INT16_MIN, INT16_MAX));
        for (int c = 0; c < p->channels; ++c) {
            const int32_t product = kernel_softmax_s16_exp(p, input[c] - largest) * scale;
            made[c] = kernel_clamp_s16((product + (1 << (bits - 2))) >> (bits - 1), 0, INT16_MAX);
        }
    }
}
