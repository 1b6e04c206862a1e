/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernels for x86-64 share: AVX2, or AVX-512 with VNNI where the compiler may use it.
 *
 * Sixteen channels are computed at once. Their weights lie in groups of four taps: four weights of the first channel,
 * four of the second, and so on, 64 bytes. Inputs are widened before: to x + 128, as VNNI multiplies unsigned bytes
 * with signed ones; the biases make up for it. Sums wrap at 32 bits and are right at the end.
 */
#ifndef EDGECNN_AVX2_H
#define EDGECNN_AVX2_H

#include "../../ops/kernel.h"

#include <immintrin.h>
#define EDGECNN_LANES 16 /* channels at once */

#if defined(__AVX512VNNI__) && defined(__AVX512BW__) && defined(__AVX512VL__)
#define EDGECNN_VNNI 1
typedef uint8_t kernel_wide;                                 /* an input, widened */
typedef __m512i kernel_sums;                                 /* of 16 channels */
typedef struct { __m512i all; } kernel_lanes;                /* 32 bits of 16 channels */
#elif defined(__AVX2__) && defined(__FMA__)
#define EDGECNN_VNNI 0
typedef int16_t kernel_wide;
typedef struct { __m256i part[4]; } kernel_sums;             /* of 4 channels each, two sums for each channel */
typedef struct { __m256i low, high; } kernel_lanes;
#else
#error "this C is for AVX2: compile it with -mavx2 -mfma, or for a newer processor"
#endif
/* How sums are scaled: by kernel_requantize_lanes (0: in general), or by kernel_scale_by_float. */
#define EDGECNN_SIMPLE 1
#define EDGECNN_FLOAT 2
#define EDGECNN_SIGNED_FLOAT 3

/* Has GCC unroll the loop that follows, whose variables then are registers; Clang does so by itself. */
#if defined(__clang__)
#define EDGECNN_UNROLL
#else
#define EDGECNN_UNROLL _Pragma("GCC unroll 16")
#endif

EDGECNN_INLINE_ALWAYS kernel_sums kernel_no_sums(void)
{
#if EDGECNN_VNNI
    return _mm512_setzero_si512();
#else
    const __m256i zero = _mm256_setzero_si256();
    const kernel_sums none = {{zero, zero, zero, zero}};
    return none;
#endif
}

/* Sums that begin with 16 biases. */
EDGECNN_INLINE_ALWAYS kernel_sums kernel_biases(const int32_t *bias)
{
#if EDGECNN_VNNI
    return _mm512_loadu_si512((const void *)bias);
#else
    kernel_sums sums;
    EDGECNN_UNROLL
    for (int i = 0; i < 4; ++i) {
        sums.part[i] = _mm256_cvtepu32_epi64(_mm_loadu_si128((const __m128i *)(const void *)(bias + 4 * i)));
    }
    return sums;
#endif
}

/* Adds products of four inputs, the same for all channels, with a group of weights. */
EDGECNN_INLINE_ALWAYS kernel_sums kernel_add_products(kernel_sums sums, const kernel_wide *x, const int8_t *weights)
{
#if EDGECNN_VNNI
    int32_t four;
    memcpy(&four, x, sizeof four);
    /* GCC 12 copies sums around the intrinsic. */
    __asm__("vpdpbusd %2, %1, %0"
            : "+v"(sums)
            : "v"(_mm512_set1_epi32(four)), "v"(_mm512_loadu_si512((const void *)weights)));
    return sums;
#else
    int64_t four;
    __m256i all;
    memcpy(&four, x, sizeof four);
    all = _mm256_set1_epi64x(four);
    EDGECNN_UNROLL
    for (int i = 0; i < 4; ++i) {
        const __m256i w = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)(weights + 16 * i)));
        sums.part[i] = _mm256_add_epi32(sums.part[i], _mm256_madd_epi16(all, w));
    }
    return sums;
#endif
}

/* Adds products of four inputs of each channel with a group of weights. */
EDGECNN_INLINE_ALWAYS kernel_sums kernel_add_channelwise(kernel_sums sums, const kernel_wide *x, const int8_t *weights)
{
#if EDGECNN_VNNI
    return _mm512_dpbusd_epi32(sums, _mm512_loadu_si512((const void *)x),
                               _mm512_loadu_si512((const void *)weights));
#else
    EDGECNN_UNROLL
    for (int i = 0; i < 4; ++i) {
        const __m256i w = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)(weights + 16 * i)));
        const __m256i each = _mm256_loadu_si256((const __m256i *)(const void *)(x + 16 * i));
        sums.part[i] = _mm256_add_epi32(sums.part[i], _mm256_madd_epi16(each, w));
    }
    return sums;
#endif
}

/* The sums of 16 channels, in order. */
EDGECNN_INLINE_ALWAYS kernel_lanes kernel_total(kernel_sums sums)
{
#if EDGECNN_VNNI
    const kernel_lanes lanes = {sums};
    return lanes;
#else
    const __m256i low = _mm256_hadd_epi32(sums.part[0], sums.part[1]);
    const __m256i high = _mm256_hadd_epi32(sums.part[2], sums.part[3]);
    const kernel_lanes lanes = {_mm256_permute4x64_epi64(low, 0xd8), _mm256_permute4x64_epi64(high, 0xd8)};
    return lanes;
#endif
}

EDGECNN_INLINE_ALWAYS kernel_lanes kernel_load_lanes(const int32_t *from)
{
#if EDGECNN_VNNI
    const kernel_lanes lanes = {_mm512_loadu_si512((const void *)from)};
    return lanes;
#else
    const kernel_lanes lanes = {_mm256_loadu_si256((const __m256i *)(const void *)from),
                                _mm256_loadu_si256((const __m256i *)(const void *)(from + 8))};
    return lanes;
#endif
}

EDGECNN_INLINE_ALWAYS void kernel_store_lanes(int32_t *to, kernel_lanes lanes)
{
#if EDGECNN_VNNI
    _mm512_storeu_si512((void *)to, lanes.all);
#else
    _mm256_storeu_si256((__m256i *)(void *)to, lanes.low);
    _mm256_storeu_si256((__m256i *)(void *)(to + 8), lanes.high);
#endif
}

EDGECNN_INLINE_ALWAYS kernel_lanes kernel_add_lanes(kernel_lanes a, kernel_lanes b)
{
#if EDGECNN_VNNI
    a.all = _mm512_add_epi32(a.all, b.all);
#else
    a.low = _mm256_add_epi32(a.low, b.low);
    a.high = _mm256_add_epi32(a.high, b.high);
#endif
    return a;
}

EDGECNN_INLINE_ALWAYS kernel_lanes kernel_larger_lanes(kernel_lanes a, kernel_lanes b)
{
#if EDGECNN_VNNI
    a.all = _mm512_max_epi32(a.all, b.all);
#else
    a.low = _mm256_max_epi32(a.low, b.low);
    a.high = _mm256_max_epi32(a.high, b.high);
#endif
    return a;
}

#if EDGECNN_VNNI
/* round(acc * multiplier / 2^31), halves up, as the first half of kernel_requantize. */
EDGECNN_INLINE_ALWAYS __m512i kernel_high_products(__m512i acc, __m512i multiplier)
{
    const __m512i half = _mm512_set1_epi64((int64_t)1 << 30);
    const __m512i even = _mm512_add_epi64(_mm512_mul_epi32(acc, multiplier), half);
    const __m512i odd =
        _mm512_add_epi64(_mm512_mul_epi32(_mm512_srli_epi64(acc, 32), _mm512_srli_epi64(multiplier, 32)), half);
    return _mm512_mask_mov_epi32(_mm512_srli_epi64(even, 31), 0xaaaa, _mm512_add_epi64(odd, odd));
}
#else
/* round(acc * multiplier / 2^31), halves up, as the first half of kernel_requantize. */
EDGECNN_INLINE_ALWAYS __m256i kernel_high_products(__m256i acc, __m256i multiplier)
{
    const __m256i half = _mm256_set1_epi64x((int64_t)1 << 30);
    const __m256i even = _mm256_add_epi64(_mm256_mul_epi32(acc, multiplier), half);
    const __m256i odd =
        _mm256_add_epi64(_mm256_mul_epi32(_mm256_srli_epi64(acc, 32), _mm256_srli_epi64(multiplier, 32)), half);
    return _mm256_blend_epi32(_mm256_srli_epi64(even, 31), _mm256_add_epi64(odd, odd), 0xaa);
}
#endif

/* values * factor + sum, rounded once: the factors and the sums are the bits of floats. */
EDGECNN_INLINE_ALWAYS kernel_lanes kernel_add_multiple(kernel_lanes values, kernel_lanes factor, kernel_lanes sum)
{
#if EDGECNN_VNNI
    sum.all = _mm512_castps_si512(_mm512_fmadd_ps(_mm512_cvtepi32_ps(values.all), _mm512_castsi512_ps(factor.all),
                                                  _mm512_castsi512_ps(sum.all)));
#else
    sum.low = _mm256_castps_si256(_mm256_fmadd_ps(_mm256_cvtepi32_ps(values.low), _mm256_castsi256_ps(factor.low),
                                                  _mm256_castsi256_ps(sum.low)));
    sum.high = _mm256_castps_si256(_mm256_fmadd_ps(_mm256_cvtepi32_ps(values.high), _mm256_castsi256_ps(factor.high),
                                                   _mm256_castsi256_ps(sum.high)));
#endif
    return sum;
}

/* Floats, given as their bits, rounded to integers, halves to even. */
EDGECNN_INLINE_ALWAYS kernel_lanes kernel_round_lanes(kernel_lanes floats)
{
#if EDGECNN_VNNI
    floats.all = _mm512_cvtps_epi32(_mm512_castsi512_ps(floats.all));
#else
    floats.low = _mm256_cvtps_epi32(_mm256_castsi256_ps(floats.low));
    floats.high = _mm256_cvtps_epi32(_mm256_castsi256_ps(floats.high));
#endif
    return floats;
}

/* The lanes of `values`, negated as floats where those of `sums` are negative. */
EDGECNN_INLINE_ALWAYS kernel_lanes kernel_with_signs(kernel_lanes values, kernel_lanes sums)
{
#if EDGECNN_VNNI
    values.all =
        _mm512_xor_si512(values.all, _mm512_and_si512(sums.all, _mm512_set1_epi32(INT32_MIN)));
#else
    const __m256i sign = _mm256_set1_epi32(INT32_MIN);
    values.low = _mm256_xor_si256(values.low, _mm256_and_si256(sums.low, sign));
    values.high = _mm256_xor_si256(values.high, _mm256_and_si256(sums.high, sign));
#endif
    return values;
}

EDGECNN_INLINE_ALWAYS kernel_lanes kernel_all_lanes(int32_t value)
{
#if EDGECNN_VNNI
    const kernel_lanes lanes = {_mm512_set1_epi32(value)};
#else
    const kernel_lanes lanes = {_mm256_set1_epi32(value), _mm256_set1_epi32(value)};
#endif
    return lanes;
}

/* round(sums * factor + offset), which are the outputs; for EDGECNN_SIGNED_FLOAT the offset takes the sign of the sum,
 * and the zero point is added after.
 */
EDGECNN_INLINE_ALWAYS kernel_lanes kernel_scale_by_float(kernel_lanes sums, kernel_lanes factor, kernel_lanes offset,
                                                  int zero_point, int kind)
{
    if (kind == EDGECNN_SIGNED_FLOAT) {
        offset = kernel_with_signs(offset, sums);
        return kernel_add_lanes(kernel_round_lanes(kernel_add_multiple(sums, factor, offset)),
                                kernel_all_lanes(zero_point));
    }
    return kernel_round_lanes(kernel_add_multiple(sums, factor, offset));
}

#if EDGECNN_VNNI
/* kernel_requantize, plus the zero point; EDGECNN_SIMPLE promises |acc| < 2^30 and shifts of -21 to -1. */
EDGECNN_INLINE_ALWAYS __m512i kernel_requantize_lanes(__m512i acc, __m512i multiplier, __m512i shift, int zero_point,
                                               int kind)
{
    const __m512i zero = _mm512_setzero_si512(), one = _mm512_set1_epi32(1), zp = _mm512_set1_epi32(zero_point);
    const __m512i right = _mm512_max_epi32(_mm512_sub_epi32(zero, shift), zero);
    if (kind == EDGECNN_SIMPLE) {
        const __m512i high = kernel_high_products(acc, multiplier);
        const __m512i rounding =
            _mm512_add_epi32(_mm512_srli_epi32(_mm512_sllv_epi32(one, right), 1), _mm512_sllv_epi32(zp, right));
        const __m512i nudged = _mm512_add_epi32(_mm512_add_epi32(high, _mm512_srai_epi32(high, 31)), rounding);
        return _mm512_srav_epi32(nudged, right);
    } else {
        const __m512i mask = _mm512_sub_epi32(_mm512_sllv_epi32(one, right), one);
        const __m512i left = _mm512_sllv_epi32(acc, _mm512_max_epi32(shift, zero));
        const __m512i high = kernel_high_products(left, multiplier);
        const __m512i threshold = _mm512_sub_epi32(_mm512_srli_epi32(mask, 1), _mm512_srai_epi32(high, 31));
        const __m512i rounded = _mm512_add_epi32(_mm512_srav_epi32(high, right), zp);
        return _mm512_mask_add_epi32(rounded, _mm512_cmpgt_epi32_mask(_mm512_and_si512(high, mask), threshold),
                                     rounded, one);
    }
}
#else
/* kernel_requantize, plus the zero point; EDGECNN_SIMPLE promises |acc| < 2^30 and shifts of -21 to -1. */
EDGECNN_INLINE_ALWAYS __m256i kernel_requantize_lanes(__m256i acc, __m256i multiplier, __m256i shift, int zero_point,
                                               int kind)
{
    const __m256i zero = _mm256_setzero_si256(), one = _mm256_set1_epi32(1), zp = _mm256_set1_epi32(zero_point);
    const __m256i right = _mm256_max_epi32(_mm256_sub_epi32(zero, shift), zero);
    if (kind == EDGECNN_SIMPLE) {
        const __m256i high = kernel_high_products(acc, multiplier);
        const __m256i rounding =
            _mm256_add_epi32(_mm256_srli_epi32(_mm256_sllv_epi32(one, right), 1), _mm256_sllv_epi32(zp, right));
        const __m256i nudged = _mm256_add_epi32(_mm256_add_epi32(high, _mm256_srai_epi32(high, 31)), rounding);
        return _mm256_srav_epi32(nudged, right);
    } else {
        const __m256i mask = _mm256_sub_epi32(_mm256_sllv_epi32(one, right), one);
        const __m256i left = _mm256_sllv_epi32(acc, _mm256_max_epi32(shift, zero));
        const __m256i high = kernel_high_products(left, multiplier);
        const __m256i threshold = _mm256_sub_epi32(_mm256_srli_epi32(mask, 1), _mm256_srai_epi32(high, 31));
        const __m256i rounded = _mm256_add_epi32(_mm256_srav_epi32(high, right), zp);
        return _mm256_sub_epi32(rounded, _mm256_cmpgt_epi32(_mm256_and_si256(high, mask), threshold));
    }
}
#endif

/* Adds to the outputs of some sums: `corrections` holds 16 sums, one for each channel, 16 summands, and so on. */
EDGECNN_INLINE_ALWAYS kernel_lanes kernel_correct_lanes(kernel_lanes values, kernel_lanes sums, const int32_t *corrections,
                                                 int count)
{
    EDGECNN_UNROLL
    for (int i = 0; i < count; ++i) {
        const kernel_lanes sum = kernel_load_lanes(corrections + 32 * i);
        const kernel_lanes summand = kernel_load_lanes(corrections + 32 * i + 16);
#if EDGECNN_VNNI
        values.all =
            _mm512_mask_add_epi32(values.all, _mm512_cmpeq_epi32_mask(sums.all, sum.all), values.all, summand.all);
#else
        const __m256i low = _mm256_cmpeq_epi32(sums.low, sum.low), high = _mm256_cmpeq_epi32(sums.high, sum.high);
        values.low = _mm256_add_epi32(values.low, _mm256_and_si256(low, summand.low));
        values.high = _mm256_add_epi32(values.high, _mm256_and_si256(high, summand.high));
#endif
    }
    return values;
}

/* 16 sums, scaled, plus the zero point. Behind 16 biases `scale` holds 16 multipliers and 16 shifts; or, for the kinds
 * with floats, 16 factors, 16 offsets and corrections, of which the compiler has proved that the outputs are the same.
 */
EDGECNN_INLINE_ALWAYS kernel_lanes kernel_scale_lanes(kernel_lanes sums, const int32_t *scale, int zero_point, int kind,
                                               int corrections)
{
    const kernel_lanes factor = kernel_load_lanes(scale + 16), shift = kernel_load_lanes(scale + 32);
    kernel_lanes values = sums;
    if (kind >= EDGECNN_FLOAT) {
        values = kernel_scale_by_float(sums, factor, shift, zero_point, kind);
        return kernel_correct_lanes(values, sums, scale + 48, corrections);
    }
#if EDGECNN_VNNI
    values.all = kernel_requantize_lanes(sums.all, factor.all, shift.all, zero_point, kind);
#else
    values.low = kernel_requantize_lanes(sums.low, factor.low, shift.low, zero_point, kind);
    values.high = kernel_requantize_lanes(sums.high, factor.high, shift.high, zero_point, kind);
#endif
    return values;
}

/* 16 values as bytes between `min` and `max`. */
EDGECNN_INLINE_ALWAYS __m128i kernel_clamp_lanes(kernel_lanes values, int min, int max)
{
#if EDGECNN_VNNI
    __m128i bytes = _mm512_cvtsepi32_epi8(values.all);
#else
    const __m256i halves = _mm256_permute4x64_epi64(_mm256_packs_epi32(values.low, values.high), 0xd8);
    __m128i bytes = _mm_packs_epi16(_mm256_castsi256_si128(halves), _mm256_extracti128_si256(halves, 1));
#endif
    if (min > INT8_MIN) {
        bytes = _mm_max_epi8(bytes, _mm_set1_epi8((char)min));
    }
    return max < INT8_MAX ? _mm_min_epi8(bytes, _mm_set1_epi8((char)max)) : bytes;
}

/* 16 bytes as 32 bits each, times 2^shift. */
EDGECNN_INLINE_ALWAYS kernel_lanes kernel_lanes_of_bytes(__m128i bytes, int shift)
{
#if EDGECNN_VNNI
    const kernel_lanes lanes = {_mm512_slli_epi32(_mm512_cvtepi8_epi32(bytes), (unsigned)shift)};
#else
    const kernel_lanes lanes = {_mm256_slli_epi32(_mm256_cvtepi8_epi32(bytes), shift),
                                _mm256_slli_epi32(_mm256_cvtepi8_epi32(_mm_srli_si128(bytes, 8)), shift)};
#endif
    return lanes;
}

/* Stores the first `count` of 16 outputs; `larger` keeps what is there where that is larger. */
EDGECNN_INLINE_ALWAYS void kernel_store_outputs(int8_t *to, __m128i outputs, int count, int larger)
{
    if (larger) {
        __m128i before = _mm_setzero_si128();
        memcpy(&before, to, (size_t)count);
        outputs = _mm_max_epi8(outputs, before);
    }
    memcpy(to, &outputs, (size_t)count);
}

/* Stores 16 unsigned bytes as widened inputs. */
EDGECNN_INLINE_ALWAYS void kernel_store_wide(kernel_wide *to, __m128i bytes)
{
#if EDGECNN_VNNI
    _mm_storeu_si128((__m128i *)(void *)to, bytes);
#else
    _mm256_storeu_si256((__m256i *)(void *)to, _mm256_cvtepu8_epi16(bytes));
#endif
}

/* Widens `count` inputs. */
EDGECNN_INLINE_ALWAYS void kernel_widen_bytes(kernel_wide *to, const int8_t *from, int count)
{
    int i = 0;
    for (; count >= 16 && i < count; i += 16) {
        /* The last may overlap those before. */
        const int at = i < count - 16 ? i : count - 16;
        const __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(from + at));
        kernel_store_wide(to + at, _mm_xor_si128(bytes, _mm_set1_epi8(-128)));
    }
    for (; i < count; ++i) {
        to[i] = (kernel_wide)(from[i] + 128);
    }
}

/* Writes `count` widened zero points. */
EDGECNN_INLINE_ALWAYS void kernel_widen_padding(kernel_wide *to, int zero_point, int count)
{
    for (int i = 0; i < count; ++i) {
        to[i] = (kernel_wide)(zero_point + 128);
    }
}

#endif
