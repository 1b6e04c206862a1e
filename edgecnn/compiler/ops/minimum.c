/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel.h"

/* One row: of each two values the smaller. */
EDGECNN_INLINE void kernel_minimum(const kernel_minimum_params *p, const int8_t *const *rows, int8_t *output)
{
    for (int x = 0; x < p->columns; ++x) {
        const int8_t *a = rows[0] + x * p->first_column, *b = rows[1] + x * p->second_column;
        for (int i = 0; i < p->size; ++i, a += p->first_value, b += p->second_value) {
            *output++ = *a < *b ? *a : *b;
        }
    }
}
