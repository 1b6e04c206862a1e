/* SPDX-License-Identifier: Apache-2.0 */
#include "s16.h"

/* One row: rows[0] + rows[1], with signs, both brought to one scale with 15 bits below the point. */
EDGECNN_INLINE void kernel_add_s16(const kernel_add_s16_params *p, const int8_t *const *rows, int8_t *output)
{
    kernel_int16 *made = kernel_s16_out(output);
    for (int x = 0; x < p->columns; ++x) {
        const kernel_int16 *a = kernel_s16(rows[0]) + x * p->first_column;
        const kernel_int16 *b = kernel_s16(rows[1]) + x * p->second_column;
        for (int i = 0; i < p->size; ++i, a += p->first_value, b += p->second_value) {
            const int32_t first = kernel_requantize(*a * (1 << 15), p->first_multiplier, p->first_shift);
            const int32_t second = kernel_requantize(*b * (1 << 15), p->second_multiplier, p->second_shift);
            const int32_t sum = p->first_sign * first + p->second_sign * second;
            const int32_t value = kernel_requantize(sum, p->output_multiplier, p->output_shift);
            *made++ = kernel_clamp_s16(value, p->activation_min, p->activation_max);
        }
    }
}
