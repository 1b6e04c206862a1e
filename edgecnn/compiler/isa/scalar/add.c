/* SPDX-License-Identifier: Apache-2.0 */
#include "../short_scale.h"

/* An input with 20 bits below the point, scaled; a half, the larger of two scales, is exact. */
EDGECNN_INLINE int32_t kernel_add_scalar_input(int32_t value, int32_t offset, int32_t multiplier, int right)
{
    if (right == 0 && multiplier == 1 << 30) {
        return (value + offset) * (1 << 19);
    }
    value = (value + offset) * (1 << 21);
    return right == 0 ? kernel_high_product(value, multiplier)
                      : kernel_scale(value, multiplier, kernel_rounding(0, right), right);
}

EDGECNN_INLINE int8_t kernel_add_scalar_sum(const kernel_add_scalar_params *p, int32_t first, int32_t second)
{
    const int right = -p->output_shift;
    const int32_t one = kernel_add_scalar_input(first, p->first_offset, p->first_multiplier, -p->first_shift);
    const int32_t other = kernel_add_scalar_input(second, p->second_offset, p->second_multiplier, -p->second_shift);
    const int32_t sum = p->first_sign * one + p->second_sign * other;
    const int32_t value =
        kernel_scale(2 * sum, p->output_multiplier, kernel_rounding(p->output_zero_point, right), right);
    return kernel_saturate(value, p->activation_min, p->activation_max);
}

/* One row: rows[0] + rows[1], with signs, both brought to one scale with 20 bits below the point. */
EDGECNN_INLINE void kernel_add_scalar(const kernel_add_scalar_params *p, const int8_t *const *rows, int8_t *output)
{
    const int8_t *first = rows[0], *second = rows[1];
    for (const int8_t *end = first + p->size; first < end; ++first, ++second) {
        *output++ = kernel_add_scalar_sum(p, *first, *second);
    }
}
