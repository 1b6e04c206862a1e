/* SPDX-License-Identifier: Apache-2.0 */
/* What the row kernels share.
 *
 * A kernel gets `rows`, one pointer for each input row of its window (NULL where the row is padding), and writes
 * one output row. Where several firings make one row together, `part` counts them from 0 and `sums` holds what is
 * kept in between. `kernel_` becomes the model's name in generated C; a blank line ends what is taken over as one.
 */
#ifndef EDGECNN_KERNEL_H
#define EDGECNN_KERNEL_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifndef EDGECNN_INLINE
#define EDGECNN_INLINE static inline
#endif

/* Not inlined: its loops are long. */
#if defined(__GNUC__)
#define EDGECNN_SHARED static __attribute__((noinline))
#else
#define EDGECNN_SHARED static
#endif

/* acc * multiplier * 2^(shift - 31), rounded twice as TFLite's reference kernels do; multiplier >= 0. */
EDGECNN_INLINE int32_t kernel_requantize(int32_t acc, int32_t multiplier, int shift)
{
    const int left = shift > 0 ? shift : 0;
    const int right = shift > 0 ? 0 : -shift;
    const int64_t product = (int64_t)(int32_t)((uint32_t)acc << left) * multiplier;
    const int32_t high = (int32_t)((product + ((int64_t)1 << 30)) >> 31);
    const int32_t mask = (int32_t)(((uint32_t)1 << right) - 1u);
    const int32_t threshold = (mask >> 1) + (high < 0);
    return (high >> right) + ((high & mask) > threshold);
}

/* value + zero_point, modulo 2^32: what out of proportion a scale makes of a sum is no overflow. */
EDGECNN_INLINE int32_t kernel_offset(int32_t value, int32_t zero_point)
{
    return (int32_t)((uint32_t)value + (uint32_t)zero_point);
}

EDGECNN_INLINE int8_t kernel_clamp(int32_t value, int32_t min, int32_t max)
{
    return (int8_t)(value < min ? min : value > max ? max : value);
}

/* Whether all columns of a window whose first is x lie inside a row and next to each other. */
EDGECNN_INLINE int kernel_inside(int x, int filter_w, int dilation_w, int in_w)
{
    return dilation_w == 1 && x >= 0 && x + filter_w <= in_w;
}

/* Whether column x of a row is padding. */
EDGECNN_INLINE int kernel_is_padding(const int8_t *row, int x, int in_w)
{
    return row == NULL || x < 0 || x >= in_w;
}

/* A weight: the one with number `at`. */
EDGECNN_INLINE int32_t kernel_weight(const int8_t *weights, size_t at)
{
    return weights[at];
}

/* The sum of n values times the weights from number `at` on. */
EDGECNN_INLINE int32_t kernel_dot(const int8_t *x, const int8_t *weights, size_t at, int n)
{
    int32_t sum = 0;
    for (int i = 0; i < n; ++i) {
        sum += x[i] * weights[at + (size_t)i];
    }
    return sum;
}

/* The sum of n weights from number `at` on. */
EDGECNN_INLINE int32_t kernel_sum(const int8_t *weights, size_t at, int n)
{
    int32_t sum = 0;
    for (int i = 0; i < n; ++i) {
        sum += weights[at + (size_t)i];
    }
    return sum;
}

#endif
