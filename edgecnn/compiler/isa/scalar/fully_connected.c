/* SPDX-License-Identifier: Apache-2.0 */
#include "scalar.h"

/* All outputs, from p->rows rows of the input at a time; the last part writes them. */
EDGECNN_INLINE void kernel_fully_connected_scalar(const kernel_fully_connected_scalar_params *p,
                                                  const int8_t *const *rows, int8_t *output, int part, int32_t *sums)
{
    const int32_t min = p->activation_min, max = p->activation_max;
    const int8_t *filter = p->filter + part * p->rows * ((p->out + 3) / 4 * 4) * p->row;
    for (int o = 0; part == 0 && o < p->out; ++o) {
        sums[o] = p->bias[o];
    }
    for (int y = 0; y < p->rows; ++y) {
        for (int o = 0; o < p->out; o += 4, filter += 4 * p->row) {
            int32_t four[4];
            kernel_dot_1(rows[y], filter, p->row, four);
            for (int i = 0; i < 4 && o + i < p->out; ++i) {
                sums[o + i] += four[i];
            }
        }
    }
    for (int o = 0; part + 1 == p->parts && o < p->out; ++o) {
        const int32_t multiplier = p->multiplier[o * p->per_channel];
        const int right = -p->shift[o * p->per_channel];
        if (p->general_scale) {
            const int32_t scaled = kernel_requantize(sums[o], multiplier, -right);
            output[o] = kernel_clamp(kernel_offset(scaled, p->output_zero_point), min, max);
        } else {
            const int32_t rounding = kernel_rounding(p->output_zero_point, right);
            output[o] = kernel_saturate(kernel_scale(2 * sums[o], multiplier, rounding, right), min, max);
        }
    }
}
