/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel.h"

/* Row number `row`: rows[0] is the input's first row, or the same one where rows stay rows. */
EDGECNN_INLINE void kernel_transpose(const kernel_transpose_params *p, const int8_t *const *rows, int8_t *output,
                                     int row)
{
    for (int x = 0; x < p->out_w; ++x) {
        for (int c = 0; c < p->out_c; ++c, ++output) {
            const int8_t *const source = rows[row * p->row_y + x * p->row_x + c * p->row_c];
            *output = source[row * p->byte_y + x * p->byte_x + c * p->byte_c];
        }
    }
}
