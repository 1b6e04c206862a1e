/* SPDX-License-Identifier: Apache-2.0 */
#include "mve_dot.h"
#include "mve_scale.h"

/* Scales the sums of outputs from number o on. */
EDGECNN_INLINE void kernel_fully_connected_mve_scale(const kernel_fully_connected_mve_params *p, const int32_t *sums,
                                                     int o, int count, int8_t *output)
{
    int32_t multiplier[EDGECNN_ROW];
    int8_t shift[EDGECNN_ROW];
    const int at = p->per_channel ? o : 0;
    kernel_scaling scaling = {p->bias + o, p->multiplier + at, p->shift + at, p->output_zero_point, p->activation_min,
                              p->activation_max, p->rounding};
    if (!p->per_channel) {
        for (int i = 0; i < count; ++i) {
            multiplier[i] = p->multiplier[0];
            shift[i] = p->shift[0];
        }
        scaling.multiplier = multiplier;
        scaling.shift = shift;
    }
    kernel_scale_sums(&scaling, sums, 0, count, 1, output + o, 0);
}

/* All outputs, from p->rows rows of the input at a time; the last part writes them. */
EDGECNN_INLINE void kernel_fully_connected_mve(const kernel_fully_connected_mve_params *p, const int8_t *const *rows,
                                               int8_t *output, int part, int32_t *sums)
{
    const int8_t *weights = p->filter + (size_t)part * (size_t)(p->rows * p->row);
    if (part == 0) {
        memset(sums, 0, (size_t)p->out * sizeof *sums);
    }
    for (int y = 0; y < p->rows; ++y, weights += p->row) {
        int o = p->out / 4 * 4;
        if (o > 0) {
            kernel_dot_1(rows[y], weights, p->in, p->row, o, sums);
        }
        for (; o < p->out; ++o) {
            sums[o] = kernel_channel_sum(sums[o], rows[y], weights, o, p->in, p->row);
        }
    }
    for (int o = 0; part + 1 == p->parts && o < p->out; o += EDGECNN_ROW) {
        kernel_fully_connected_mve_scale(p, sums + o, o, p->out - o < EDGECNN_ROW ? p->out - o : EDGECNN_ROW, output);
    }
}
