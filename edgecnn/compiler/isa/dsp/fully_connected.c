/* SPDX-License-Identifier: Apache-2.0 */
#include "dsp.h"

/* Adds to all sums the products with `count` bytes of the input; returns where the next weights begin. */
EDGECNN_INLINE const int32_t *kernel_fully_connected_dsp_chunk(const kernel_fully_connected_dsp_params *p,
                                                               const int8_t *bytes, int count, const int32_t *filter,
                                                               int32_t *sums, int32_t *working)
{
    uint32_t *column = (uint32_t *)working;
    int32_t *part = working + p->chunk / 2;
    kernel_widen(column, 1, bytes, count / 4);
    if (count % 4 != 0) {
        int8_t rest[4] = {0, 0, 0, 0};
        memcpy(rest, bytes + count / 4 * 4, (size_t)(count % 4));
        kernel_widen(column + count / 4 * 2, 1, rest, 1);
    }
    for (int first = 0; first < p->out; first += p->channels) {
        const int left = (p->out - first + 1) / 2 * 2, channels = left < p->channels ? left : p->channels;
        filter = kernel_dot_1(column, filter, (count + 3) / 4, channels, part);
        for (int o = 0; o < channels; o += 2) {
            sums[first + o] += kernel_first_sum(part[o], 0);
            if (first + o + 1 < p->out) {
                sums[first + o + 1] += kernel_second_sum(part[o + 1], part[o], 0);
            }
        }
    }
    return filter;
}

/* All outputs, from p->rows rows of the input at a time; the last part writes them. */
EDGECNN_INLINE void kernel_fully_connected_dsp(const kernel_fully_connected_dsp_params *p, const int8_t *const *rows,
                                               int8_t *output, int part, int32_t *sums,
                                               int32_t *working)
{
    const int32_t min = p->activation_min, max = p->activation_max;
    const int even = (p->out + 1) / 2 * 2, whole = p->row / p->chunk, rest = (p->row % p->chunk + 3) / 4;
    const int32_t *filter =
        kernel_groups_behind(p->filter, part * p->rows * even * (whole * p->chunk / 4 + rest));
    for (int o = 0; part == 0 && o < p->out; ++o) {
        sums[o] = p->bias[o];
    }
    for (int y = 0; y < p->rows; ++y) {
        for (int at = 0; at < p->row; at += p->chunk) {
            const int count = p->row - at < p->chunk ? p->row - at : p->chunk;
            filter = kernel_fully_connected_dsp_chunk(p, rows[y] + at, count, filter, sums, working);
        }
    }
    for (int o = 0; part + 1 == p->parts && o < p->out; ++o) {
        const int q = o * p->per_channel;
        output[o] = kernel_output(sums[o], p->multiplier[q], -p->shift[q], p->general_scale, p->output_zero_point, min,
                                  max);
    }
}
