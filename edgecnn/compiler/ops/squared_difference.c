/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel.h"

/* One row: (rows[0] - rows[1])^2, both brought to one scale with 7 bits below the point. */
EDGECNN_INLINE void kernel_squared_difference(const kernel_squared_difference_params *p, const int8_t *const *rows,
                                              int8_t *output)
{
    for (int x = 0; x < p->columns; ++x) {
        const int8_t *a = rows[0] + x * p->first_column, *b = rows[1] + x * p->second_column;
        for (int i = 0; i < p->size; ++i, a += p->first_value, b += p->second_value) {
            const int32_t first = (*a + p->first_offset) * (1 << 7);
            const int32_t second = (*b + p->second_offset) * (1 << 7);
            const int32_t difference = kernel_requantize(first, p->first_multiplier, p->first_shift) -
                                       kernel_requantize(second, p->second_multiplier, p->second_shift);
            /* Modulo 2^32: weights from a broken file may be beyond what training makes. */
            const int32_t square = (int32_t)((uint32_t)difference * (uint32_t)difference);
            const int32_t value = kernel_requantize(square, p->output_multiplier, p->output_shift);
            *output++ = kernel_clamp(kernel_offset(value, p->output_zero_point), -128, 127);
        }
    }
}
