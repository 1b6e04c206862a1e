/* SPDX-License-Identifier: Apache-2.0 */
#include "mve_scale.h"

/* Rows of 8 or 16 channels are interleaved, so that bytes of one channel and of up to four filter rows are a word.
 * Words of four columns are gathered to a vector: a window of 3 x 3 is one, and its products are one VMLADAV.
 */
#if EDGECNN_MVE
#define EDGECNN_INTERLEAVE(begin, loaded, end)                                                                         \
    __asm__ volatile("ldrd r0, r1, [r11]\n\t"                                                                          \
                     "ldrd r2, r3, [r11, #8]\n\t"                                                                      \
                     "ldrd r4, r5, [r12]\n\t"                                                                          \
                     "ldrd r6, r8, [r12, #8]\n\t"                                                                      \
                     begin                                                                                             \
                     "vldrb.8 q0, [r0]\n\t"                                                                            \
                     "add r0, r0, r4\n\t"                                                                              \
                     "vldrb.8 q1, [r1]\n\t"                                                                            \
                     "add r1, r1, r5\n\t"                                                                              \
                     "vldrb.8 q2, [r2]\n\t"                                                                            \
                     "add r2, r2, r6\n\t"                                                                              \
                     "vldrb.8 q3, [r3]\n\t"                                                                            \
                     "add r3, r3, r8\n\t"                                                                              \
                     loaded                                                                                            \
                     "vst40.8 {q0, q1, q2, q3}, [r9]\n\t"                                                              \
                     "vst41.8 {q0, q1, q2, q3}, [r9]\n\t"                                                              \
                     "vst42.8 {q0, q1, q2, q3}, [r9]\n\t"                                                              \
                     "vst43.8 {q0, q1, q2, q3}, [r9]\n\t"                                                              \
                     "add r9, r9, r10\n\t"                                                                             \
                     end                                                                                               \
                     : "+r"(from), "+r"(apart), "+r"(made)                                                             \
                     : "r"(next), [channels] "m"(channels), [count] "m"(count)                                         \
                     : "r0", "r1", "r2", "r3", "r4", "r5", "r6", "r8", "lr", "q0", "q1", "q2", "q3", "cc", "memory")
#endif

/* Interleaves `channels` bytes each of `count` columns of four rows; those of a row lie steps[row] bytes apart, what is
 * made of a column `size`. Always writes 64 bytes for the last one.
 */
EDGECNN_SHARED void kernel_depthwise_conv_2d_mve_interleave(const int8_t *const *rows, const int *steps, int channels,
                                                            int count, int8_t *to, int size)
{
#if EDGECNN_MVE
    register const int8_t *const *from __asm__("r11") = rows;
    register const int *apart __asm__("r12") = steps;
    register int8_t *made __asm__("r9") = to;
    register const int next __asm__("r10") = size;
    if (channels == 16) {
        EDGECNN_INTERLEAVE("ldr r12, %[count]\n\tdls lr, r12\n1:\n\t", "", "le lr, 1b");
    } else {
        EDGECNN_INTERLEAVE("ldr r11, %[channels]\n\tldr r12, %[count]\n1:\n\tdlstp.8 lr, r11\n\t", "lctp\n\t",
                           "subs r12, r12, #1\n\tbne 1b");
    }
#else
    for (int x = 0; x < count; ++x) {
        for (int i = 0; i < 4 * channels; ++i) {
            to[x * size + i] = rows[i % 4][x * steps[i % 4] + i / 4];
        }
    }
#endif
}

#if EDGECNN_MVE
#define EDGECNN_WINDOWS(load, multiply)                                                                                \
    __asm__ volatile("mov r0, #0\n\t"                                                                                  \
                     "vidup.u32 q0, r0, #1\n\t"                                                                        \
                     "vmul.i32 q1, q0, %[size]\n\t"                                                                    \
                     "vmul.i32 q0, q0, %[apart]\n\t"                                                                   \
                     "vadd.i32 q1, q1, %[filter]\n\t"                                                                  \
                     "vadd.i32 q0, q0, %[from]\n\t"                                                                    \
                     "vldrw.32 q4, [q1]\n\t"                                                                           \
                     "vldrw.32 q5, [q1, #4]\n\t"                                                                       \
                     "vldrw.32 q6, [q1, #8]\n\t"                                                                       \
                     "vldrw.32 q7, [q1, #12]\n\t"                                                                      \
                     "dls lr, %[count]\n"                                                                              \
                     "1:\n\t"                                                                                          \
                     load                                                                                              \
                     "vldrw.32 q1, [q0]\n\t"                                                                           \
                     "vldrw.32 q2, [q0, #4]\n\t"                                                                       \
                     multiply " r0, q1, q4\n\t"                                                                        \
                     "vldrw.32 q3, [q0, #8]\n\t"                                                                       \
                     multiply " r2, q2, q5\n\t"                                                                        \
                     "vldrw.32 q1, [q0, #12]\n\t"                                                                      \
                     multiply " r4, q3, q6\n\t"                                                                        \
                     multiply " r6, q1, q7\n\t"                                                                        \
                     "vadd.i32 q0, q0, %[step]\n\t"                                                                    \
                     "strd r4, r6, [%[sums], #8]\n\t"                                                                  \
                     "strd r0, r2, [%[sums]], #16\n\t"                                                                 \
                     "le lr, 1b"                                                                                       \
                     : [sums] "+r"(made)                                                                               \
                     : [from] "r"(from), [filter] "r"(weights), [apart] "r"(distance), [step] "r"(next),               \
                       [count] "r"(positions), [size] "r"(width)                                                       \
                     : "r0", "r2", "r4", "r6", "lr", "q0", "q1", "q2", "q3", "q4", "q5", "q6", "q7", "memory")
#endif

/* Products of four channels' windows, of up to four columns `apart` bytes apart, at `count` positions that lie `step`
 * bytes apart; columns of weights lie `size` bytes apart. With `first` they are written to `sums`, else added.
 */
EDGECNN_SHARED void kernel_depthwise_conv_2d_mve_windows(const int8_t *columns, int apart, int step,
                                                         const int8_t *filter, int size, int count, int first,
                                                         int32_t *sums)
{
#if EDGECNN_MVE
    register const int8_t *from __asm__("r1") = columns, *weights __asm__("r3") = filter;
    register const int distance __asm__("r5") = apart, next __asm__("r8") = step, positions __asm__("r9") = count;
    register const int width __asm__("r11") = size;
    register int32_t *made __asm__("r10") = sums;
    if (first) {
        EDGECNN_WINDOWS("", "vmladav.s8");
    } else {
        EDGECNN_WINDOWS("ldrd r0, r2, [%[sums]]\n\tldrd r4, r6, [%[sums], #8]\n\t", "vmladava.s8");
    }
#else
    for (int k = 0; k < count; ++k, columns += step) {
        for (int c = 0; c < 4; ++c, ++sums) {
            *sums = first ? 0 : *sums;
            for (int i = 0; i < 16; ++i) {
                const int at = 4 * c + i % 4;
                *sums += columns[i / 4 * apart + at] * filter[i / 4 * size + at];
            }
        }
    }
#endif
}

/* Interleaves the weights of `channels` channels from number c on: for each four filter rows as many columns as fill
 * whole vectors. What is not there is zero, of which `zeros` has 16 bytes.
 */
EDGECNN_INLINE void kernel_depthwise_conv_2d_mve_weights(const kernel_depthwise_conv_2d_mve_params *p, int c,
                                                         int channels, const int8_t *zeros, int8_t *to)
{
    const int width = (p->filter_w + 3) / 4 * 4, size = 4 * p->channels;
    for (int y = 0; y < p->filter_h; y += 4, to += width * size) {
        const int8_t *from[4];
        int steps[4];
        for (int i = 0; i < 4; ++i) {
            const int inside = y + i < p->filter_h;
            from[i] = inside ? p->filter + (y + i) * p->filter_w * p->in_c + c : zeros;
            steps[i] = inside ? p->in_c : 0;
        }
        kernel_depthwise_conv_2d_mve_interleave(from, steps, channels, p->filter_w, to, size);
        if (width > p->filter_w) {
            kernel_fill(to + p->filter_w * size, 0, (width - p->filter_w) * size);
        }
    }
}

/* Interleaves `count` columns from column x on of `channels` channels from number c on; `padding` has 16 bytes. */
EDGECNN_INLINE void kernel_depthwise_conv_2d_mve_columns(const kernel_depthwise_conv_2d_mve_params *p,
                                                         const int8_t *const *rows, int x, int count, int c,
                                                         int channels, const int8_t *padding, int8_t *to)
{
    const int first = x < 0 ? -x : 0, end = x + count > p->in_w ? p->in_w - x : count, size = 4 * p->channels;
    for (int y = 0; y < p->filter_h; y += 4, to += p->stretch * size) {
        const int8_t *from[4];
        int steps[4];
        for (int i = 0; i < 4; ++i) {
            const int8_t *row = y + i < p->filter_h ? rows[(y + i) * p->dilation_h] : NULL;
            from[i] = row == NULL ? padding : row + (x + first) * p->in_c + c;
            steps[i] = row == NULL ? 0 : p->in_c;
        }
        if (first > 0) {
            kernel_fill(to, p->input_zero_point, (first < count ? first : count) * size);
        }
        if (end > first) {
            kernel_depthwise_conv_2d_mve_interleave(from, steps, channels, end - first, to + first * size,
                                                    size);
        }
        if (end < count) {
            const int at = end > 0 ? end : 0;
            kernel_fill(to + at * size, p->input_zero_point, (count - at) * size);
        }
    }
}

/* The sums of four channels at `count` positions, from interleaved columns and weights. */
EDGECNN_INLINE void kernel_depthwise_conv_2d_mve_sums(const kernel_depthwise_conv_2d_mve_params *p,
                                                      const int8_t *columns, const int8_t *weights, int count,
                                                      int32_t *sums)
{
    const int size = 4 * p->channels, apart = p->dilation_w * size;
    for (int y = 0; y < p->filter_h; y += 4, columns += p->stretch * size) {
        for (int i = 0; i < p->filter_w; i += 4, weights += 4 * size) {
            kernel_depthwise_conv_2d_mve_windows(columns + i * apart, apart, p->stride_w * size, weights,
                                                 size, count, y == 0 && i == 0, sums);
        }
    }
}

/* Columns `first` to `end` - 1 of one row of outputs. */
EDGECNN_INLINE void kernel_depthwise_conv_2d_mve(const kernel_depthwise_conv_2d_mve_params *p,
                                                 const int8_t *const *rows, int8_t *output, int first, int end,
                                                 int32_t *working)
{
    const kernel_scaling scaling = {p->bias, p->multiplier, p->shift, p->output_zero_point, p->activation_min,
                                    p->activation_max, p->rounding};
    const int groups = (p->filter_h + 3) / 4, size = 4 * p->channels;
    const int all = p->in_c < p->channels ? p->in_c : p->channels;
    int8_t *zeros = (int8_t *)working, *padding = zeros + 16, *weights = padding + 16;
    int8_t *columns = weights + groups * ((p->filter_w + 3) / 4 * 4) * size;
    int32_t *sums = (int32_t *)(void *)(columns + groups * p->stretch * size);
    kernel_fill(zeros, 0, 16);
    kernel_fill(padding, p->input_zero_point, 16);
    for (int begin = 0; begin < p->in_c; begin += p->channels) {
        /* The last channels may overlap those before, and so may the last four. */
        const int c = begin < p->in_c - all ? begin : p->in_c - all;
        kernel_depthwise_conv_2d_mve_weights(p, c, all, zeros, weights);
        for (int x = first, count; x < end; x += count) {
            const int left = p->stride_w * x - p->pad_w;
            count = end - x < p->columns ? end - x : p->columns;
            kernel_depthwise_conv_2d_mve_columns(
                p, rows, left, (count - 1) * p->stride_w + (p->filter_w - 1) * p->dilation_w + 1, c, all, padding,
                columns);
            for (int next = begin; next < c + all; next += 4) {
                const int four = next < p->in_c - 4 ? next : p->in_c - 4, word = 4 * (four - c);
                kernel_depthwise_conv_2d_mve_sums(p, columns + word, weights + word, count, sums);
                kernel_scale_four(&scaling, sums, four, count, output + (x - first) * p->in_c + four, p->in_c);
            }
        }
    }
}
