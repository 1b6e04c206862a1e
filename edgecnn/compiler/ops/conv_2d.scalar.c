/* SPDX-License-Identifier: Apache-2.0 */
#include "scalar.h"

typedef struct {
    int16_t in_w, in_c, out_w, out_c;
    int16_t filter_h, filter_w, stride_h, stride_w, dilation_h, dilation_w, pad_w;
    int16_t pool_h, pool_w, pool_stride_w; /* a fused max pool: of the sums, before they are scaled */
    int16_t input_zero_point, output_zero_point, activation_min, activation_max;
    int16_t parts;         /* in which the filter's rows are taken: 1 or filter_h */
    int16_t chunk;         /* taps at once: so few that sums stay within 21 bits */
    int16_t general_scale; /* 1: some channel needs kernel_requantize, 0: kernel_scale serves all */
    const int8_t *filter;  /* part after part, in each four channels after four, as kernel_dot_3 takes them */
    const int32_t *scale;  /* for each channel the bias, with the input's zero point folded in, and the multiplier */
    const int8_t *shift;
} kernel_conv_2d_scalar_params;

/* A position of the convolution: column x and row y of a window of the fused pool, which is 1 x 1 where there is none.
 * Positions are taken window after window.
 */
typedef struct {
    int window, y, x;
} kernel_conv_2d_scalar_position;

/* Tells whether a window ends with this position, and goes on to the next. */
EDGECNN_INLINE int kernel_conv_2d_scalar_next(const kernel_conv_2d_scalar_params *p,
                                              kernel_conv_2d_scalar_position *at)
{
    if (++at->x == p->pool_w) {
        at->x = 0;
        if (++at->y == p->pool_h) {
            at->y = 0;
            ++at->window;
            return 1;
        }
    }
    return 0;
}

/* Writes `length` values from one place or three to a column, from number `at` on. */
EDGECNN_INLINE void kernel_conv_2d_scalar_values(const int8_t *const *from, int count, int length, void *column, int at)
{
    if (count == 1) {
        memcpy((int8_t *)column + at, from[0], (size_t)length);
    } else if (length < 4) {
        kernel_pack_few(from[0], from[1], from[2], length, (uint32_t *)column + 2 * at);
    } else {
        kernel_pack_3(from[0], from[1], from[2], length, (uint32_t *)column + 2 * at);
    }
}

/* Writes one row of the filter's taps at `count` positions, three or one, whose first columns are xs; `inside` says that
 * all taps lie inside the row, if there is one.
 */
EDGECNN_INLINE void kernel_conv_2d_scalar_taps(const kernel_conv_2d_scalar_params *p, const int8_t *const *row,
                                               const int *xs, int inside, int count, const int8_t *padding,
                                               void *column, int at)
{
    const int8_t *from[3];
    if (inside && row[0] != NULL && (count == 1 || (row[1] != NULL && row[2] != NULL))) {
        from[0] = row[0] + xs[0] * p->in_c;
        if (count == 3) {
            from[1] = row[1] + xs[1] * p->in_c;
            from[2] = row[2] + xs[2] * p->in_c;
        }
        kernel_conv_2d_scalar_values(from, count, p->filter_w * p->in_c, column, at);
        return;
    }
    for (int tap = 0; tap < p->filter_w; ++tap, at += p->in_c) {
        for (int i = 0; i < count; ++i) {
            const int x = xs[i] + tap * p->dilation_w;
            from[i] = row[i] == NULL || x < 0 || x >= p->in_w ? padding : row[i] + x * p->in_c;
        }
        kernel_conv_2d_scalar_values(from, count, p->in_c, column, at);
    }
}

/* Writes the taps of `height` rows of the filter from row y on. */
EDGECNN_INLINE void kernel_conv_2d_scalar_column(const kernel_conv_2d_scalar_params *p,
                                                 const int8_t *const *const *first, const int *xs, int inside, int y,
                                                 int height, int count, const int8_t *padding, void *column)
{
    for (int i = 0; i < height; ++i) {
        const int8_t *row[3];
        for (int k = 0; k < count; ++k) {
            row[k] = first[k][(y + i) * p->dilation_h];
        }
        kernel_conv_2d_scalar_taps(p, row, xs, inside, count, padding, column, i * p->filter_w * p->in_c);
    }
}

/* Makes an output of a sum, which is doubled where kernel_scale takes it. */
EDGECNN_INLINE int8_t kernel_conv_2d_scalar_output(const kernel_conv_2d_scalar_params *p, int32_t sum,
                                                   int32_t multiplier, int right)
{
    const int32_t min = p->activation_min, max = p->activation_max;
    if (p->general_scale) {
        return kernel_clamp(kernel_requantize(sum, multiplier, -right) + p->output_zero_point, min, max);
    }
    return kernel_saturate(kernel_scale(sum, multiplier, kernel_rounding(p->output_zero_point, right), right), min,
                           max);
}

/* Takes a position's sum into the maximum of its window, and where that ends, makes an output of it. */
EDGECNN_INLINE int8_t *kernel_conv_2d_scalar_take(const kernel_conv_2d_scalar_params *p, int32_t sum, int ends,
                                                  int32_t multiplier, int right, int32_t *largest, int8_t *output,
                                                  int part)
{
    int8_t value;
    *largest = sum > *largest ? sum : *largest;
    if (!ends) {
        return output;
    }
    value = kernel_conv_2d_scalar_output(p, *largest, multiplier, right);
    *output = part > 0 && *output > value ? *output : value;
    *largest = INT32_MIN;
    return output + p->out_c;
}

/* Makes outputs of a channel's sums at `count` positions, or keeps in `best` the largest sum of a window that goes
 * on. Bit i of `ends` says that a window ends with position i; `begins`, that one begins with the first.
 */
EDGECNN_INLINE void kernel_conv_2d_scalar_finish(const kernel_conv_2d_scalar_params *p, const int32_t *sums,
                                                 const int32_t *scale, int right, int count, int begins, int ends,
                                                 int32_t *best, int8_t *output, int part)
{
    const int twice = !p->general_scale;
    const int32_t bias = twice ? kernel_twice(scale[0]) : scale[0], multiplier = scale[1];
    int32_t largest = begins ? INT32_MIN : *best;
    output = kernel_conv_2d_scalar_take(p, sums[0] * (1 << twice) + bias, ends & 1, multiplier, right, &largest,
                                        output, part);
    if (count > 1) {
        output = kernel_conv_2d_scalar_take(p, sums[1] * (1 << twice) + bias, ends >> 1 & 1, multiplier, right,
                                            &largest, output, part);
    }
    if (count > 2) {
        (void)kernel_conv_2d_scalar_take(p, sums[2] * (1 << twice) + bias, ends >> 2 & 1, multiplier, right, &largest,
                                         output, part);
    }
    if (!(ends >> (count - 1) & 1)) {
        *best = largest;
    }
}

/* Computes four channels from c on at the positions of a column, or with `last` unset a part of their sums. */
EDGECNN_INLINE const int8_t *kernel_conv_2d_scalar_channels(const kernel_conv_2d_scalar_params *p, const void *column,
                                                            int taps, int first, int last, int positions,
                                                            const int8_t *filter, int32_t *sums, int c, int count,
                                                            int begins, int ends, int32_t *best, int8_t *output,
                                                            int part)
{
    const int chunk = positions == 3 ? p->chunk : taps;
    for (int at = 0; at < taps; at += chunk) {
        const int length = taps - at < chunk ? taps - at : chunk, end = last && at + length == taps;
        uint32_t words[8];
        if (positions == 3) {
            kernel_dot_3((const uint32_t *)column + 2 * at, filter, length, words);
        } else {
            kernel_dot_1((const int8_t *)column, filter, length, (int32_t *)words);
        }
        filter += 4 * length;
        for (int i = 0; i < 4 && c + i < p->out_c; ++i) {
            int32_t three[3] = {(int32_t)words[i], 0, 0}, *const sum = sums + 3 * i;
            if (positions == 3) {
                kernel_unpack_3(words + 2 * i, three);
            }
            if (!first || at > 0) {
                three[0] += sum[0];
                three[1] += sum[1];
                three[2] += sum[2];
            }
            if (end) {
                kernel_conv_2d_scalar_finish(p, three, p->scale + 2 * (c + i), -p->shift[c + i], count, begins, ends,
                                             best + c + i, output + c + i, part);
            } else {
                sum[0] = three[0];
                sum[1] = three[1];
                sum[2] = three[2];
            }
        }
    }
    return filter;
}

/* Computes all channels at the next `count` positions; with `positions` of three and a smaller count the last one is
 * computed again in place of others.
 */
EDGECNN_INLINE void kernel_conv_2d_scalar_block(const kernel_conv_2d_scalar_params *p, const int8_t *const *rows,
                                                kernel_conv_2d_scalar_position *at, int positions, int count,
                                                int8_t *output, int part, int32_t *working)
{
    const int height = p->filter_h / p->parts, taps = height * p->filter_w * p->in_c, window = p->pool_h * p->pool_w;
    int32_t *const best = working + (p->in_c + 3) / 4;
    int32_t *const sums = best + (window > 1 ? p->out_c : 0);
    int32_t *const column = sums + (p->parts > 1 ? 3 * p->out_c : taps > p->chunk ? 12 : 0);
    const int begins = at->x == 0 && at->y == 0;
    const int8_t *filter = p->filter, *const *first[3];
    int xs[3], ends = 0, inside = p->dilation_w == 1;
    output += at->window * p->out_c;
    for (int i = 0; i < positions; ++i) {
        if (i < count) {
            first[i] = rows + at->y * p->stride_h;
            xs[i] = (at->window * p->pool_stride_w + at->x) * p->stride_w - p->pad_w;
            ends |= kernel_conv_2d_scalar_next(p, at) << i;
        } else {
            first[i] = first[i - 1];
            xs[i] = xs[i - 1];
        }
        inside = inside && xs[i] >= 0 && xs[i] + p->filter_w <= p->in_w;
    }
    for (int y = 0; y < p->filter_h; y += height) {
        kernel_conv_2d_scalar_column(p, first, xs, inside, y, height, positions, (const int8_t *)working, column);
        for (int c = 0; c < p->out_c; c += 4) {
            filter = kernel_conv_2d_scalar_channels(p, column, taps, y == 0, y + height == p->filter_h, positions,
                                                    filter, sums + (p->parts > 1 ? 3 * c : 0), c, count,
                                                    window == 1 || begins, window == 1 ? 7 : ends, best, output, part);
        }
    }
}

/* One row of (pooled) outputs. With part > 0 the row holds the maximum of earlier parts. */
EDGECNN_INLINE void kernel_conv_2d_scalar(const kernel_conv_2d_scalar_params *p, const int8_t *const *rows,
                                          int8_t *output, int part, int32_t *working)
{
    /* The number of all positions, which the C compiler knows, tells it what never happens. */
    const int all = p->out_w * p->pool_h * p->pool_w;
    kernel_conv_2d_scalar_position at = {0, 0, 0};
    memset(working, p->input_zero_point, (size_t)p->in_c);
    for (int left = all; left > 0; left -= 3) {
        if (all % 3 != 1 || left > 1) {
            kernel_conv_2d_scalar_block(p, rows, &at, 3, all % 3 == 0 || left > 2 ? 3 : 2, output, part, working);
        } else {
            kernel_conv_2d_scalar_block(p, rows, &at, 1, 1, output, part, working);
        }
    }
}
