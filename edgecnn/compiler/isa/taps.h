/* SPDX-License-Identifier: Apache-2.0 */
/* Where the taps of a window lie, for kernels that read many channels of one tap after the other. */
#ifndef EDGECNN_TAPS_H
#define EDGECNN_TAPS_H

#include "../ops/kernel.h"

/* A place for pointers, of which all that is known is that it is aligned to four bytes. */
#if defined(__GNUC__)
#define EDGECNN_POINTERS(place) __builtin_assume_aligned(place, 4)
#else
#define EDGECNN_POINTERS(place) (place)
#endif

/* The shape of windows, and of the rows that they lie on. */
typedef struct {
    int filter_h, filter_w, dilation_h, dilation_w, in_w, in_c;
} kernel_window_shape;

/* Notes where the taps of the window whose first column is x lie: pointers, one behind the other; `padding` is where
 * those lie that no row has.
 */
EDGECNN_INLINE void kernel_note_taps(const kernel_window_shape *s, const int8_t *const *rows, int x,
                                     const int8_t *padding, int8_t *taps)
{
    const int inside = x >= 0 && x + (s->filter_w - 1) * s->dilation_w < s->in_w;
    for (int y = 0; y < s->filter_h; ++y) {
        const int8_t *row = rows[y * s->dilation_h];
        if (row != NULL && inside) {
            const int8_t *tap = row + x * s->in_c;
            for (int i = 0; i < s->filter_w; ++i, tap += s->dilation_w * s->in_c) {
                memcpy(EDGECNN_POINTERS(taps), &tap, sizeof tap);
                taps += sizeof tap;
            }
            continue;
        }
        for (int i = 0, column = x; i < s->filter_w; ++i, column += s->dilation_w) {
            const int8_t *tap = kernel_is_padding(row, column, s->in_w) ? padding : row + column * s->in_c;
            memcpy(EDGECNN_POINTERS(taps), &tap, sizeof tap);
            taps += sizeof tap;
        }
    }
}

/* The tap number i of those that are noted. */
EDGECNN_INLINE const int8_t *kernel_noted_tap(const int8_t *taps, int i)
{
    const int8_t *tap;
    memcpy(&tap, EDGECNN_POINTERS(taps + (size_t)i * sizeof tap), sizeof tap);
    return tap;
}

#endif
