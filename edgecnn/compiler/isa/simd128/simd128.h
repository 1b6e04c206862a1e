/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernels for WebAssembly's vectors of 128 bits share. Beside the vectors C computes the same. */
#ifndef EDGECNN_SIMD128_H
#define EDGECNN_SIMD128_H

#include "../../ops/kernel.h"

#if defined(__wasm_simd128__)
#include <wasm_simd128.h>
#define EDGECNN_SIMD 1
#else
#define EDGECNN_SIMD 0
#endif

/* The same bytes in 16 bits each. */
EDGECNN_INLINE void kernel_widen(int16_t *to, const int8_t *from, int count)
{
    for (int i = 0; i < count; ++i) {
        to[i] = from[i];
    }
}

/* Sums of eight channels at four columns: sums[column][channel]. A column is `pairs` pairs of values, and so far from
 * the next; filter[pair][channel] is the pair of weights that belongs to it.
 */
EDGECNN_INLINE void kernel_dot_8x4(const int16_t *columns, const int8_t *filter, int pairs, int32_t *sums)
{
#if EDGECNN_SIMD
    const int16_t *const c0 = columns, *const c1 = c0 + 2 * pairs, *const c2 = c1 + 2 * pairs,
                         *const c3 = c2 + 2 * pairs;
    v128_t a0 = wasm_i32x4_splat(0), a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
    for (int i = 0; i < 2 * pairs; i += 2, filter += 16) {
        const v128_t a = wasm_i16x8_load8x8(filter), b = wasm_i16x8_load8x8(filter + 8);
        const v128_t x0 = wasm_v128_load32_splat(c0 + i), x1 = wasm_v128_load32_splat(c1 + i),
                     x2 = wasm_v128_load32_splat(c2 + i), x3 = wasm_v128_load32_splat(c3 + i);
        a0 = wasm_i32x4_add(a0, wasm_i32x4_dot_i16x8(a, x0));
        b0 = wasm_i32x4_add(b0, wasm_i32x4_dot_i16x8(b, x0));
        a1 = wasm_i32x4_add(a1, wasm_i32x4_dot_i16x8(a, x1));
        b1 = wasm_i32x4_add(b1, wasm_i32x4_dot_i16x8(b, x1));
        a2 = wasm_i32x4_add(a2, wasm_i32x4_dot_i16x8(a, x2));
        b2 = wasm_i32x4_add(b2, wasm_i32x4_dot_i16x8(b, x2));
        a3 = wasm_i32x4_add(a3, wasm_i32x4_dot_i16x8(a, x3));
        b3 = wasm_i32x4_add(b3, wasm_i32x4_dot_i16x8(b, x3));
    }
    wasm_v128_store(sums, a0);
    wasm_v128_store(sums + 4, b0);
    wasm_v128_store(sums + 8, a1);
    wasm_v128_store(sums + 12, b1);
    wasm_v128_store(sums + 16, a2);
    wasm_v128_store(sums + 20, b2);
    wasm_v128_store(sums + 24, a3);
    wasm_v128_store(sums + 28, b3);
#else
    memset(sums, 0, 32 * sizeof *sums);
    for (int i = 0; i < 32 * pairs; ++i) {
        const int pair = i / 32, column = i / 8 % 4, channel = i % 8;
        const int16_t *x = columns + 2 * (column * pairs + pair);
        const int8_t *w = filter + 2 * (8 * pair + channel);
        sums[8 * column + channel] += x[0] * w[0] + x[1] * w[1];
    }
#endif
}

/* Adds to the sums of eight channels their products with eight weights. */
EDGECNN_INLINE void kernel_multiply_add_8(int32_t *sums, const int8_t *x, const int8_t *w)
{
#if EDGECNN_SIMD
    const v128_t a = wasm_i16x8_load8x8(x), b = wasm_i16x8_load8x8(w);
    wasm_v128_store(sums, wasm_i32x4_add(wasm_v128_load(sums), wasm_i32x4_extmul_low_i16x8(a, b)));
    wasm_v128_store(sums + 4, wasm_i32x4_add(wasm_v128_load(sums + 4), wasm_i32x4_extmul_high_i16x8(a, b)));
#else
    for (int i = 0; i < 8; ++i) {
        sums[i] += x[i] * w[i];
    }
#endif
}

#endif
