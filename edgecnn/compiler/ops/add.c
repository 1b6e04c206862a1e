/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel.h"

/* One row: rows[0] + rows[1], with signs, both brought to one scale with 20 bits below the point. */
EDGECNN_INLINE void kernel_add(const kernel_add_params *p, const int8_t *const *rows, int8_t *output)
{
    for (int x = 0; x < p->columns; ++x) {
        const int8_t *a = rows[0] + x * p->first_column, *b = rows[1] + x * p->second_column;
        for (int i = 0; i < p->size; ++i, a += p->first_value, b += p->second_value) {
            const int32_t first = (*a + p->first_offset) * (1 << 20);
            const int32_t second = (*b + p->second_offset) * (1 << 20);
            const int32_t sum = p->first_sign * kernel_requantize(first, p->first_multiplier, p->first_shift) +
                                p->second_sign * kernel_requantize(second, p->second_multiplier, p->second_shift);
            const int32_t value = kernel_requantize(sum, p->output_multiplier, p->output_shift);
            *output++ = kernel_clamp(kernel_offset(value, p->output_zero_point), p->activation_min, p->activation_max);
        }
    }
}
