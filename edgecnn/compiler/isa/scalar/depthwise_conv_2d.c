/* SPDX-License-Identifier: Apache-2.0 */
#include "scalar.h"

/* Adds to the sums of three or four neighbouring outputs the products with one row of three taps, whose columns are
 * `step` bytes apart: each value is loaded once.
 */
EDGECNN_INLINE void kernel_depthwise_conv_2d_scalar_three(const int8_t *x, int step, int stride, int outputs,
                                                          const int8_t *filter, int32_t *sums)
{
    const int32_t a = filter[0], b = filter[1], c = filter[2];
    int32_t value = x[0];
    sums[0] += a * value;
    value = x[step];
    sums[0] += b * value;
    if (stride == 1) {
        sums[1] += a * value;
        value = x[2 * step];
        sums[0] += c * value;
        sums[1] += b * value;
        sums[2] += a * value;
        value = x[3 * step];
        sums[1] += c * value;
        sums[2] += b * value;
        if (outputs == 4) {
            sums[3] += a * value;
        }
        value = x[4 * step];
        sums[2] += c * value;
        if (outputs == 4) {
            sums[3] += b * value;
            sums[3] += c * x[5 * step];
        }
        return;
    }
    value = x[2 * step];
    sums[0] += c * value;
    sums[1] += a * value;
    value = x[3 * step];
    sums[1] += b * value;
    value = x[4 * step];
    sums[1] += c * value;
    sums[2] += a * value;
    value = x[5 * step];
    sums[2] += b * value;
    value = x[6 * step];
    sums[2] += c * value;
    if (outputs == 4) {
        sums[3] += a * value;
        sums[3] += b * x[7 * step];
        sums[3] += c * x[8 * step];
    }
}

/* The same for one row of any filter. */
EDGECNN_INLINE void kernel_depthwise_conv_2d_scalar_row(const kernel_depthwise_conv_2d_scalar_params *p,
                                                        const int8_t *x, const int8_t *filter, int32_t *sums)
{
    const int next = p->stride_w * p->in_c;
    if (p->filter_w == 3 && p->dilation_w == 1 && p->stride_w <= 2) {
        kernel_depthwise_conv_2d_scalar_three(x, p->in_c, p->stride_w, p->outputs, filter, sums);
        return;
    }
    for (int i = 0; i < p->filter_w; ++i, x += p->dilation_w * p->in_c) {
        const int32_t weight = filter[i];
        sums[0] += weight * x[0];
        sums[1] += weight * x[next];
        sums[2] += weight * x[2 * next];
        if (p->outputs == 4) {
            sums[3] += weight * x[3 * next];
        }
    }
}

/* Makes an output of a sum without bias. */
EDGECNN_INLINE int8_t kernel_depthwise_conv_2d_scalar_output(const kernel_depthwise_conv_2d_scalar_params *p,
                                                             int32_t sum, int32_t bias, int32_t multiplier, int right)
{
    const int32_t min = p->activation_min, max = p->activation_max;
    if (p->general_scale) {
        sum = kernel_requantize(sum + bias, multiplier, -right);
        return kernel_clamp(kernel_offset(sum, p->output_zero_point), min, max);
    }
    return kernel_saturate(
        kernel_scale(2 * sum + kernel_twice(bias), multiplier, kernel_rounding(p->output_zero_point, right), right),
        min, max);
}

/* Makes `count` neighbouring outputs, p->outputs at most, `channels` of each from number c on, from where the rows of
 * their windows begin.
 */
EDGECNN_INLINE void kernel_depthwise_conv_2d_scalar_outputs(const kernel_depthwise_conv_2d_scalar_params *p,
                                                            const int8_t *const *windows, int c, int channels,
                                                            int count, int8_t *output)
{
    const int8_t *filter = p->filter + c * p->filter_h * p->filter_w;
    output += c;
    for (int i = 0; i < channels; ++i, ++c, ++output) {
        const int32_t bias = p->scale[2 * c], multiplier = p->scale[2 * c + 1];
        const int right = -p->shift[c];
        int32_t sums[4] = {0, 0, 0, 0};
        for (int y = 0; y < p->filter_h; ++y, filter += p->filter_w) {
            kernel_depthwise_conv_2d_scalar_row(p, windows[y] + i, filter, sums);
        }
        output[0] = kernel_depthwise_conv_2d_scalar_output(p, sums[0], bias, multiplier, right);
        if (count > 1) {
            output[p->in_c] = kernel_depthwise_conv_2d_scalar_output(p, sums[1], bias, multiplier, right);
        }
        if (count > 2) {
            output[2 * p->in_c] = kernel_depthwise_conv_2d_scalar_output(p, sums[2], bias, multiplier, right);
        }
        if (p->outputs == 4 && count > 3) {
            output[3 * p->in_c] = kernel_depthwise_conv_2d_scalar_output(p, sums[3], bias, multiplier, right);
        }
    }
}

/* Copies `channels` of `columns` values of a row from column x on, with padding, to every in_c bytes of a tile. */
EDGECNN_INLINE void kernel_depthwise_conv_2d_scalar_copy(const kernel_depthwise_conv_2d_scalar_params *p,
                                                         const int8_t *row, int x, int columns, int channels,
                                                         int8_t *tile)
{
    if (channels == p->in_c) {
        const int left = x < 0 ? -x : 0, right = x + columns > p->in_w ? x + columns - p->in_w : 0;
        memset(tile, p->input_zero_point, (size_t)columns * (size_t)channels);
        if (row != NULL && left + right < columns) {
            memcpy(tile + left * channels, row + (x + left) * channels,
                   (size_t)(columns - left - right) * (size_t)channels);
        }
        return;
    }
    for (const int end = x + columns; x < end; ++x, tile += p->in_c) {
        if (row == NULL || x < 0 || x >= p->in_w) {
            memset(tile, p->input_zero_point, (size_t)channels);
        } else {
            memcpy(tile, row + x * p->in_c, (size_t)channels);
        }
    }
}

/* Columns `first` to `end` - 1 of one row of outputs. */
EDGECNN_INLINE void kernel_depthwise_conv_2d_scalar(const kernel_depthwise_conv_2d_scalar_params *p,
                                                    const int8_t *const *rows, int8_t *output, int first, int end,
                                                    int32_t *working)
{
    const int columns = (p->outputs - 1) * p->stride_w + (p->filter_w - 1) * p->dilation_w + 1; /* of all windows */
    /* Windows with padding are copied; of many channels some at a time, so that the rows of a tile interleave. */
    const int few = p->in_c < 32, group = few ? p->in_c : p->in_c / p->filter_h;
    const int step = few ? columns * p->in_c : group;
    for (int x = first; x < end; x += p->outputs, output += p->outputs * p->in_c) {
        const int begin = x * p->stride_w - p->pad_w, count = end - x < p->outputs ? end - x : p->outputs;
        const int8_t *windows[7];
        int inside = begin >= 0 && begin + columns <= p->in_w;
        for (int y = 0; y < p->filter_h; ++y) {
            inside = inside && rows[y * p->dilation_h] != NULL;
        }
        for (int c = 0, channels; c < p->in_c; c += channels) {
            channels = inside ? p->in_c : p->in_c - c < group ? p->in_c - c : group;
            for (int y = 0; y < p->filter_h; ++y) {
                const int8_t *row = rows[y * p->dilation_h];
                int8_t *tile = (int8_t *)working + y * step;
                windows[y] = inside ? row + begin * p->in_c : tile;
                if (!inside) {
                    kernel_depthwise_conv_2d_scalar_copy(p, row == NULL ? NULL : row + c, begin, columns, channels,
                                                         tile);
                }
            }
            kernel_depthwise_conv_2d_scalar_outputs(p, windows, c, channels, count, output);
        }
    }
}
