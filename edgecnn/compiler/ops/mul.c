/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel.h"

/* One row: rows[0] * rows[1]. */
EDGECNN_INLINE void kernel_mul(const kernel_mul_params *p, const int8_t *const *rows, int8_t *output)
{
    for (int x = 0; x < p->columns; ++x) {
        const int8_t *a = rows[0] + x * p->first_column, *b = rows[1] + x * p->second_column;
        for (int i = 0; i < p->size; ++i, a += p->first_value, b += p->second_value) {
            const int32_t product = (*a + p->first_offset) * (*b + p->second_offset);
            const int32_t scaled = kernel_requantize(product, p->multiplier, p->shift);
            const int32_t value = kernel_offset(scaled, p->output_zero_point);
            *output++ = kernel_clamp(value, p->activation_min, p->activation_max);
        }
    }
}
