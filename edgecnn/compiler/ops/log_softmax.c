/* SPDX-License-Identifier: Apache-2.0 */
#include "inverse_sqrt.h"

/* How many bits of a number above 0 are 0 before the first that is not. */
EDGECNN_INLINE int kernel_leading_zeros(int32_t value)
{
    int count = 0;
    while (((uint32_t)value << count & 0x80000000u) == 0) {
        ++count;
    }
    return count;
}

/* The logarithm of a sum of 1 or more, 19 bits below the point, with 26; Pade's approximation around 2^(n/2). */
EDGECNN_INLINE int32_t kernel_log_of_sum(int32_t sum)
{
    const int32_t half_root = 1518500250;    /* sqrt(1/2) */
    const int32_t quarter_root = 1805811301; /* sqrt(sqrt(1/2)) */
    const int a = kernel_leading_zeros(sum);
    const int b = kernel_leading_zeros(kernel_high_mul(sum, half_root)) - 1;
    const int32_t first = kernel_scaled_up(kernel_high_mul(kernel_scaled_up(sum, a - 1), half_root), 1);
    const int32_t second = kernel_scaled_up(sum, b);
    const int32_t power_a = (12 - a) * ((int32_t)1 << 25) + ((int32_t)1 << 23);
    const int32_t power_b = (12 - b) * ((int32_t)1 << 25) - ((int32_t)1 << 23);
    const int32_t r = first < second ? first : second;
    const int32_t power = power_a > power_b ? power_a : power_b;
    const int32_t p = (int32_t)(((int64_t)r + quarter_root + 1) / 2);
    const int32_t q = (r - quarter_root) * 2;
    const int32_t square = kernel_high_mul(q, q);
    const int32_t above = kernel_high_mul(q, r) + kernel_high_mul(kernel_high_mul(q, square), 117049297);
    const int32_t inner = 1057819769 + q + kernel_high_mul(127690142, square);
    const int32_t below = kernel_one_over_one_plus(kernel_high_mul(p, inner) + kernel_high_mul(638450708, q));
    return kernel_scaled_up(kernel_high_mul(power, 1488522236) + kernel_high_mul(kernel_divide(above, 6), below), 1);
}

/* One row: the logarithm of the softmax of each column's channels. */
EDGECNN_INLINE void kernel_log_softmax(const kernel_log_softmax_params *p, const int8_t *const *rows, int8_t *output)
{
    const int8_t *input = rows[0];
    for (int x = 0; x < p->columns; ++x, input += p->channels, output += p->channels) {
        int32_t sum = 0;
        int32_t log;
        int32_t farthest;
        int largest = INT8_MIN;
        for (int c = 0; c < p->channels; ++c) {
            largest = input[c] > largest ? input[c] : largest;
        }
        for (int c = 0; c < p->channels; ++c) {
            sum += kernel_divide(p->table[largest - input[c]], 12);
        }
        log = kernel_log_of_sum(sum);
        farthest = -kernel_requantize(log + INT32_MIN, p->reverse_multiplier, p->reverse_shift);
        farthest = farthest < p->farthest + 1 ? farthest : p->farthest + 1;
        for (int c = 0; c < p->channels; ++c) {
            const int distance = largest - input[c];
            const int32_t value = kernel_requantize(-distance, p->multiplier, p->shift) - log;
            output[c] = distance < farthest ? kernel_clamp(kernel_divide(value, 22) + 127, INT8_MIN, INT8_MAX) : INT8_MIN;
        }
    }
}
