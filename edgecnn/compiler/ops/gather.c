/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel.h"

/* One row: columns or channels of the input in another order, some of them more than once. */
EDGECNN_INLINE void kernel_gather(const kernel_gather_params *p, const int8_t *const *rows, int8_t *output)
{
    for (int x = 0; x < p->positions; ++x) {
        const int8_t *values = rows[0] + x * p->stride;
        for (int i = 0; i < p->count; ++i) {
            const int size = p->sizes != NULL ? p->sizes[i] : p->size;
            memcpy(output, values + p->places[i], (size_t)size);
            output += size;
        }
    }
}
