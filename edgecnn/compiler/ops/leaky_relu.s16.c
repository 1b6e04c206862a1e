/* SPDX-License-Identifier: Apache-2.0 */
#include "s16.h"

/* One row: values scaled, those below 0 otherwise. */
EDGECNN_INLINE void kernel_leaky_relu_s16(const kernel_leaky_relu_s16_params *p, const int8_t *const *rows,
                                            int8_t *output)
{
    kernel_int16 *made = kernel_s16_out(output);
    for (int i = 0; i < p->size; ++i) {
        const int32_t value = kernel_s16(rows[0])[i];
        const int32_t scaled = value < 0 ? kernel_requantize(value, p->below_multiplier, p->below_shift)
                                         : kernel_requantize(value, p->multiplier, p->shift);
        made[i] = kernel_clamp_s16(scaled, INT16_MIN, INT16_MAX);
    }
}
