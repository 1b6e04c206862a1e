/* SPDX-License-Identifier: Apache-2.0 */
#include "inverse_sqrt.h"

/* One row: each column's channels over their length. */
EDGECNN_INLINE void kernel_l2_normalization(const kernel_l2_normalization_params *p, const int8_t *const *rows,
                                            int8_t *output)
{
    const int8_t *input = rows[0];
    for (int x = 0; x < p->columns; ++x, input += p->channels, output += p->channels) {
        int32_t total = 0;
        int32_t scale;
        int shift;
        for (int c = 0; c < p->channels; ++c) {
            const int32_t value = input[c] - p->input_zero_point;
            total += value * value;
        }
        scale = kernel_inverse_sqrt(total, &shift);
        for (int c = 0; c < p->channels; ++c) {
            const int32_t value = (input[c] - p->input_zero_point) * (1 << p->before);
            output[c] = kernel_clamp(kernel_requantize(value, scale, shift + 7 - p->before), -128, 127);
        }
    }
}
