/* SPDX-License-Identifier: Apache-2.0 */
#include "scalar.h"

/* All outputs, from p->rows rows of the input at a time; the last part writes them. */
EDGECNN_INLINE void kernel_fully_connected_scalar(const kernel_fully_connected_scalar_params *p,
                                                  const int8_t *const *rows, int8_t *output, int part, int32_t *sums)
{
    const int32_t min = p->activation_min, max = p->activation_max;
    const int8_t *filter = kernel_weights_behind(p->filter, part * p->rows * ((p->out + 3) / 4 * 4) * p->row);
    for (int o = 0; part == 0 && o < p->out; ++o) {
        sums[o] = p->bias[o];
    }
    for (int y = 0; y < p->rows; ++y) {
        for (int o = 0; o < p->out; o += 4) {
            int32_t four[4];
            filter = kernel_dot_4x1(rows[y], filter, p->row, four);
            for (int i = 0; i < 4 && o + i < p->out; ++i) {
                sums[o + i] += four[i];
            }
        }
    }
    for (int o = 0; part + 1 == p->parts && o < p->out; ++o) {
        const int q = o * p->per_channel;
        output[o] = kernel_output(sums[o], p->multiplier[q], -p->shift[q], p->general_scale, p->output_zero_point, min,
                                  max);
    }
}
