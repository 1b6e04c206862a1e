/* SPDX-License-Identifier: Apache-2.0 */
#include "s16.h"

/* One row: some of the input's values. */
EDGECNN_INLINE void kernel_slice_s16(const kernel_slice_s16_params *p, const int8_t *const *rows,
                                       int8_t *output)
{
    kernel_int16 *made = kernel_s16_out(output);
    for (int x = 0; x < p->positions; ++x) {
        const kernel_int16 *values = kernel_s16(rows[0]) + p->begin + x * p->stride;
        for (int c = 0; c < p->size; ++c) {
            *made++ = values[c * p->step];
        }
    }
}
