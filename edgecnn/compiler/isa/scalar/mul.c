/* SPDX-License-Identifier: Apache-2.0 */
#include "../short_scale.h"

/* One row: rows[0] * rows[1]. */
EDGECNN_INLINE void kernel_mul_scalar(const kernel_mul_scalar_params *p, const int8_t *const *rows, int8_t *output)
{
    const int right = -p->shift;
    const int32_t rounding = kernel_rounding(p->output_zero_point, right);
    for (int x = 0; x < p->columns; ++x) {
        const int8_t *a = rows[0] + x * p->first_column, *b = rows[1] + x * p->second_column;
        for (const int8_t *end = output + p->size; output < end; a += p->first_value, b += p->second_value) {
            const int32_t twice = 2 * (*a + p->first_offset) * (*b + p->second_offset);
            const int32_t value = kernel_scale(twice, p->multiplier, rounding, right);
            *output++ = kernel_saturate(value, p->activation_min, p->activation_max);
        }
    }
}
