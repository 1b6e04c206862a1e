/* SPDX-License-Identifier: Apache-2.0 */
#include "mve_scale.h"

#if EDGECNN_MVE
#define EDGECNN_ADD(fix)                                                                                               \
    __asm__ volatile("ldr lr, %[min]\n\t"                                                                              \
                     "vdup.32 q2, lr\n\t"                                                                              \
                     "ldr lr, %[max]\n\t"                                                                              \
                     "vdup.32 q3, lr\n\t"                                                                              \
                     "ldr lr, %[first_factor]\n\t"                                                                     \
                     "vdup.32 q5, lr\n\t"                                                                              \
                     "ldr lr, %[second_shift]\n\t"                                                                     \
                     "vdup.32 q6, lr\n\t"                                                                              \
                     "vdup.32 q7, %[step]\n\t"                                                                         \
                     "ldr lr, %[size]\n\t"                                                                             \
                     "dlstp.32 lr, lr\n"                                                                               \
                     "1:\n\t"                                                                                          \
                     "vldrb.s32 q0, [%[second]], #4\n\t"                                                               \
                     "vmlas.s32 q0, q7, %[second_offset]\n\t"                                                          \
                     "vqrdmulh.s32 q0, q0, %[second_multiplier]\n\t"                                                   \
                     EDGECNN_FIX                                                                                       \
                     "vldrb.s32 q4, [%[first]], #4\n\t"                                                                \
                     "vrshl.s32 q0, q0, q6\n\t"                                                                        \
                     "vmlas.s32 q4, q5, %[first_offset]\n\t"                                                           \
                     "vmla.s32 q4, q0, %[second_sign]\n\t"                                                             \
                     "vqrdmulh.s32 q0, q4, %[output_multiplier]\n\t"                                                   \
                     fix                                                                                               \
                     "vrshl.s32 q0, %[output_shift]\n\t"                                                               \
                     "vadd.i32 q0, q0, %[zero_point]\n\t"                                                              \
                     "vmax.s32 q0, q0, q2\n\t"                                                                         \
                     "vmin.s32 q0, q0, q3\n\t"                                                                         \
                     "vstrb.32 q0, [%[output]], #4\n\t"                                                                \
                     "letp lr, 1b"                                                                                     \
                     : [first] "+r"(first), [second] "+r"(second), [output] "+r"(to)                                   \
                     : [first_offset] "r"(first_offset), [second_offset] "r"(second_offset), [step] "r"(step),         \
                       [second_multiplier] "r"(second_multiplier), [second_sign] "r"(second_sign),                     \
                       [output_multiplier] "r"(output_multiplier), [output_shift] "r"(output_shift),                   \
                       [zero_point] "r"(zero_point), [first_factor] "m"(first_factor),                                 \
                       [second_shift] "m"(second_shift), [min] "m"(min), [max] "m"(max), [size] "m"(size)              \
                     : "q0", "q1", "q2", "q3", "q4", "q5", "q6", "q7", "lr", "memory")
#endif

/* One row: the sum of two rows, with signs, both brought to one scale with 20 bits below the point. */
EDGECNN_SHARED void kernel_add_mve(const kernel_add_mve_params *p, const int8_t *const *rows, int8_t *output)
{
#if EDGECNN_MVE
    const int32_t min = p->activation_min, max = p->activation_max, size = p->size;
    const int32_t first_factor = p->first_factor, second_shift = p->second_shift;
    register const int8_t *first __asm__("r0") = rows[p->first], *second __asm__("r1") = rows[p->second];
    register int8_t *to __asm__("r2") = output;
    register const int32_t first_offset __asm__("r3") = p->first_offset * p->first_factor;
    register const int32_t second_offset __asm__("r4") = p->second_offset * (1 << 20), step __asm__("r5") = 1 << 20;
    register const int32_t second_multiplier __asm__("r6") = p->second_multiplier;
    register const int32_t second_sign __asm__("r8") = p->second_sign;
    register const int32_t output_multiplier __asm__("r9") = p->output_multiplier;
    register const int32_t output_shift __asm__("r10") = p->output_shift;
    register const int32_t zero_point __asm__("r11") = p->output_zero_point;
    if (p->rounding) {
        EDGECNN_ADD("vshr.s32 q1, q0, #31\n\tvadd.i32 q0, q0, q1\n\t");
    } else {
        EDGECNN_ADD("");
    }
    return;
#endif
    for (int i = 0; i < p->size; ++i) {
        const int32_t a = (rows[p->first][i] + p->first_offset) * p->first_factor;
        const int32_t b = (rows[p->second][i] + p->second_offset) * (1 << 20);
        const int32_t sum = a + p->second_sign * kernel_requantize(b, p->second_multiplier, p->second_shift);
        const int32_t value = kernel_requantize(sum, p->output_multiplier, p->output_shift);
        output[i] = kernel_clamp(kernel_offset(value, p->output_zero_point), p->activation_min, p->activation_max);
    }
}
