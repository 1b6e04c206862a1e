/* SPDX-License-Identifier: Apache-2.0 */
/* Sigmoid and tanh over fixed point of 16 bits, as gemmlowp computes them; see _gates.py. */
#ifndef EDGECNN_GATES_H
#define EDGECNN_GATES_H

#include "kernel.h"

EDGECNN_INLINE int32_t kernel_clamp_s16(int32_t value)
{
    return value < INT16_MIN ? INT16_MIN : value > INT16_MAX ? INT16_MAX : value;
}

/* a * b / 2^15, rounded, saturated. */
EDGECNN_INLINE int32_t kernel_high_mul_s16(int32_t a, int32_t b)
{
    const int32_t product = a * b;
    const int32_t high = (product + (product >= 0 ? 1 << 14 : 1 - (1 << 14))) / (1 << 15);
    return high > INT16_MAX ? INT16_MAX : high;
}

/* value / 2^exponent, halves away from zero. */
EDGECNN_INLINE int32_t kernel_round_shift(int32_t value, int exponent)
{
    const int32_t mask = (1 << exponent) - 1;
    return (value >> exponent) + ((value & mask) > (mask >> 1) + (value < 0));
}

/* exp(value), of no integer bits, for a value of 0 or less of `bits` integer bits. */
EDGECNN_SHARED int32_t kernel_gate_exp(int32_t value, int bits)
{
    static const int16_t factors[7] = {25520, 19875, 12055, 4435, 600, 11, 0};
    const int fraction = 15 - bits;
    const int32_t quarter = 1 << (fraction - 2);
    const int32_t rest = (value & (quarter - 1)) - quarter, remainder = rest - value;
    const int32_t x = kernel_clamp_s16(rest * (1 << bits)) + (1 << 12);
    const int32_t square = kernel_high_mul_s16(x, x), cube = kernel_high_mul_s16(square, x);
    const int32_t fourth = kernel_round_shift(kernel_high_mul_s16(square, square), 2);
    const int32_t series = kernel_round_shift(kernel_high_mul_s16(fourth + cube, 10923) + square, 1);
    int32_t result = kernel_clamp_s16(kernel_high_mul_s16(x + series, 28918) + 28918);
    for (int i = 0; i < 7 && bits > i - 2; ++i) {
        if (remainder & (1 << (fraction + i - 2))) {
            result = kernel_high_mul_s16(result, factors[i]);
        }
    }
    return value == 0 ? INT16_MAX : result;
}

/* 2 / (1 + value), of two integer bits, for a value from 0 to 1. */
EDGECNN_SHARED int32_t kernel_gate_reciprocal(int32_t value)
{
    const int32_t half = (value + INT16_MAX + 1) / 2;
    int32_t x = 23130 + kernel_high_mul_s16(half, -15420);
    for (int i = 0; i < 3; ++i) {
        const int32_t more = kernel_high_mul_s16(x, (1 << 13) - kernel_high_mul_s16(half, x));
        x += kernel_clamp_s16(more * 4);
    }
    return x;
}

/* Of three integer bits. */
EDGECNN_INLINE int32_t kernel_gate_logistic(int32_t value)
{
    const int32_t away = value < 0 ? value : -value;
    const int32_t positive = kernel_clamp_s16(kernel_gate_reciprocal(kernel_gate_exp(away, 3)) * 2);
    return value == 0 ? 1 << 14 : value > 0 ? positive : INT16_MAX - positive;
}

EDGECNN_INLINE int32_t kernel_gate_tanh(int32_t value, int bits)
{
    const int32_t away = value < 0 ? value : -value;
    const int32_t x = kernel_gate_reciprocal(kernel_gate_exp(away, bits + 1)) - (1 << 13);
    const int32_t positive = kernel_clamp_s16(x * 4);
    return value == 0 ? 0 : value < 0 ? -positive : positive;
}

#endif
