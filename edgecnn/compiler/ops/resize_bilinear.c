/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel.h"

/* Where row or column number i of the output lies in the input, in 1/1024. */
EDGECNN_INLINE int32_t kernel_resize_bilinear_place(int i, int32_t scale, int32_t offset, int32_t last)
{
    const int32_t place = i * scale + offset;
    return place < 0 ? 0 : place > last ? last : place;
}

/* Row number `row`: what lies between two rows of the input. A row that is missing would count nothing. */
EDGECNN_INLINE void kernel_resize_bilinear(const kernel_resize_bilinear_params *p, const int8_t *const *rows,
                                           int8_t *output, int row)
{
    const int32_t down = kernel_resize_bilinear_place(row, p->scale_h, p->offset_h, p->last_h) & 1023;
    const int8_t *const below = down > 0 ? rows[1] : rows[0];
    for (int x = 0; x < p->out_w; ++x) {
        const int32_t place = kernel_resize_bilinear_place(x, p->scale_w, p->offset_w, p->last_w);
        const int32_t right = place & 1023;
        const int left = (place >> 10) * p->channels;
        const int next = right > 0 ? left + p->channels : left;
        for (int c = 0; c < p->channels; ++c, ++output) {
            const int32_t high = rows[0][left + c] * (1024 - right) + rows[0][next + c] * right;
            const int32_t low = below[left + c] * (1024 - right) + below[next + c] * right;
            const int32_t sum = high * (1024 - down) + low * down + p->offset * (1 << 20);
            *output = (int8_t)((sum + (sum > 0 ? 1 << 19 : -(1 << 19))) / (1 << 20) - p->offset);
        }
    }
}
