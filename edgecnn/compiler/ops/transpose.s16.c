/* SPDX-License-Identifier: Apache-2.0 */
#include "s16.h"

/* Row number `row`: rows[0] is the input's first row, or the same one where rows stay rows. */
EDGECNN_INLINE void kernel_transpose_s16(const kernel_transpose_s16_params *p, const int8_t *const *rows,
                                           int8_t *output, int row)
{
    kernel_int16 *made = kernel_s16_out(output);
    for (int x = 0; x < p->out_w; ++x) {
        for (int c = 0; c < p->out_c; ++c) {
            const kernel_int16 *source = kernel_s16(rows[row * p->row_y + x * p->row_x + c * p->row_c]);
            *made++ = source[row * p->byte_y + x * p->byte_x + c * p->byte_c];
        }
    }
}
