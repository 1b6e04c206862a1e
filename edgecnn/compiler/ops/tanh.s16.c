/* SPDX-License-Identifier: Apache-2.0 */
#include "s16.h"

/* One row: tanh(x) = 2 * sigmoid(2 * x) - 1, by a table of the sigmoid's positive side. */
EDGECNN_INLINE void kernel_tanh_s16(const kernel_tanh_s16_params *p, const int8_t *const *rows, int8_t *output)
{
    kernel_int16 *made = kernel_s16_out(output);
    for (int i = 0; i < p->size; ++i) {
        const int32_t value = kernel_scaled_s16(kernel_s16(rows[0])[i], p->multiplier, p->shift);
        const int32_t above = kernel_sigmoid(p->table, value < 0 ? -value : value, 8, 65535) - (1 << 23);
        made[i] = (int16_t)((value < 0 ? 127 - above : above + 128) >> 8);
    }
}
