/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel.h"

typedef struct {
    int32_t size;
    int32_t first_multiplier, second_multiplier, output_multiplier;
    int16_t first_offset, second_offset, output_zero_point;
    int16_t first_shift, second_shift, output_shift;
    int16_t activation_min, activation_max;
} kernel_add_params;

/* One row: rows[0] + rows[1], both brought to one scale with 20 bits below the point. */
EDGECNN_INLINE void kernel_add(const kernel_add_params *p, const int8_t *const *rows, int8_t *output)
{
    for (int i = 0; i < p->size; ++i) {
        const int32_t first = (rows[0][i] + p->first_offset) * (1 << 20);
        const int32_t second = (rows[1][i] + p->second_offset) * (1 << 20);
        const int32_t sum = kernel_requantize(first, p->first_multiplier, p->first_shift) +
                            kernel_requantize(second, p->second_multiplier, p->second_shift);
        const int32_t value = kernel_requantize(sum, p->output_multiplier, p->output_shift);
        output[i] = kernel_clamp(value + p->output_zero_point, p->activation_min, p->activation_max);
    }
}
