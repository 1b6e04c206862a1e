/* SPDX-License-Identifier: Apache-2.0 */
#include "int16.h"

typedef struct {
    int16_t out_w, channels;
    const int16_t *columns; /* of the input, for each column of the output */
} kernel_resize_nearest_neighbor_int16_params;

/* One row: columns of the input, each as often as it is the nearest. */
EDGECNN_INLINE void kernel_resize_nearest_neighbor_int16(const kernel_resize_nearest_neighbor_int16_params *p,
                                                         const int8_t *const *rows, int8_t *output)
{
    const size_t size = sizeof(int16_t) * (size_t)p->channels;
    for (int x = 0; x < p->out_w; ++x, output += size) {
        memcpy(output, rows[0] + (size_t)p->columns[x] * size, size);
    }
}
