/* SPDX-License-Identifier: Apache-2.0 */
#include "softmax.h"

/* One row: the softmax of each column's channels. */
EDGECNN_INLINE void kernel_softmax(const kernel_softmax_params *p, const int8_t *const *rows, int8_t *output)
{
    const int8_t *input = rows[0];
    for (int x = 0; x < p->columns; ++x, input += p->channels, output += p->channels) {
        kernel_softmax_divisor by;
        int32_t sum = 0;
        int largest = INT8_MIN;
        for (int c = 0; c < p->channels; ++c) {
            largest = input[c] > largest ? input[c] : largest;
        }
        for (int c = 0; c < p->channels; ++c) {
            sum += kernel_divide(p->table[largest - input[c]], 12);
        }
        by = kernel_softmax_divide_by(sum);
        for (int c = 0; c < p->channels; ++c) {
            output[c] = kernel_softmax_share(&by, p->table[largest - input[c]]);
        }
    }
}
