/* SPDX-License-Identifier: Apache-2.0 */
#include "../../ops/kernel.h"

EDGECNN_INLINE int kernel_max_pool_2d_scalar_larger(int a, int b)
{
    return a > b ? a : b;
}

/* Makes the outputs of four channels from c on over the window whose columns are `first` to `end` - 1; with part > 0
 * no less than they are.
 */
EDGECNN_INLINE void kernel_max_pool_2d_scalar_window(const kernel_max_pool_2d_scalar_params *p,
                                                     const int8_t *const *rows, int first, int end, int c,
                                                     int8_t *output, int part)
{
    int a = part > 0 ? output[0] : p->activation_min, b = part > 0 ? output[1] : p->activation_min;
    int d = part > 0 ? output[2] : p->activation_min, e = part > 0 ? output[3] : p->activation_min;
    for (int y = 0; y < p->filter_h; ++y) {
        if (rows[y] != NULL) {
            const int8_t *from = rows[y] + first * p->channels + c;
            for (int i = first; i < end; ++i, from += p->channels) {
                a = kernel_max_pool_2d_scalar_larger(from[0], a);
                b = kernel_max_pool_2d_scalar_larger(from[1], b);
                d = kernel_max_pool_2d_scalar_larger(from[2], d);
                e = kernel_max_pool_2d_scalar_larger(from[3], e);
            }
        }
    }
    output[0] = kernel_clamp(a, p->activation_min, p->activation_max);
    output[1] = kernel_clamp(b, p->activation_min, p->activation_max);
    output[2] = kernel_clamp(d, p->activation_min, p->activation_max);
    output[3] = kernel_clamp(e, p->activation_min, p->activation_max);
}

/* One row of outputs. With part > 0 the row holds the maximum of earlier parts. */
EDGECNN_INLINE void kernel_max_pool_2d_scalar(const kernel_max_pool_2d_scalar_params *p, const int8_t *const *rows,
                                              int8_t *output, int part)
{
    for (int x = 0; x < p->out_w; ++x, output += p->channels) {
        const int from = x * p->stride_w - p->pad_w, first = from > 0 ? from : 0;
        const int end = from + p->filter_w < p->in_w ? from + p->filter_w : p->in_w;
        for (int next = 0; next < p->channels; next += 4) {
            /* The last four may overlap those before. */
            const int c = next < p->channels - 4 ? next : p->channels - 4;
            kernel_max_pool_2d_scalar_window(p, rows, first, end, c, output + c, part);
        }
    }
}
