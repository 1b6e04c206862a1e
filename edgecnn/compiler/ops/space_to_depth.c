/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel.h"

/* One row: from each block its rows, one behind the other. */
EDGECNN_INLINE void kernel_space_to_depth(const kernel_space_to_depth_params *p, const int8_t *const *rows,
                                          int8_t *output)
{
    for (int x = 0; x < p->out_w; ++x) {
        for (int y = 0; y < p->block; ++y, output += p->size) {
            memcpy(output, rows[y] + x * p->size, (size_t)p->size);
        }
    }
}
