/* SPDX-License-Identifier: Apache-2.0 */
#include "s16.h"

/* Largest values, from p->rows rows of the input at a time; the output holds the largest so far. */
EDGECNN_INLINE void kernel_reduce_max_s16(const kernel_reduce_max_s16_params *p, const int8_t *const *rows,
                                           int8_t *output, int part)
{
    kernel_int16 *made = kernel_s16_out(output);
    for (int x = 0; x < p->columns; ++x) {
        for (int c = 0; c < p->channels; ++c, ++made) {
            int16_t best = part > 0 ? *made : INT16_MIN;
            for (int y = 0; y < p->rows; ++y) {
                const kernel_int16 *input = kernel_s16(rows[y]) + x * p->column + c;
                for (int dx = 0; dx < p->over_columns; ++dx, input += p->column) {
                    for (int dc = 0; dc < p->over_channels; ++dc) {
                        best = input[dc] > best ? input[dc] : best;
                    }
                }
            }
            *made = best;
        }
    }
}
