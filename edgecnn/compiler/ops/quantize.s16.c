/* SPDX-License-Identifier: Apache-2.0 */
#include "s16.h"

/* One row, to another scale. */
EDGECNN_INLINE void kernel_quantize_s16(const kernel_quantize_s16_params *p, const int8_t *const *rows,
                                          int8_t *output)
{
    kernel_int16 *made = kernel_s16_out(output);
    for (int i = 0; i < p->size; ++i) {
        const int32_t scaled = kernel_requantize(kernel_s16(rows[0])[i], p->multiplier, p->shift);
        if (p->narrow) {
            output[i] = kernel_clamp(kernel_offset(scaled, p->output_zero_point), INT8_MIN, INT8_MAX);
        } else {
            made[i] = kernel_clamp_s16(scaled, INT16_MIN, INT16_MAX);
        }
    }
}
