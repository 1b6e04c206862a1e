/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel.h"

/* Row number `row`: from each pixel of the input the row of its block. */
EDGECNN_INLINE void kernel_depth_to_space(const kernel_depth_to_space_params *p, const int8_t *const *rows,
                                          int8_t *output, int row)
{
    for (int x = 0; x < p->out_w; ++x) {
        const int pixel = x / p->block * p->block * p->block;
        const int part = pixel + row % p->block * p->block + x % p->block;
        memcpy(output + x * p->channels, rows[0] + part * p->channels, (size_t)p->channels);
    }
}
