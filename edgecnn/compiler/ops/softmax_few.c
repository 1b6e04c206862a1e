/* SPDX-License-Identifier: Apache-2.0 */
#include "softmax.h"

/* exp(value) with 31 bits below the point, for a value of 0 or less with 26: by a Taylor series around -1/8, then a
 * factor for each bit from 1/4 on.
 */
EDGECNN_SHARED int32_t kernel_exp(int32_t value)
{
    static const int32_t factors[7] = {1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242};
    const int32_t offset = (value & 0xffffff) - 0x1000000, x = offset * 32 + 0x10000000;
    const int32_t x2 = kernel_high_mul(x, x), x3 = kernel_high_mul(x2, x);
    const int32_t x4_over_4 = kernel_divide(kernel_high_mul(x2, x2), 2);
    const int32_t rest = kernel_divide(kernel_high_mul(x4_over_4 + x3, 715827883) + x2, 1);
    int32_t result = 1895147668 + kernel_high_mul(x + rest, 1895147668);
    uint32_t remainder = ((uint32_t)offset - (uint32_t)value) >> 24;
    for (int i = 0; i < 7; ++i, remainder >>= 1) {
        if (remainder & 1u) {
            result = kernel_high_mul(result, factors[i]);
        }
    }
    return value == 0 ? INT32_MAX : result;
}

/* The softmax of the whole input: so few values that computing exponentials takes less than a table of them. */
EDGECNN_INLINE void kernel_softmax_few(const kernel_softmax_few_params *p, const int8_t *const *rows, int8_t *output)
{
    const int8_t *input = rows[0];
    int32_t exponentials[16];
    kernel_softmax_divisor by;
    int32_t sum = 0;
    int largest = INT8_MIN;
    for (int c = 0; c < p->channels; ++c) {
        largest = input[c] > largest ? input[c] : largest;
    }
    for (int c = 0; c < p->channels; ++c) {
        const int difference = input[c] - largest;
        exponentials[c] = 0;
        if (difference >= -p->farthest) {
            exponentials[c] = kernel_exp(kernel_requantize(difference, p->multiplier, p->shift));
        }
        sum += kernel_divide(exponentials[c], 12);
    }
    by = kernel_softmax_divide_by(sum);
    for (int c = 0; c < p->channels; ++c) {
        output[c] = kernel_softmax_share(&by, exponentials[c]);
    }
}
