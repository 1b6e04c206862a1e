/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel.h"

/* One row: at each position the bytes of all inputs that have a row here. */
EDGECNN_INLINE void kernel_concatenation(const kernel_concatenation_params *p, const int8_t *const *rows,
                                         int8_t *output)
{
    for (int x = 0; x < p->positions; ++x) {
        for (int i = 0; i < p->count; ++i) {
            if (rows[i] != NULL) {
                memcpy(output, rows[i] + x * p->sizes[i], (size_t)p->sizes[i]);
                output += p->sizes[i];
            }
        }
    }
}
