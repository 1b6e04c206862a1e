/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel.h"

typedef struct {
    int16_t columns, channels, rows, parts;
    int16_t output_zero_point;
    int16_t shift;
    int32_t multiplier; /* the division by the number of elements is in it */
    int32_t bias;       /* the input's zero point, as often as there are elements */
} kernel_mean_params;

/* The mean of each channel, from p->rows rows of the input at a time; the last part writes it. */
EDGECNN_INLINE void kernel_mean(const kernel_mean_params *p, const int8_t *const *rows, int8_t *output, int part,
                                int32_t *sums)
{
    for (int c = 0; c < p->channels; ++c) {
        int32_t sum = part > 0 ? sums[c] : p->bias;
        for (int y = 0; y < p->rows; ++y) {
            for (int x = 0; x < p->columns; ++x) {
                sum += rows[y][x * p->channels + c];
            }
        }
        if (part + 1 < p->parts) {
            sums[c] = sum;
        } else {
            sum = kernel_requantize(sum, p->multiplier, p->shift) + p->output_zero_point;
            output[c] = kernel_clamp(sum, INT8_MIN, INT8_MAX);
        }
    }
}
