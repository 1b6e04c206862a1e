/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel.h"

typedef struct {
    int32_t before, inside, after; /* bytes of a row */
    int32_t zero_point;
} kernel_pad_params;

/* One row: the input's, if it has one there, between zero points. */
EDGECNN_INLINE void kernel_pad(const kernel_pad_params *p, const int8_t *const *rows, int8_t *output)
{
    memset(output, p->zero_point, (size_t)(p->before + p->inside + p->after));
    if (rows[0] != NULL) {
        memcpy(output + p->before, rows[0], (size_t)p->inside);
    }
}
