/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel.h"

/* For each column of one row the number of its first largest value, in its part of the output. */
EDGECNN_INLINE void kernel_arg_max(const kernel_arg_max_params *p, const int8_t *const *rows, int8_t *output, int part)
{
    const int8_t *input = rows[0];
    output += (ptrdiff_t)part * p->columns * p->bytes;
    for (int x = 0; x < p->columns; ++x, input += p->channels, output += p->bytes) {
        int32_t best = 0;
        int64_t wide;
        for (int c = 1; c < p->channels; ++c) {
            best = input[c] > input[best] ? c : best;
        }
        wide = best;
        /* The output may lie anywhere. */
        memcpy(output, p->bytes == 8 ? (const void *)&wide : (const void *)&best, p->bytes == 8 ? 8 : 4);
    }
}
