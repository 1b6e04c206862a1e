/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel.h"

/* One row: some of the input's values. */
EDGECNN_INLINE void kernel_slice(const kernel_slice_params *p, const int8_t *const *rows, int8_t *output)
{
    for (int x = 0; x < p->positions; ++x, output += p->size) {
        const int8_t *values = rows[0] + p->begin + x * p->stride;
        if (p->step == 1) {
            memcpy(output, values, (size_t)p->size);
        } else {
            for (int c = 0; c < p->size; ++c) {
                output[c] = values[c * p->step];
            }
        }
    }
}
