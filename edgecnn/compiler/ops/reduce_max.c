/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel.h"

/* Largest values, from p->rows rows of the input at a time; the output holds the largest so far. */
EDGECNN_INLINE void kernel_reduce_max(const kernel_reduce_max_params *p, const int8_t *const *rows, int8_t *output,
                                      int part)
{
    for (int x = 0; x < p->columns; ++x) {
        for (int c = 0; c < p->channels; ++c, ++output) {
            int8_t best = part > 0 ? *output : INT8_MIN;
            for (int y = 0; y < p->rows; ++y) {
                const int8_t *input = rows[y] + x * p->column + c;
                for (int dx = 0; dx < p->over_columns; ++dx, input += p->column) {
                    for (int dc = 0; dc < p->over_channels; ++dc) {
                        best = input[dc] > best ? input[dc] : best;
                    }
                }
            }
            *output = best;
        }
    }
}
