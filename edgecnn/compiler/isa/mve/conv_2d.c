/* SPDX-License-Identifier: Apache-2.0 */
#include "mve_dot.h"
#include "mve_scale.h"

/* Writes the taps of the window whose first column is x. */
EDGECNN_INLINE void kernel_conv_2d_mve_column(const kernel_conv_2d_mve_params *p, const int8_t *const *rows, int x,
                                              int8_t *column)
{
    const int inside = kernel_inside(x, p->filter_w, p->dilation_w, p->in_w), taps = p->filter_w * p->in_c;
    for (int y = 0; y < p->filter_h; ++y, column += taps) {
        const int8_t *row = rows[y * p->dilation_h];
        if (row == NULL) {
            kernel_fill(column, p->input_zero_point, taps);
        } else if (inside) {
            kernel_copy(column, row + x * p->in_c, taps);
        } else {
            for (int i = 0; i < p->filter_w; ++i) {
                const int at = x + i * p->dilation_w;
                if (at < 0 || at >= p->in_w) {
                    kernel_fill(column + i * p->in_c, p->input_zero_point, p->in_c);
                } else {
                    kernel_copy(column + i * p->in_c, row + at * p->in_c, p->in_c);
                }
            }
        }
    }
}

/* Writes the taps of four windows, the first of which begins `offset` bytes behind the rows' beginning. It has a frame
 * of its own: in the large one of its callers GCC at -O0 has no register left for the assembly.
 */
EDGECNN_SHARED void kernel_conv_2d_mve_gather(const kernel_conv_2d_mve_params *p, const int8_t *const *rows, int offset,
                                              int8_t *columns)
{
    const int taps = p->filter_w * p->in_c;
#if EDGECNN_MVE
    const int32_t height = p->filter_h;
    __asm__ volatile("vldrb.8 q1, [%[bytes]]\n\t"
                     "vldrb.8 q2, [%[bytes], #16]\n\t"
                     "ldr lr, %[height]\n\t"
                     "dls lr, lr\n"
                     "1:\n\t"
                     "ldr r2, [%[rows]]\n\t"
                     "add %[rows], %[rows], %[apart]\n\t"
                     "add r2, r2, %[offset]\n\t"
                     "vldrb.u8 q0, [r2, q1]\n\t"
                     "vstrb.8 q0, [%[columns], q2]\n\t"
                     "add %[columns], %[columns], %[taps]\n\t"
                     "le lr, 1b"
                     : [rows] "+r"(rows), [columns] "+r"(columns)
                     : [bytes] "r"(p->bytes), [height] "m"(height), [apart] "r"(4 * p->dilation_h),
                       [offset] "r"(offset), [taps] "r"(taps)
                     : "r2", "q0", "q1", "q2", "lr", "memory");
#else
    for (int y = 0; y < p->filter_h; ++y, columns += taps) {
        for (int i = 0; i < 16; ++i) {
            columns[p->bytes[16 + i]] = rows[y * p->dilation_h][offset + p->bytes[i]];
        }
    }
#endif
}

/* Writes the taps of three windows, the first of which begins `offset` bytes behind the rows' beginning. */
EDGECNN_SHARED void kernel_conv_2d_mve_three(const kernel_conv_2d_mve_params *p, const int8_t *const *rows, int offset,
                                             int8_t *columns)
{
#if EDGECNN_MVE
    const int apart = 4 * p->dilation_h;
    register const int8_t *const *from __asm__("r0") = rows;
    register const int8_t *const *const end __asm__("r12") = rows + p->filter_h * p->dilation_h;
    register const int taps __asm__("r1") = p->filter_w * p->in_c, step __asm__("r2") = p->stride_w * p->in_c;
    register const int size __asm__("r3") = p->column;
    register int8_t *to __asm__("r4") = columns;
    __asm__ volatile("1:\n\t"
                     "ldr r5, [r0]\n\t"
                     "ldr lr, %[offset]\n\t"
                     "mov r9, r4\n\t"
                     "add r10, r4, r3\n\t"
                     "add r11, r10, r3\n\t"
                     "add r4, r4, r1\n\t"
                     "add r5, r5, lr\n\t"
                     "add r6, r5, r2\n\t"
                     "add r8, r6, r2\n\t"
                     "ldr lr, %[apart]\n\t"
                     "add r0, r0, lr\n\t"
                     "dlstp.8 lr, r1\n"
                     "2:\n\t"
                     "vldrb.8 q0, [r5], #16\n\t"
                     "vstrb.8 q0, [r9], #16\n\t"
                     "vldrb.8 q1, [r6], #16\n\t"
                     "vstrb.8 q1, [r10], #16\n\t"
                     "vldrb.8 q2, [r8], #16\n\t"
                     "vstrb.8 q2, [r11], #16\n\t"
                     "letp lr, 2b\n\t"
                     "cmp r0, r12\n\t"
                     "bne 1b"
                     : "+r"(from), "+r"(to)
                     : "r"(end), "r"(taps), "r"(step), "r"(size), [offset] "m"(offset), [apart] "m"(apart)
                     : "r5", "r6", "r8", "r9", "r10", "r11", "lr", "q0", "q1", "q2", "cc", "memory");
#else
    const int taps = p->filter_w * p->in_c;
    for (int y = 0; y < p->filter_h; ++y, columns += taps) {
        for (int k = 0; k < 3; ++k) {
            memcpy(columns + k * p->column, rows[y * p->dilation_h] + offset + k * p->stride_w * p->in_c, (size_t)taps);
        }
    }
#endif
}

/* The columns of `count` positions: of the window at x from its number `at` on, then of the windows behind. Returns the
 * first, and in `step` how far apart they lie. With `complete` no row is padding.
 */
EDGECNN_INLINE const int8_t *kernel_conv_2d_mve_columns(const kernel_conv_2d_mve_params *p, const int8_t *const *rows,
                                                        int complete, int x, int at, int count, int8_t *columns,
                                                        int *step)
{
    int y = at / p->pool_w, i = at % p->pool_w;
    const int even = (p->pool_h == 1 && p->pool_stride_w == p->pool_w) || i + count <= p->pool_w;
    const int left = (x * p->pool_stride_w + i) * p->stride_w - p->pad_w;
    const int inside = left >= 0 && left + (count - 1) * p->stride_w + p->filter_w <= p->in_w && p->dilation_w == 1;
    *step = p->column;
    if (p->column == 0) {
        *step = p->stride_w * p->in_c;
        return rows[0] + x * *step;
    }
    if (complete && even && inside && count == 4 && p->bytes != NULL) {
        kernel_conv_2d_mve_gather(p, rows + y * p->stride_h, left * p->in_c, columns);
        return columns;
    }
    if (complete && even && inside && count == 3) {
        kernel_conv_2d_mve_three(p, rows + y * p->stride_h, left * p->in_c, columns);
        return columns;
    }
    for (int k = 0; k < count; ++k) {
        kernel_conv_2d_mve_column(p, rows + y * p->stride_h, (x * p->pool_stride_w + i) * p->stride_w - p->pad_w,
                                  columns + k * p->column);
        if (++i == p->pool_w) {
            i = 0;
            if (++y == p->pool_h) {
                y = 0;
                ++x;
            }
        }
    }
    return columns;
}

/* The sums, without bias, of `count` columns and of `channels` channels from number c on. */
EDGECNN_INLINE void kernel_conv_2d_mve_sums(const kernel_conv_2d_mve_params *p, const int8_t *columns, int step,
                                            int count, int c, int channels, int32_t *sums)
{
    const int taps = p->filter_h * p->filter_w * p->in_c;
    const int8_t *filter = kernel_weights_behind(p->filter, c * taps);
    int done = channels / 2 * 2;
    if (taps <= 32) {
        const int8_t *from[4];
        for (int k = 0; k < 4; ++k) {
            from[k] = columns + (k < count ? k : count - 1) * step;
        }
        if (done > 0 && taps <= 16) {
            kernel_dot_16(from, filter, taps, done, sums);
        } else if (done > 0) {
            kernel_dot_32(from, filter, taps, done, sums);
        }
    } else if (count == 1) {
        done = channels / 4 * 4;
        memset(sums, 0, (size_t)done * sizeof *sums);
        if (done > 0) {
            kernel_dot_1(columns, filter, taps, taps, done, sums);
        }
    } else if (done > 0 && count == 2) {
        kernel_dot_2(columns, step, filter, taps, done, sums);
    } else if (done > 0) {
        kernel_dot_3(columns, step, filter, taps, done, sums);
    }
    for (; done < channels; ++done) {
        for (int k = 0; k < count; ++k) {
            sums[k * EDGECNN_ROW + done] = kernel_channel_sum(0, columns + k * step, filter, done, taps, taps);
        }
    }
}

/* Scales `count` rows of sums to outputs; with part > 0 these keep what is larger. */
EDGECNN_INLINE void kernel_conv_2d_mve_write(const kernel_conv_2d_mve_params *p, int32_t *sums, int c, int channels,
                                             int count, int8_t *output, int part)
{
    const kernel_scaling scaling = {p->bias, p->multiplier, p->shift, p->output_zero_point, p->activation_min,
                                    p->activation_max, p->rounding};
    if (part == 0) {
        kernel_scale_sums(&scaling, sums, c, channels, count, output + c, p->out_c);
        return;
    }
    /* The bytes made of a row of sums lie at its beginning: what is there has been read by then. */
    kernel_scale_sums(&scaling, sums, c, channels, count, (int8_t *)sums, 4 * EDGECNN_ROW);
    for (int k = 0; k < count; ++k) {
        kernel_larger(output + k * p->out_c + c, (int8_t *)(sums + k * EDGECNN_ROW), channels);
    }
}

/* Makes `count` outputs of all channels from number x on, all of whose positions are computed at once. */
EDGECNN_INLINE void kernel_conv_2d_mve_outputs(const kernel_conv_2d_mve_params *p, const int8_t *const *rows,
                                               int complete, int x, int count, int8_t *output, int part,
                                               int32_t *working)
{
    const int all = p->pool_h * p->pool_w;
    int32_t *sums = working + p->columns * p->column / 4;
    int step;
    const int8_t *columns =
        kernel_conv_2d_mve_columns(p, rows, complete, x, 0, count * all, (int8_t *)working, &step);
    for (int c = 0; c < p->out_c; c += EDGECNN_ROW) {
        const int channels = p->out_c - c < EDGECNN_ROW ? p->out_c - c : EDGECNN_ROW;
        kernel_conv_2d_mve_sums(p, columns, step, count * all, c, channels, sums);
        for (int k = 0; k < count && all > 1; ++k) {
            kernel_largest(sums + k * EDGECNN_ROW, sums + k * all * EDGECNN_ROW, channels, all, 1);
        }
        kernel_conv_2d_mve_write(p, sums, c, channels, count, output, part);
    }
}

/* How many of `left` positions are computed at once: not three where two and two remain. */
EDGECNN_INLINE int kernel_conv_2d_mve_count(const kernel_conv_2d_mve_params *p, int left)
{
    const int most = p->columns == 3 && left == 4 ? 2 : p->columns;
    return left < most ? left : most;
}

/* Makes one output of all channels, whose positions are too many for that. */
EDGECNN_INLINE void kernel_conv_2d_mve_large(const kernel_conv_2d_mve_params *p, const int8_t *const *rows,
                                             int complete, int x, int8_t *output, int part, int32_t *working)
{
    const int all = p->pool_h * p->pool_w;
    int32_t *best = working + p->columns * p->column / 4, *sums = best + p->out_c;
    for (int at = 0, count; at < all; at += count) {
        int step;
        const int8_t *columns;
        count = kernel_conv_2d_mve_count(p, all - at);
        columns = kernel_conv_2d_mve_columns(p, rows, complete, x, at, count, (int8_t *)working, &step);
        for (int c = 0; c < p->out_c; c += EDGECNN_ROW) {
            const int channels = p->out_c - c < EDGECNN_ROW ? p->out_c - c : EDGECNN_ROW;
            kernel_conv_2d_mve_sums(p, columns, step, count, c, channels, sums);
            kernel_largest(best + c, sums, channels, count, at == 0);
        }
    }
    for (int c = 0; c < p->out_c; c += EDGECNN_ROW) {
        const int channels = p->out_c - c < EDGECNN_ROW ? p->out_c - c : EDGECNN_ROW;
        kernel_conv_2d_mve_write(p, best + c, c, channels, 1, output, part);
    }
}

/* One row of (pooled) outputs. With part > 0 the row holds the maximum of earlier parts. */
EDGECNN_INLINE void kernel_conv_2d_mve(const kernel_conv_2d_mve_params *p, const int8_t *const *rows, int8_t *output,
                                       int part, int32_t *working)
{
    const int all = p->pool_h * p->pool_w;
    int complete = 1;
    for (int y = 0; y < p->pool_h * p->filter_h; ++y) {
        complete &= rows[y / p->filter_h * p->stride_h + y % p->filter_h * p->dilation_h] != NULL;
    }
    for (int x = 0, count; x < p->out_w; x += count, output += count * p->out_c) {
        if (all > p->columns) {
            count = 1;
            kernel_conv_2d_mve_large(p, rows, complete, x, output, part, working);
        } else {
            const int left = (p->out_w - x) * all;
            count = kernel_conv_2d_mve_count(p, left) / all;
            kernel_conv_2d_mve_outputs(p, rows, complete, x, count, output, part, working);
        }
    }
}
