/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel.h"

/* One row: the input's, if it has one there, and the value around it. */
EDGECNN_INLINE void kernel_pad(const kernel_pad_params *p, const int8_t *const *rows, int8_t *output)
{
    memset(output, p->value, (size_t)p->size);
    if (rows[0] != NULL) {
        for (int i = 0; i < p->copies; ++i) {
            memcpy(output + p->before + i * p->stride, rows[0] + i * p->bytes, (size_t)p->bytes);
        }
    }
}
