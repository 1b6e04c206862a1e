/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel.h"

/* All outputs, from p->rows rows of the input at a time; the last part writes them. */
EDGECNN_INLINE void kernel_fully_connected(const kernel_fully_connected_params *p, const int8_t *const *rows,
                                           int8_t *output, int part, int32_t *sums)
{
    for (int o = 0; o < p->out; ++o) {
        size_t at = (size_t)o * (size_t)p->in + (size_t)part * (size_t)(p->rows * p->row);
        const int q = o * p->per_channel;
        int32_t sum = part > 0 ? sums[o] : p->bias[o];
        for (int y = 0; y < p->rows; ++y, at += (size_t)p->row) {
            sum += kernel_dot(rows[y], p->filter, at, p->row);
        }
        if (part + 1 < p->parts) {
            sums[o] = sum;
        } else {
            sum = kernel_offset(kernel_requantize(sum, p->multiplier[q], p->shift[q]), p->output_zero_point);
            output[o] = kernel_clamp(sum, p->activation_min, p->activation_max);
        }
    }
}
