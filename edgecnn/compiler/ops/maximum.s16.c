/* SPDX-License-Identifier: Apache-2.0 */
#include "s16.h"

/* One row: of each two values the larger. */
EDGECNN_INLINE void kernel_maximum_s16(const kernel_maximum_s16_params *p, const int8_t *const *rows, int8_t *output)
{
    kernel_int16 *made = kernel_s16_out(output);
    for (int x = 0; x < p->columns; ++x) {
        const kernel_int16 *a = kernel_s16(rows[0]) + x * p->first_column;
        const kernel_int16 *b = kernel_s16(rows[1]) + x * p->second_column;
        for (int i = 0; i < p->size; ++i, a += p->first_value, b += p->second_value) {
            *made++ = *a > *b ? *a : *b;
        }
    }
}
