/* SPDX-License-Identifier: Apache-2.0 */
#include "dsp.h"

/* Writes `count` bytes of a row from column x on to a column, as its taps from number `tap` on: widened where channels
 * come in fours, else gathered in `bytes`.
 */
EDGECNN_INLINE void kernel_conv_2d_dsp_taps(const kernel_conv_2d_dsp_params *p, const int8_t *row, int x, int tap,
                                            int count, uint32_t *pairs, int step, int8_t *bytes)
{
    if (p->in_c % 4 == 0) {
        kernel_widen(pairs + tap * p->in_c / 2 * step, step, row + x * p->in_c, count / 4);
    } else {
        memcpy(bytes + tap * p->in_c, row + x * p->in_c, (size_t)count);
    }
}

/* The same for `count` bytes of padding. */
EDGECNN_INLINE void kernel_conv_2d_dsp_padding(const kernel_conv_2d_dsp_params *p, int tap, int count,
                                               uint32_t *pairs, int step, int8_t *bytes)
{
    if (p->in_c % 4 == 0) {
        memset(bytes, p->input_zero_point, (size_t)count);
        kernel_widen(pairs + tap * p->in_c / 2 * step, step, bytes, count / 4);
    } else {
        memset(bytes + tap * p->in_c, p->input_zero_point, (size_t)count);
    }
}

/* Writes the taps of the window whose first column is x to every `step`-th word of `pairs`. */
EDGECNN_INLINE void kernel_conv_2d_dsp_column(const kernel_conv_2d_dsp_params *p, const int8_t *const *rows, int x,
                                              uint32_t *pairs, int step, int8_t *bytes)
{
    const int inside = kernel_inside(x, p->filter_w, p->dilation_w, p->in_w);
    for (int y = 0; y < p->filter_h; ++y) {
        const int8_t *row = rows[y * p->dilation_h];
        const int tap = y * p->filter_w;
        if (row != NULL && inside) {
            kernel_conv_2d_dsp_taps(p, row, x, tap, p->filter_w * p->in_c, pairs, step, bytes);
        } else {
            for (int i = 0; i < p->filter_w; ++i) {
                const int column = x + i * p->dilation_w;
                if (row == NULL || kernel_is_padding(row, column, p->in_w)) { /* GCC has to see that it is no taps */
                    kernel_conv_2d_dsp_padding(p, tap + i, p->in_c, pairs, step, bytes);
                } else {
                    kernel_conv_2d_dsp_taps(p, row, column, tap + i, p->in_c, pairs, step, bytes);
                }
            }
        }
    }
    if (p->in_c % 4 != 0) {
        kernel_widen(pairs, step, bytes, p->groups);
    }
}

/* Makes of a block of `count` columns the sums of some channels, without bias: for each pair of channels `count` of
 * the first, then `count` for the second, which kernel_conv_2d_dsp_sum reads. Returns where the next filters begin.
 */
EDGECNN_INLINE const int32_t *kernel_conv_2d_dsp_block(const kernel_conv_2d_dsp_params *p, const uint32_t *columns,
                                                       int count, const int32_t *filter, int channels,
                                                       int32_t *sums)
{
    const int whole = p->chunk >= p->groups;
    int32_t *part = whole ? sums : sums + channels * count;
    for (int at = 0; at < p->groups; at += p->chunk) {
        const int groups = p->groups - at < p->chunk ? p->groups - at : p->chunk;
        if (count == 3) {
            filter = kernel_dot_3(columns + 6 * at, filter, groups, channels, part);
        } else if (count == 2) {
            filter = kernel_dot_2(columns + 4 * at, filter, groups, channels, part);
        } else {
            filter = kernel_dot_1(columns + 2 * at, filter, groups, channels, part);
        }
        for (int i = 0; !whole && i < channels * count; ++i) {
            /* The second sums of a pair lie behind the first. */
            const int second = i / count % 2;
            const int32_t sum = second ? kernel_second_sum(part[i], part[i - count], 0) : kernel_first_sum(part[i], 0);
            sums[i] = at > 0 ? sums[i] + sum : sum;
        }
    }
    return filter;
}

/* The sum of a channel, or of the second of its pair, at a column; `twice` doubles it. */
EDGECNN_INLINE int32_t kernel_conv_2d_dsp_sum(const kernel_conv_2d_dsp_params *p, const int32_t *sums, int second,
                                              int count, int column, int twice)
{
    const int32_t sum = sums[second ? count + column : column];
    if (p->chunk < p->groups) {
        return (int32_t)((uint32_t)sum << twice);
    }
    return second ? kernel_second_sum(sum, sums[column], twice) : kernel_first_sum(sum, twice);
}

/* Scales the sums of a channel at a block's columns to outputs that lie out_c apart. */
EDGECNN_INLINE void kernel_conv_2d_dsp_scale(const kernel_conv_2d_dsp_params *p, const int32_t *sums, int second,
                                             const int32_t *scale, int right, int count, int8_t *output)
{
    const int32_t multiplier = scale[1], min = p->activation_min, max = p->activation_max;
    if (p->general_scale) {
        for (int i = 0; i < count; ++i) {
            const int32_t sum = kernel_conv_2d_dsp_sum(p, sums, second, count, i, 0) + scale[0];
            output[i * p->out_c] =
                kernel_clamp(kernel_offset(kernel_requantize(sum, multiplier, -right), p->output_zero_point), min, max);
        }
    } else {
        const int32_t bias = kernel_twice(scale[0]), rounding = kernel_rounding(p->output_zero_point, right);
        int32_t sum = kernel_conv_2d_dsp_sum(p, sums, second, count, 0, 1) + bias;
        output[0] = kernel_saturate(kernel_scale(sum, multiplier, rounding, right), min, max);
        if (count > 1) {
            sum = kernel_conv_2d_dsp_sum(p, sums, second, count, 1, 1) + bias;
            output[p->out_c] = kernel_saturate(kernel_scale(sum, multiplier, rounding, right), min, max);
        }
        if (count > 2) {
            sum = kernel_conv_2d_dsp_sum(p, sums, second, count, 2, 1) + bias;
            output[2 * p->out_c] = kernel_saturate(kernel_scale(sum, multiplier, rounding, right), min, max);
        }
    }
}

/* Writes the columns of `count` positions from x on. */
EDGECNN_INLINE void kernel_conv_2d_dsp_columns(const kernel_conv_2d_dsp_params *p, const int8_t *const *rows, int x,
                                               int count, uint32_t *columns, int8_t *bytes)
{
    for (int i = 0; i < count; ++i) {
        kernel_conv_2d_dsp_column(p, rows, (x + i) * p->stride_w - p->pad_w, columns + i, count, bytes);
    }
}

/* How many of `left` positions are made at once: not three where two and two remain. The number of all of them, which
 * the C compiler knows, tells it what never happens.
 */
EDGECNN_INLINE int kernel_conv_2d_dsp_count(const kernel_conv_2d_dsp_params *p, int left, int all)
{
    if (p->columns == 3 && (all % 3 == 0 || (left > 2 && left != 4))) {
        return 3;
    }
    return p->columns == 1 || all == 1 || (p->columns == 2 && all % 2 == 1 && left == 1) ? 1 : 2;
}

/* The number of channels from c on that are computed at once: even, so maybe one more than there are. */
EDGECNN_INLINE int kernel_conv_2d_dsp_channels(const kernel_conv_2d_dsp_params *p, int c)
{
    return p->out_c - c < p->channels ? (p->out_c - c + 1) / 2 * 2 : p->channels;
}

/* Makes `count` outputs from position x of a row on, all channels of each. */
EDGECNN_INLINE void kernel_conv_2d_dsp_outputs(const kernel_conv_2d_dsp_params *p, const int8_t *const *rows, int x,
                                               int count, int8_t *output, int32_t *working)
{
    uint32_t *columns = (uint32_t *)working;
    int32_t *sums = working + 2 * p->columns * p->groups;
    const int32_t *filter = p->filter, *scale = p->scale;
    const int8_t *shift = p->shift;
    kernel_conv_2d_dsp_columns(p, rows, x, count, columns, (int8_t *)sums);
    for (int first = 0; first < p->out_c; first += p->channels) {
        const int channels = kernel_conv_2d_dsp_channels(p, first);
        const int32_t *sum = sums;
        filter = kernel_conv_2d_dsp_block(p, columns, count, filter, channels, sums);
        for (int c = first; c < first + channels; c += 2, sum += 2 * count, scale += 4, shift += 2, output += 2) {
            kernel_conv_2d_dsp_scale(p, sum, 0, scale, -shift[0], count, output);
            if (c + 1 < p->out_c) {
                kernel_conv_2d_dsp_scale(p, sum, 1, scale + 2, -shift[1], count, output + 1);
            }
        }
    }
}

/* The largest sum of a channel, or of the second of its pair, among a block's columns. */
EDGECNN_INLINE int32_t kernel_conv_2d_dsp_largest(const kernel_conv_2d_dsp_params *p, const int32_t *sums, int second,
                                                  int count)
{
    int32_t largest = kernel_conv_2d_dsp_sum(p, sums, second, count, 0, 0), sum;
    if (count > 1) {
        sum = kernel_conv_2d_dsp_sum(p, sums, second, count, 1, 0);
        largest = sum > largest ? sum : largest;
    }
    if (count > 2) {
        sum = kernel_conv_2d_dsp_sum(p, sums, second, count, 2, 0);
        largest = sum > largest ? sum : largest;
    }
    return largest;
}

/* Makes an output of the largest sum of a channel in its window; with part > 0 it keeps what is larger. */
EDGECNN_INLINE void kernel_conv_2d_dsp_pool(const kernel_conv_2d_dsp_params *p, int32_t sum, const int32_t *scale,
                                            int right, int part, int8_t *output)
{
    const int8_t value = kernel_output(sum + scale[0], scale[1], right, p->general_scale, p->output_zero_point,
                                       p->activation_min, p->activation_max);
    *output = part > 0 && *output > value ? *output : value;
}

/* Takes the maximum of `count` positions from x on into one output of all channels. The sums of channels are kept in
 * `best` from the first block of a window to its last, which makes the output.
 */
EDGECNN_INLINE void kernel_conv_2d_dsp_pooled(const kernel_conv_2d_dsp_params *p, const int8_t *const *rows, int x,
                                              int count, int first, int last, int8_t *output, int part,
                                              int32_t *working)
{
    uint32_t *columns = (uint32_t *)working;
    int32_t *best = working + 2 * p->columns * p->groups, *sums = best + p->out_c;
    const int32_t *filter = p->filter, *scale = p->scale;
    const int8_t *shift = p->shift;
    kernel_conv_2d_dsp_columns(p, rows, x, count, columns, (int8_t *)sums);
    for (int begin = 0; begin < p->out_c; begin += p->channels) {
        const int channels = kernel_conv_2d_dsp_channels(p, begin);
        const int32_t *sum = sums;
        filter = kernel_conv_2d_dsp_block(p, columns, count, filter, channels, sums);
        for (int c = begin; c < begin + channels; c += 2, sum += 2 * count) {
            int32_t one = kernel_conv_2d_dsp_largest(p, sum, 0, count);
            int32_t two = kernel_conv_2d_dsp_largest(p, sum, 1, count);
            const int second = c + 1 < p->out_c;
            if (!first) {
                one = one > best[c] ? one : best[c];
                two = second && two < best[c + 1] ? best[c + 1] : two;
            }
            if (last) {
                kernel_conv_2d_dsp_pool(p, one, scale, -shift[0], part, output);
                if (second) {
                    kernel_conv_2d_dsp_pool(p, two, scale + 2, -shift[1], part, output + 1);
                }
                scale += 4;
                shift += 2;
                output += 2;
            } else {
                best[c] = one;
                best[c + second] = second ? two : one;
            }
        }
    }
}

/* One output of all channels: the maximum over a window, and with part > 0 over the output as it is. */
EDGECNN_INLINE void kernel_conv_2d_dsp_window(const kernel_conv_2d_dsp_params *p, const int8_t *const *rows, int x,
                                              int8_t *output, int part, int32_t *working)
{
    const int w = p->pool_w, h = p->pool_h;
    for (int y = 0; y < h; ++y, rows += p->stride_h) {
        for (int i = 0, count; i < w; i += count) {
            const int at = x * p->pool_stride_w + i, first = y == 0 && i == 0;
            count = kernel_conv_2d_dsp_count(p, w - i, w);
            if (count == 3) {
                kernel_conv_2d_dsp_pooled(p, rows, at, 3, first, y + 1 == h && i + 3 == w, output, part, working);
            } else if (count == 2) {
                kernel_conv_2d_dsp_pooled(p, rows, at, 2, first, y + 1 == h && i + 2 == w, output, part, working);
            } else {
                kernel_conv_2d_dsp_pooled(p, rows, at, 1, first, y + 1 == h && i + 1 == w, output, part, working);
            }
        }
    }
}

/* One row of (pooled) outputs. With part > 0 the row holds the maximum of earlier parts. */
EDGECNN_INLINE void kernel_conv_2d_dsp(const kernel_conv_2d_dsp_params *p, const int8_t *const *rows,
                                       int8_t *output, int part, int32_t *working)
{
    if (p->pool_h * p->pool_w > 1 || part > 0) {
        for (int x = 0; x < p->out_w; ++x, output += p->out_c) {
            kernel_conv_2d_dsp_window(p, rows, x, output, part, working);
        }
        return;
    }
    for (int x = 0, count; x < p->out_w; x += count, output += count * p->out_c) {
        count = kernel_conv_2d_dsp_count(p, p->out_w - x, p->out_w);
        if (count == 3) {
            kernel_conv_2d_dsp_outputs(p, rows, x, 3, output, working);
        } else if (count == 2) {
            kernel_conv_2d_dsp_outputs(p, rows, x, 2, output, working);
        } else {
            kernel_conv_2d_dsp_outputs(p, rows, x, 1, output, working);
        }
    }
}
