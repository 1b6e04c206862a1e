/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel.h"

/* One row: columns of the input, each as often as it is the nearest. */
EDGECNN_INLINE void kernel_resize_nearest_neighbor(const kernel_resize_nearest_neighbor_params *p,
                                                   const int8_t *const *rows, int8_t *output)
{
    for (int x = 0; x < p->out_w; ++x) {
        memcpy(output + x * p->size, rows[0] + p->columns[x] * p->size, (size_t)p->size);
    }
}
