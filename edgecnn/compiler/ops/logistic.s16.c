/* SPDX-License-Identifier: Apache-2.0 */
#include "s16.h"

/* One row: 1 / (1 + exp(-x)), by a table of its positive side. */
EDGECNN_INLINE void kernel_logistic_s16(const kernel_logistic_s16_params *p, const int8_t *const *rows,
                                          int8_t *output)
{
    kernel_int16 *made = kernel_s16_out(output);
    for (int i = 0; i < p->size; ++i) {
        const int32_t value = kernel_scaled_s16(kernel_s16(rows[0])[i], p->multiplier, p->shift);
        const int32_t sigmoid = kernel_sigmoid(p->table, value < 0 ? -value : value, 9, 65534);
        made[i] = (int16_t)((value < 0 ? (1 << 25) - sigmoid + 511 : sigmoid + 512) >> 10);
    }
}
