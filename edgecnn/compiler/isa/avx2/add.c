/* SPDX-License-Identifier: Apache-2.0 */
#include "avx2.h"

/* An input with 20 bits below the point, scaled. */
EDGECNN_INLINE kernel_lanes kernel_add_avx2_input(__m128i bytes, const int32_t *scale, int is_half, int kind)
{
    kernel_lanes lanes = kernel_lanes_of_bytes(bytes, is_half ? 19 : 20);
    lanes = kernel_add_lanes(lanes, kernel_load_lanes(scale));
    return is_half ? lanes : kernel_scale_lanes(lanes, scale, 0, kind, 0);
}

/* round(first * its factor + second * its factor + offset) */
EDGECNN_INLINE kernel_lanes kernel_add_avx2_floats(const kernel_add_avx2_params *p, __m128i first, __m128i second)
{
    const kernel_lanes a = kernel_lanes_of_bytes(first, 0), b = kernel_lanes_of_bytes(second, 0);
    const kernel_lanes factor = kernel_load_lanes(p->second), offset = kernel_load_lanes(p->output);
    kernel_lanes sum = kernel_add_multiple(b, factor, offset);
    sum = kernel_add_multiple(a, kernel_load_lanes(p->first), sum);
    return kernel_round_lanes(sum);
}

/* `count` outputs, 16 at most. */
EDGECNN_INLINE void kernel_add_avx2_sixteen(const kernel_add_avx2_params *p, const int8_t *first, const int8_t *second,
                                           int count, int8_t *output)
{
    __m128i a = _mm_setzero_si128(), b = _mm_setzero_si128();
    kernel_lanes sum;
    memcpy(&a, first, (size_t)count);
    memcpy(&b, second, (size_t)count);
    if (p->by_float) {
        sum = kernel_add_avx2_floats(p, a, b);
    } else {
        sum = kernel_add_lanes(kernel_add_avx2_input(a, p->first, p->first_is_half, p->first_kind),
                               kernel_add_avx2_input(b, p->second, p->second_is_half, p->second_kind));
        sum = kernel_scale_lanes(sum, p->output, p->output_zero_point, p->output_kind, 0);
    }
    kernel_store_outputs(output, kernel_clamp_lanes(sum, p->activation_min, p->activation_max), count, 0);
}

/* One row: rows[0] + rows[1], both brought to one scale with 20 bits below the point. */
EDGECNN_INLINE void kernel_add_avx2(const kernel_add_avx2_params *p, const int8_t *const *rows, int8_t *output)
{
    int i = 0;
    for (; i + EDGECNN_LANES <= p->size; i += EDGECNN_LANES) {
        kernel_add_avx2_sixteen(p, rows[0] + i, rows[1] + i, EDGECNN_LANES, output + i);
    }
    if (i < p->size) {
        kernel_add_avx2_sixteen(p, rows[0] + i, rows[1] + i, p->size % EDGECNN_LANES, output + i);
    }
}
