/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel.h"

/* One product of two matrices: one row of each operand, of the output and of the file's batch. */
EDGECNN_INLINE void kernel_batch_matmul(const kernel_batch_matmul_params *p, const int8_t *const *rows,
                                        int8_t *output)
{
    for (int y = 0; y < p->out_h; ++y) {
        for (int x = 0; x < p->out_w; ++x) {
            const int8_t *a = rows[0] + y * p->first_y + x * p->first_x;
            const int8_t *b = rows[1] + y * p->second_y + x * p->second_x;
            int32_t sum = 0;
            for (int i = 0; i < p->taps; ++i, a += p->first_tap, b += p->second_tap) {
                sum += (*a + p->first_offset) * (*b + p->second_offset);
            }
            sum = kernel_offset(kernel_requantize(sum, p->multiplier, p->shift), p->output_zero_point);
            *output++ = kernel_clamp(sum, -128, 127);
        }
    }
}
