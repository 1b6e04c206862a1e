/* SPDX-License-Identifier: Apache-2.0 */
#include "avx2.h"

/* The sums of 16 outputs over a part of the input. Four run side by side, for each waits for itself. */
EDGECNN_INLINE kernel_lanes kernel_fully_connected_avx2_total(const kernel_wide *x, const int8_t *filter, int groups)
{
    kernel_sums sums[4];
    kernel_lanes total;
    EDGECNN_UNROLL
    for (int i = 0; i < 4; ++i) {
        sums[i] = kernel_no_sums();
    }
    for (; groups >= 4; groups -= 4, x += 16, filter += 256) {
        EDGECNN_UNROLL
        for (int i = 0; i < 4; ++i) {
            sums[i] = kernel_add_products(sums[i], x + 4 * i, filter + 64 * i);
        }
    }
    for (; groups > 0; --groups, x += 4, filter += 64) {
        sums[0] = kernel_add_products(sums[0], x, filter);
    }
    total = kernel_total(sums[0]);
    EDGECNN_UNROLL
    for (int i = 1; i < 4; ++i) {
        total = kernel_add_lanes(total, kernel_total(sums[i]));
    }
    return total;
}

/* All outputs, from p->rows rows of the input at a time; the last part writes them. */
EDGECNN_INLINE void kernel_fully_connected_avx2(const kernel_fully_connected_avx2_params *p, const int8_t *const *rows,
                                               int8_t *output, int part, int32_t *sums, int32_t *working)
{
    kernel_wide *const wide = (kernel_wide *)(void *)working;
    const size_t part_size = (size_t)p->rows * (size_t)p->groups * 64u;
    const int8_t *filter = p->filter + (size_t)part * part_size;
    for (int y = 0; y < p->rows; ++y) {
        kernel_widen_bytes(wide + y * 4 * p->groups, rows[y], p->row);
        kernel_widen_padding(wide + y * 4 * p->groups + p->row, 0, 4 * p->groups - p->row);
    }
    for (int o = 0; o < p->out; o += EDGECNN_LANES, filter += (size_t)p->parts * part_size) {
        const int32_t *const scale = p->scale + (48 + 32 * p->corrections) * (o / EDGECNN_LANES);
        kernel_lanes total = kernel_fully_connected_avx2_total(wide, filter, p->rows * p->groups);
        total = kernel_add_lanes(total, kernel_load_lanes(part > 0 ? sums + o : scale));
        if (part + 1 < p->parts) {
            kernel_store_lanes(sums + o, total);
        } else {
            total = kernel_scale_lanes(total, scale, p->output_zero_point, p->scale_kind, p->corrections);
            kernel_store_outputs(output + o, kernel_clamp_lanes(total, p->activation_min, p->activation_max),
                                 p->out - o < EDGECNN_LANES ? p->out - o : EDGECNN_LANES, 0);
        }
    }
}
