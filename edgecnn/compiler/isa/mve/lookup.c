/* SPDX-License-Identifier: Apache-2.0 */
#include "mve.h"

/* One row: each value's entry in a table of 256. */
EDGECNN_INLINE void kernel_lookup_mve(const kernel_lookup_mve_params *p, const int8_t *const *rows, int8_t *output)
{
    const int8_t *input = rows[0];
#if EDGECNN_MVE
    __asm__ volatile("dlstp.8 lr, %[size]\n"
                     "1:\n\t"
                     "vldrb.8 q0, [%[input]], #16\n\t"
                     "vldrb.u8 q1, [%[table], q0]\n\t"
                     "vstrb.8 q1, [%[output]], #16\n\t"
                     "letp lr, 1b"
                     : [input] "+r"(input), [output] "+r"(output)
                     : [table] "r"(p->table), [size] "r"(p->size)
                     : "q0", "q1", "lr", "memory");
#else
    for (int i = 0; i < p->size; ++i) {
        output[i] = p->table[(uint8_t)input[i]];
    }
#endif
}
