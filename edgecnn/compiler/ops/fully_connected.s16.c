/* SPDX-License-Identifier: Apache-2.0 */
#include "s16.h"

/* All outputs, from p->rows rows of the input at a time; the last part writes them.
 *
 * A sum has two words of `sums`, which is aligned to words only.
 */
EDGECNN_INLINE void kernel_fully_connected_s16(const kernel_fully_connected_s16_params *p,
                                                 const int8_t *const *rows, int8_t *output, int part,
                                                 int32_t *sums)
{
    kernel_int16 *made = kernel_s16_out(output);
    for (int o = 0; o < p->out; ++o) {
        const int8_t *weights = p->filter + (size_t)o * (size_t)p->in + (size_t)part * (size_t)(p->rows * p->row);
        const int q = o * p->per_channel;
        int64_t sum = p->bias[o];
        if (part > 0) {
            memcpy(&sum, sums + 2 * o, sizeof sum);
        }
        for (int y = 0; y < p->rows; ++y, weights += p->row) {
            sum += kernel_dot_s16(kernel_s16(rows[y]), weights, p->row);
        }
        if (part + 1 < p->parts) {
            memcpy(sums + 2 * o, &sum, sizeof sum);
        } else {
            const int32_t value = kernel_requantize_s16(sum, p->multiplier[q], p->shift[q], p->wide);
            made[o] = kernel_clamp_s16(value, p->activation_min, p->activation_max);
        }
    }
}
