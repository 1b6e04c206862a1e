/* SPDX-License-Identifier: Apache-2.0 */
/* How 32-bit sums become int8 where nothing is out of proportion: what faster kernels share.
 *
 * Where there is assembly, C beside it computes the same; EDGECNN_PLAIN_C asks for the C, which runs anywhere.
 */
#ifndef EDGECNN_SCALE_H
#define EDGECNN_SCALE_H

#include "../ops/kernel.h"

#if defined(__ARM_FEATURE_DSP) && !defined(EDGECNN_PLAIN_C)
#define EDGECNN_DSP 1
#else
#define EDGECNN_DSP 0
#endif

/* round(a * b / 2^32), halves up; b >= 0. */
EDGECNN_INLINE int32_t kernel_high_product(int32_t a, int32_t b)
{
#if EDGECNN_DSP
    int32_t result;
    __asm__("smmulr %0, %1, %2" : "=r"(result) : "r"(a), "r"(b));
    return result;
#elif defined(__ARM_ARCH_6M__)
    /* Its products have 32 bits: of halves, four make one of 64. */
    const int32_t high = (a >> 16) * (b >> 16), cross = (a >> 16) * (b & 0xffff);
    const uint32_t low = ((uint32_t)a & 0xffffu) * ((uint32_t)b & 0xffffu);
    const int32_t middle = cross + (int32_t)(low >> 16);
    const uint32_t other = ((uint32_t)a & 0xffffu) * ((uint32_t)b >> 16) + ((uint32_t)middle & 0xffffu);
    return high + (middle >> 16) + (int32_t)((other + 0x8000u) >> 16);
#else
    const int64_t product = (int64_t)a * b;
    return (int32_t)(product >> 32) + (int32_t)((uint32_t)product >> 31);
#endif
}

/* What kernel_requantize makes of half of `twice`, plus a zero point z, where |twice| < 2^31 and 1 <= right < 22.
 *
 * `rounding` is kernel_rounding(z, right).
 */
EDGECNN_INLINE int32_t kernel_scale(int32_t twice, int32_t multiplier, int32_t rounding, int right)
{
    const int32_t high = kernel_high_product(twice, multiplier);
    return (high - (high < 0) + rounding) >> right;
}

EDGECNN_INLINE int32_t kernel_rounding(int32_t zero_point, int right)
{
    return (2 * zero_point + 1) * (1 << (right - 1));
}

/* Twice a bias, hidden from GCC, which would double every sum and bias anew in place of adding with a shift. */
EDGECNN_INLINE int32_t kernel_twice(int32_t bias)
{
    int32_t twice = 2 * bias;
#if defined(__GNUC__) && !defined(EDGECNN_PLAIN_C)
    __asm__("" : "+r"(twice));
#endif
    return twice;
}

/* As kernel_clamp, to what int8 holds at most. */
EDGECNN_INLINE int8_t kernel_saturate(int32_t value, int32_t min, int32_t max)
{
#if defined(__ARM_FEATURE_SAT) && !defined(EDGECNN_PLAIN_C)
    __asm__("ssat %0, #8, %1" : "=r"(value) : "r"(value));
    min = min > INT8_MIN ? min : INT32_MIN;
    max = max < INT8_MAX ? max : INT32_MAX;
#endif
    return kernel_clamp(value, min, max);
}

/* Makes an output of a sum: by kernel_requantize where `general`, else by kernel_scale. */
EDGECNN_INLINE int8_t kernel_output(int32_t sum, int32_t multiplier, int right, int general, int32_t zero_point,
                                    int32_t min, int32_t max)
{
    if (general) {
        return kernel_clamp(kernel_offset(kernel_requantize(sum, multiplier, -right), zero_point), min, max);
    }
    return kernel_saturate(kernel_scale(2 * sum, multiplier, kernel_rounding(zero_point, right), right), min, max);
}

#endif
