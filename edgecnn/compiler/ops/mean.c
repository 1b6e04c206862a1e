/* SPDX-License-Identifier: Apache-2.0 */
#include "reduction.h"

typedef struct {
    int16_t columns, channels;           /* of the output */
    int16_t over_columns, over_channels; /* of the input that make one value: all or 1 */
    int16_t column;                      /* bytes of one column of the input */
    int16_t rows, parts;
    int16_t output_zero_point;
    int16_t shift;
    int32_t multiplier; /* the division by the number of values is in it */
    int32_t bias;       /* the input's zero point, as often as there are values */
} kernel_mean_params;

/* Means, from p->rows rows of the input at a time; the last part writes them. */
EDGECNN_INLINE void kernel_mean(const kernel_mean_params *p, const int8_t *const *rows, int8_t *output, int part,
                                int32_t *sums)
{
    for (int x = 0; x < p->columns; ++x) {
        for (int c = 0; c < p->channels; ++c, ++output) {
            const int at = x * p->channels + c;
            int32_t sum = part > 0 ? sums[at] : p->bias;
            sum += kernel_sum_over(rows, p->rows, x * p->column + c, p->over_columns, p->column, p->over_channels);
            if (part + 1 < p->parts) {
                sums[at] = sum;
            } else {
                sum = kernel_offset(kernel_requantize(sum, p->multiplier, p->shift), p->output_zero_point);
                *output = kernel_clamp(sum, INT8_MIN, INT8_MAX);
            }
        }
    }
}
