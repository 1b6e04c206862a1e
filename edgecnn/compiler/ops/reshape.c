/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel.h"

/* The whole tensor: its rows, one behind the other. */
EDGECNN_INLINE void kernel_reshape(const kernel_reshape_params *p, const int8_t *const *rows, int8_t *output)
{
    for (int y = 0; y < p->rows; ++y, output += p->size) {
        memcpy(output, rows[y], (size_t)p->size);
    }
}
