/* SPDX-License-Identifier: Apache-2.0 */
#include "scalar.h"

/* A position of the convolution: column x and row y of a window of the fused pool, which is 1 x 1 where there is none.
 * Positions are taken window after window.
 */
typedef struct {
    int window, y, x;
} kernel_conv_2d_scalar_position;

/* Positions that are computed together: three, or one. */
typedef struct {
    int positions, count;         /* where three are more than `count`, the last one is computed again */
    const int8_t *const *rows[3]; /* of their windows */
    int x[3], inside;             /* the first columns of their windows; whether all taps lie inside a row */
    int begins, ends;             /* whether a window of the pool begins with the first; bit i: one ends with i */
    int part;                     /* above 0, outputs hold the maximum of earlier parts */
    int8_t *output;
    int32_t *best; /* of each channel the largest sum of a window that goes on */
} kernel_conv_2d_scalar_block;

/* Tells whether a window of the pool ends with this position, and goes on to the next. */
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

/* Takes the next `count` positions. */
EDGECNN_INLINE void kernel_conv_2d_scalar_begin(const kernel_conv_2d_scalar_params *p, const int8_t *const *rows,
                                                kernel_conv_2d_scalar_position *at, int count,
                                                kernel_conv_2d_scalar_block *block)
{
    block->count = count;
    block->inside = 1;
    block->begins = at->x == 0 && at->y == 0;
    block->ends = 0;
    for (int i = 0; i < block->positions; ++i) {
        if (i < count) {
            block->rows[i] = rows + at->y * p->stride_h;
            block->x[i] = (at->window * p->pool_stride_w + at->x) * p->stride_w - p->pad_w;
            block->ends |= kernel_conv_2d_scalar_next(p, at) << i;
        } else {
            block->rows[i] = block->rows[i - 1];
            block->x[i] = block->x[i - 1];
        }
        block->inside = block->inside && kernel_inside(block->x[i], p->filter_w, p->dilation_w, p->in_w);
    }
    if (p->pool_h * p->pool_w == 1) {
        block->begins = 1;
        block->ends = 7;
    }
}

/* Writes `length` values from one place or three to a column, from number `at` on. */
EDGECNN_INLINE void kernel_conv_2d_scalar_values(const int8_t *const *from, int count, int length, void *column,
                                                 int at)
{
    if (count == 1) {
        memcpy((int8_t *)column + at, from[0], (size_t)length);
    } else if (length < 4) {
        kernel_pack_few(from[0], from[1], from[2], length, (uint32_t *)column + 2 * at);
    } else {
        kernel_pack_3(from[0], from[1], from[2], length, (uint32_t *)column + 2 * at);
    }
}

/* Writes the taps of row y of the filter to a column, from number `at` on. */
EDGECNN_INLINE void kernel_conv_2d_scalar_taps(const kernel_conv_2d_scalar_params *p,
                                               const kernel_conv_2d_scalar_block *block, int y, const int8_t *padding,
                                               void *column, int at)
{
    const int positions = block->positions == 3 ? 3 : 1; /* by which GCC sees that each row has a value */
    const int8_t *row[3], *from[3];
    int inside = block->inside;
    for (int i = 0; i < positions; ++i) {
        row[i] = block->rows[i][y * p->dilation_h];
        inside = inside && row[i] != NULL;
    }
    if (inside) {
        from[0] = row[0] + block->x[0] * p->in_c;
        if (positions == 3) {
            from[1] = row[1] + block->x[1] * p->in_c;
            from[2] = row[2] + block->x[2] * p->in_c;
        }
        kernel_conv_2d_scalar_values(from, positions, p->filter_w * p->in_c, column, at);
        return;
    }
    for (int tap = 0; tap < p->filter_w; ++tap, at += p->in_c) {
        for (int i = 0; i < positions; ++i) {
            const int x = block->x[i] + tap * p->dilation_w;
            from[i] = kernel_is_padding(row[i], x, p->in_w) ? padding : row[i] + x * p->in_c;
        }
        kernel_conv_2d_scalar_values(from, positions, p->in_c, column, at);
    }
}

/* Makes an output of a sum, which is doubled where kernel_scale takes it. */
EDGECNN_INLINE int8_t kernel_conv_2d_scalar_output(const kernel_conv_2d_scalar_params *p, int32_t sum,
                                                   int32_t multiplier, int right)
{
    const int32_t min = p->activation_min, max = p->activation_max;
    if (p->general_scale) {
        return kernel_clamp(kernel_offset(kernel_requantize(sum, multiplier, -right), p->output_zero_point), min, max);
    }
    return kernel_saturate(kernel_scale(sum, multiplier, kernel_rounding(p->output_zero_point, right), right), min,
                           max);
}

/* Takes the sum at position i of a block, doubled where kernel_scale takes it, into the maximum of its
 * window, and where that ends, makes an output of it. Returns where the next one lies.
 */
EDGECNN_INLINE int8_t *kernel_conv_2d_scalar_take(const kernel_conv_2d_scalar_params *p,
                                                  const kernel_conv_2d_scalar_block *block, int i, int32_t sum,
                                                  int32_t multiplier, int right, int32_t *largest, int8_t *output)
{
    int8_t value;
    *largest = sum > *largest ? sum : *largest;
    if (!(block->ends >> i & 1)) {
        return output;
    }
    value = kernel_conv_2d_scalar_output(p, *largest, multiplier, right);
    *output = block->part > 0 && *output > value ? *output : value;
    *largest = INT32_MIN;
    return output + p->out_c;
}

/* Makes outputs of channel c of the sums at a block's positions, or keeps the largest of a window that goes on. */
EDGECNN_INLINE void kernel_conv_2d_scalar_finish(const kernel_conv_2d_scalar_params *p,
                                                 const kernel_conv_2d_scalar_block *block, const int32_t *sums, int c)
{
    const int times = p->general_scale ? 1 : 2, right = -p->shift[c];
    const int32_t *scale = p->scale + 2 * c;
    const int32_t bias = p->general_scale ? scale[0] : kernel_twice(scale[0]), multiplier = scale[1];
    int32_t largest = block->begins ? INT32_MIN : block->best[c];
    int8_t *output = block->output + c;
    output = kernel_conv_2d_scalar_take(p, block, 0, sums[0] * times + bias, multiplier, right, &largest, output);
    if (block->count > 1) {
        output = kernel_conv_2d_scalar_take(p, block, 1, sums[1] * times + bias, multiplier, right, &largest, output);
    }
    if (block->count > 2) {
        (void)kernel_conv_2d_scalar_take(p, block, 2, sums[2] * times + bias, multiplier, right, &largest, output);
    }
    if (!(block->ends >> (block->count - 1) & 1)) {
        block->best[c] = largest;
    }
}

/* Takes the products of four channels from c on, over some taps, and adds them to those of the taps before unless they
 * are the `first`; with the `last` taps makes outputs.
 */
EDGECNN_INLINE void kernel_conv_2d_scalar_four(const kernel_conv_2d_scalar_params *p,
                                               const kernel_conv_2d_scalar_block *block, const uint32_t *words, int c,
                                               int first, int last, int32_t *sums)
{
    for (int i = 0; i < 4 && c + i < p->out_c; ++i, sums += 3) {
        int32_t three[3] = {(int32_t)words[i], 0, 0};
        if (block->positions == 3) {
            kernel_unpack_3(words + 2 * i, three);
        }
        if (!first) {
            three[0] += sums[0];
            three[1] += sums[1];
            three[2] += sums[2];
        }
        if (last) {
            kernel_conv_2d_scalar_finish(p, block, three, c + i);
        } else {
            sums[0] = three[0];
            sums[1] = three[1];
            sums[2] = three[2];
        }
    }
}

/* Computes all channels at a block's positions. */
EDGECNN_INLINE void kernel_conv_2d_scalar_all(const kernel_conv_2d_scalar_params *p,
                                              const kernel_conv_2d_scalar_block *block, const int8_t *padding,
                                              int32_t *sums)
{
    const int height = p->filter_h / p->parts, row = p->filter_w * p->in_c, taps = height * row;
    const int chunk = block->positions == 3 ? p->chunk : taps;
    int32_t *const column = sums + (p->parts > 1 ? 3 * p->out_c : taps > p->chunk ? 12 : 0);
    const int8_t *filter = p->filter;
    for (int y = 0; y < p->filter_h; y += height) {
        for (int i = 0; i < height; ++i) {
            kernel_conv_2d_scalar_taps(p, block, y + i, padding, column, i * row);
        }
        for (int c = 0; c < p->out_c; c += 4) {
            for (int at = 0; at < taps; at += chunk) {
                const int length = taps - at < chunk ? taps - at : chunk;
                uint32_t words[8];
                if (block->positions == 3) {
                    filter = kernel_dot_4x3((const uint32_t *)column + 2 * at, filter, length, words);
                } else {
                    filter = kernel_dot_4x1((const int8_t *)column, filter, length, (int32_t *)words);
                }
                kernel_conv_2d_scalar_four(p, block, words, c, y == 0 && at == 0,
                                           y + height == p->filter_h && at + length == taps,
                                           sums + (p->parts > 1 ? 3 * c : 0));
            }
        }
    }
}

/* One row of (pooled) outputs. With part > 0 the row holds the maximum of earlier parts. */
EDGECNN_INLINE void kernel_conv_2d_scalar(const kernel_conv_2d_scalar_params *p, const int8_t *const *rows,
                                          int8_t *output, int part, int32_t *working)
{
    /* The number of all positions, which the C compiler knows, tells it what never happens. */
    const int window = p->pool_h * p->pool_w, all = p->out_w * window;
    int32_t *const best = working + (p->in_c + 3) / 4, *const sums = best + (window > 1 ? p->out_c : 0);
    const int8_t *const padding = (const int8_t *)working;
    kernel_conv_2d_scalar_position at = {0, 0, 0};
    memset(working, p->input_zero_point, (size_t)p->in_c);
    for (int left = all; left > 0; left -= 3) {
        kernel_conv_2d_scalar_block block;
        block.part = part;
        block.output = output + at.window * p->out_c;
        block.best = best;
        if (all % 3 != 1 || left > 1) {
            block.positions = 3;
            kernel_conv_2d_scalar_begin(p, rows, &at, all % 3 == 0 || left > 2 ? 3 : 2, &block);
            kernel_conv_2d_scalar_all(p, &block, padding, sums);
        } else {
            block.positions = 1;
            kernel_conv_2d_scalar_begin(p, rows, &at, 1, &block);
            kernel_conv_2d_scalar_all(p, &block, padding, sums);
        }
    }
}
