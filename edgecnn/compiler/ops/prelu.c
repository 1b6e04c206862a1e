/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel.h"

/* One row: rows[0], or rows[0] * rows[1] below zero. */
EDGECNN_INLINE void kernel_prelu(const kernel_prelu_params *p, const int8_t *const *rows, int8_t *output)
{
    for (int x = 0; x < p->columns; ++x) {
        const int8_t *a = rows[0] + x * p->first_column, *b = rows[1] + x * p->second_column;
        for (int i = 0; i < p->size; ++i, a += p->first_value, b += p->second_value) {
            const int32_t value = *a + p->first_offset;
            const int32_t alpha = *b + p->second_offset;
            const int32_t scaled = value >= 0
                                       ? kernel_requantize(value, p->multiplier, p->shift)
                                       : kernel_requantize(value * alpha, p->alpha_multiplier, p->alpha_shift);
            *output++ = kernel_clamp(kernel_offset(scaled, p->output_zero_point), INT8_MIN, INT8_MAX);
        }
    }
}
