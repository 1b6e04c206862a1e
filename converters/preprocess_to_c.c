/* SPDX-License-Identifier: Apache-2.0 */
/* The body of NAME_preprocess.c. preprocess_to_c.py puts the model's name in place of NAME, and writes before it
 * NAME_quantize, which turns a byte at a place in a row into the model's int8. This code repeats edgecnn/data/frames.py and
 * edgecnn/data/resize.py to the byte.
 */
#include "NAME_preprocess.h"

enum {
    NAME_CHANNELS = EDGECNN_NAME_PREPROCESS_CHANNELS,
    NAME_WIDTH = EDGECNN_NAME_PREPROCESS_WIDTH,
    NAME_HEIGHT = EDGECNN_NAME_PREPROCESS_HEIGHT,
    NAME_ROW = NAME_WIDTH * NAME_CHANNELS,
    NAME_BITS = 14, /* weights add up to 1 << 14 */
    NAME_MOST = 16383 /* pixels a side: what 32 bits allow below */
};

/* ---- frame to bytes --------------------------------------------------------------------------- */

static uint8_t *NAME_put_grey(uint8_t *pixel, int32_t grey)
{
    for (int c = 0; c < NAME_CHANNELS; ++c) {
        *pixel++ = (uint8_t)grey;
    }
    return pixel;
}

static uint8_t *NAME_put_rgb(uint8_t *pixel, int32_t red, int32_t green, int32_t blue)
{
    if (NAME_CHANNELS == 1) {
        return NAME_put_grey(pixel, (77 * red + 150 * green + 29 * blue + 128) >> 8);
    }
#ifdef EDGECNN_NAME_PREPROCESS_BGR
    *pixel++ = (uint8_t)blue;
    *pixel++ = (uint8_t)green;
    *pixel++ = (uint8_t)red;
#else
    *pixel++ = (uint8_t)red;
    *pixel++ = (uint8_t)green;
    *pixel++ = (uint8_t)blue;
#endif
    return pixel;
}

static uint8_t *NAME_put_rgb565(uint8_t *pixel, int32_t low, int32_t high)
{
    const int32_t red = high >> 3, green = (high & 7) << 3 | low >> 5, blue = low & 31;
    return NAME_put_rgb(pixel, red << 3 | red >> 2, green << 2 | green >> 4, blue << 3 | blue >> 2);
}

static int32_t NAME_clamp(int32_t value)
{
    return value < 0 ? 0 : value > 255 ? 255 : value;
}

static uint8_t *NAME_put_yuv(uint8_t *pixel, int32_t y, int32_t u, int32_t v)
{
    if (NAME_CHANNELS == 1) {
        return NAME_put_grey(pixel, y);
    }
    u -= 128;
    v -= 128;
    return NAME_put_rgb(pixel, NAME_clamp(y + ((359 * v + 128) >> 8)),
                        NAME_clamp(y - ((88 * u + 183 * v + 128) >> 8)), NAME_clamp(y + ((454 * u + 128) >> 8)));
}

#ifdef EDGECNN_NAME_WINDOW_LOW
/* The byte that the window makes of 16 bits, as in edgecnn/data/window.py. */
static int32_t NAME_windowed(int32_t low, int32_t high)
{
    int32_t value = high << 8 | low;
    if (EDGECNN_NAME_WINDOW_LOW < 0 && value > INT16_MAX) {
        value -= 65536;
    }
    value = value < EDGECNN_NAME_WINDOW_LOW    ? EDGECNN_NAME_WINDOW_LOW
            : value > EDGECNN_NAME_WINDOW_HIGH ? EDGECNN_NAME_WINDOW_HIGH
                                               : value;
    return (value - EDGECNN_NAME_WINDOW_LOW) * 256 / (EDGECNN_NAME_WINDOW_HIGH - EDGECNN_NAME_WINDOW_LOW + 1);
}
#endif

/* Writes the pixels of the crop, with as many channels as the model has. */
static void NAME_decode(const edgecnn_NAME_frame_t *frame, const uint8_t *line, uint8_t *pixel)
{
    const int end = frame->crop_x + frame->crop_width;
    int x = frame->crop_x;
    switch (frame->format) {
    case EDGECNN_NAME_GREY:
        for (; x < end; ++x) {
            pixel = NAME_put_grey(pixel, line[x]);
        }
        break;
    case EDGECNN_NAME_RGB888:
        for (; x < end; ++x) {
            pixel = NAME_put_rgb(pixel, line[3 * x], line[3 * x + 1], line[3 * x + 2]);
        }
        break;
    case EDGECNN_NAME_RGB565_LE:
        for (; x < end; ++x) {
            pixel = NAME_put_rgb565(pixel, line[2 * x], line[2 * x + 1]);
        }
        break;
    case EDGECNN_NAME_RGB565_BE:
        for (; x < end; ++x) {
            pixel = NAME_put_rgb565(pixel, line[2 * x + 1], line[2 * x]);
        }
        break;
#ifdef EDGECNN_NAME_WINDOW_LOW
    case EDGECNN_NAME_GREY16_LE:
        for (; x < end; ++x) {
            pixel = NAME_put_grey(pixel, NAME_windowed(line[2 * x], line[2 * x + 1]));
        }
        break;
    case EDGECNN_NAME_GREY16_BE:
        for (; x < end; ++x) {
            pixel = NAME_put_grey(pixel, NAME_windowed(line[2 * x + 1], line[2 * x]));
        }
        break;
#endif
    case EDGECNN_NAME_YUYV:
        for (; x < end; ++x) {
            const uint8_t *const pair = line + (x & ~1) * 2; /* Y0 U Y1 V */
            pixel = NAME_put_yuv(pixel, line[2 * x], pair[1], pair[3]);
        }
        break;
    }
}

/* ---- resize ----------------------------------------------------------------------------------- */

#ifdef EDGECNN_NAME_PREPROCESS_BILINEAR
/* Writes what output `o` is made of where `from` samples become `to`: the number of the first sample, how many, and
 * their weights, which add up to 1 << NAME_BITS. Returns where the writing ended.
 */
static uint16_t *NAME_weigh(uint16_t *taps, int32_t o, int32_t from, int32_t to)
{
    const int32_t place = (2 * o + 1) * from - to;
    const int32_t first = place < 0 ? 0 : place / (2 * to), part = place < 0 ? 0 : place % (2 * to);
    const int32_t second = ((part << (NAME_BITS + 1)) + 2 * to) / (4 * to);
    *taps++ = (uint16_t)first;
    if (first + 1 >= from) {
        *taps++ = 1u;
        *taps++ = 1u << NAME_BITS;
        return taps;
    }
    *taps++ = 2u;
    *taps++ = (uint16_t)((1 << NAME_BITS) - second);
    *taps++ = (uint16_t)second;
    return taps;
}
#else
typedef struct {
    int32_t centre, size; /* a sample is 2 * size wide */
    int32_t peak;
} NAME_tent_t;

/* How high the tent is over the centre of sample i; 0 or less beside it. */
static int32_t NAME_height_at(const NAME_tent_t *tent, int32_t i)
{
    const int32_t distance = (2 * i + 1) * tent->size - tent->centre;
    return tent->peak - (distance < 0 ? -distance : distance);
}

/* Writes what output `o` is made of where `from` samples become `to`: the number of the first sample, how many, and
 * their weights, which add up to 1 << NAME_BITS. Returns where the writing ended.
 */
static uint16_t *NAME_weigh(uint16_t *taps, int32_t o, int32_t from, int32_t to)
{
    const NAME_tent_t tent = {(2 * o + 1) * from, to, 2 * (from > to ? from : to)};
    const int32_t middle = tent.centre / (2 * to);
    int32_t first = middle, end = middle;
    uint64_t total = 0, sum = 0, edge = 0;
    while (first > 0 && NAME_height_at(&tent, first - 1) > 0) {
        --first;
    }
    while (end < from && NAME_height_at(&tent, end) > 0) {
        ++end;
    }
    for (int32_t i = first; i < end; ++i) {
        total += (uint64_t)NAME_height_at(&tent, i);
    }
    *taps++ = (uint16_t)first;
    *taps++ = (uint16_t)(end - first);
    for (int32_t i = first; i < end; ++i) {
        const uint64_t last = edge;
        sum += (uint64_t)NAME_height_at(&tent, i);
        edge = ((sum << (NAME_BITS + 1)) + total) / (2 * total);
        *taps++ = (uint16_t)(edge - last);
    }
    return taps;
}
#endif

static uint8_t NAME_rounded(uint32_t sum)
{
    return (uint8_t)((sum + (1u << (NAME_BITS - 1))) >> NAME_BITS);
}

static void NAME_resize_line(const uint16_t *taps, int width, const uint8_t *pixels, uint8_t *row)
{
    for (int x = 0; x < width; ++x) {
        const uint8_t *const first = pixels + taps[0] * NAME_CHANNELS;
        const int count = taps[1];
        taps += 2;
        for (int c = 0; c < NAME_CHANNELS; ++c) {
            uint32_t sum = 0;
            for (int k = 0; k < count; ++k) {
                sum += (uint32_t)taps[k] * first[k * NAME_CHANNELS + c];
            }
            *row++ = NAME_rounded(sum);
        }
        taps += count;
    }
}

/* ---- the part of a frame that the model sees -------------------------------------------------- */

#ifdef EDGECNN_NAME_PREPROCESS_CROPS
/* Leaves of a crop the middle that has the model's aspect ratio. */
static void NAME_keep_middle(edgecnn_NAME_frame_t *frame)
{
    const int32_t crop_width = frame->crop_width, crop_height = frame->crop_height;
    int32_t width = crop_width, height = crop_height;
    if (crop_width * NAME_HEIGHT > crop_height * NAME_WIDTH) {
        width = crop_height * NAME_WIDTH / NAME_HEIGHT;
    } else {
        height = crop_width * NAME_HEIGHT / NAME_WIDTH;
    }
    width = width > 0 ? width : 1;
    height = height > 0 ? height : 1;
    frame->crop_x = (uint16_t)(frame->crop_x + (crop_width - width) / 2);
    frame->crop_y = (uint16_t)(frame->crop_y + (crop_height - height) / 2);
    frame->crop_width = (uint16_t)width;
    frame->crop_height = (uint16_t)height;
}
#endif

#ifdef EDGECNN_NAME_PREPROCESS_PADS
static int NAME_inner_width(const edgecnn_NAME_preprocess_t *pre)
{
    return pre->inner_width;
}

static int NAME_inner_height(const edgecnn_NAME_preprocess_t *pre)
{
    return pre->inner_height;
}

/* The number of the row among those that aren't black. */
static int NAME_inner_row(const edgecnn_NAME_preprocess_t *pre)
{
    return pre->row < pre->top ? 0 : pre->row - pre->top;
}

static void NAME_place(edgecnn_NAME_preprocess_t *pre)
{
    const edgecnn_NAME_frame_t *const frame = &pre->frame;
    const int32_t high = frame->crop_height * NAME_WIDTH, wide = frame->crop_width * NAME_HEIGHT;
    pre->inner_width = (uint16_t)EDGECNN_NAME_PREPROCESS_INNER_WIDTH(frame->crop_width, frame->crop_height);
    pre->inner_height = (uint16_t)EDGECNN_NAME_PREPROCESS_INNER_HEIGHT(frame->crop_width, frame->crop_height);
    pre->left = (uint16_t)(high > wide ? (high - wide) / (2 * frame->crop_height) : 0);
    pre->top = (uint16_t)(wide > high ? (wide - high) / (2 * frame->crop_width) : 0);
}

/* Writes a row, or a part of it, that is black. */
static void NAME_blacken(int8_t *row, int from, int end)
{
    for (int x = from; x < end; ++x) {
        row[x] = NAME_quantize(0, x);
    }
}
#else
static int NAME_inner_width(const edgecnn_NAME_preprocess_t *pre)
{
    (void)pre;
    return NAME_WIDTH;
}

static int NAME_inner_height(const edgecnn_NAME_preprocess_t *pre)
{
    (void)pre;
    return NAME_HEIGHT;
}

static int NAME_inner_row(const edgecnn_NAME_preprocess_t *pre)
{
    return pre->row;
}
#endif

/* ---- interface: see NAME_preprocess.h --------------------------------------------------------- */

static int NAME_is_sound(const edgecnn_NAME_frame_t *frame)
{
    return frame->width > 0 && frame->width <= NAME_MOST && frame->height > 0 && frame->height <= NAME_MOST &&
           frame->crop_width > 0 && frame->crop_x + frame->crop_width <= frame->width &&
           frame->crop_height > 0 && frame->crop_y + frame->crop_height <= frame->height &&
           frame->format <= EDGECNN_NAME_YUYV && (frame->format != EDGECNN_NAME_YUYV || frame->width % 2 == 0);
}

int edgecnn_NAME_preprocess_init(edgecnn_NAME_preprocess_t *pre, const edgecnn_NAME_frame_t *frame,
                                 void *memory, size_t memory_size)
{
    uint16_t *taps = (uint16_t *)memory;
    pre->frame = *frame;
    if (frame->crop_width == 0 && frame->crop_height == 0) {
        pre->frame.crop_width = frame->width;
        pre->frame.crop_height = frame->height;
    }
    frame = &pre->frame;
    if (!NAME_is_sound(frame) || memory == NULL || (uintptr_t)memory % 2u != 0u ||
        memory_size < EDGECNN_NAME_PREPROCESS_MEMORY_SIZE(frame->crop_width, frame->crop_height)) {
        return -1;
    }
#ifdef EDGECNN_NAME_PREPROCESS_CROPS
    NAME_keep_middle(&pre->frame);
#endif
#ifdef EDGECNN_NAME_PREPROCESS_PADS
    NAME_place(pre);
#endif
    pre->slots = (uint16_t)EDGECNN_NAME_PREPROCESS_TAPS(frame->crop_height, (unsigned)NAME_inner_height(pre));
    pre->columns = taps;
    for (int x = 0; x < NAME_inner_width(pre); ++x) {
        taps = NAME_weigh(taps, x, frame->crop_width, NAME_inner_width(pre));
    }
    pre->next = taps;
    pre->ring = (uint8_t *)(taps + 2 + pre->slots);
    pre->pixels = pre->ring + pre->slots * NAME_ROW;
    edgecnn_NAME_preprocess_begin(pre);
    return 0;
}

void edgecnn_NAME_preprocess_begin(edgecnn_NAME_preprocess_t *pre)
{
    pre->line = 0;
    pre->row = 0;
    (void)NAME_weigh(pre->next, 0, pre->frame.crop_height, NAME_inner_height(pre));
}

/* Whether all lines that the next row is made of are in the ring. */
static int NAME_row_waits(const edgecnn_NAME_preprocess_t *pre)
{
    return NAME_inner_row(pre) < NAME_inner_height(pre) &&
           pre->line >= pre->frame.crop_y + pre->next[0] + pre->next[1];
}

int edgecnn_NAME_preprocess_push(edgecnn_NAME_preprocess_t *pre, const uint8_t *line)
{
    const edgecnn_NAME_frame_t *const frame = &pre->frame;
    const int y = pre->line - frame->crop_y;
    if (pre->line == frame->height || NAME_row_waits(pre)) {
        return -1;
    }
    if (y >= 0 && y < frame->crop_height) {
        NAME_decode(frame, line, pre->pixels);
        NAME_resize_line(pre->columns, NAME_inner_width(pre), pre->pixels, pre->ring + y % pre->slots * NAME_ROW);
    }
    ++pre->line;
    return 0;
}

int edgecnn_NAME_preprocess_pull(edgecnn_NAME_preprocess_t *pre, int8_t *row)
{
    const int slots = pre->slots, first = pre->next[0] % slots, count = pre->next[1];
    const int end = NAME_inner_width(pre) * NAME_CHANNELS;
    int8_t *inner = row;
#ifdef EDGECNN_NAME_PREPROCESS_PADS
    if (pre->row < NAME_HEIGHT && (pre->row < pre->top || pre->row >= pre->top + pre->inner_height)) {
        NAME_blacken(row, 0, NAME_ROW);
        ++pre->row;
        return 1;
    }
    inner += pre->left * NAME_CHANNELS;
#endif
    if (!NAME_row_waits(pre)) {
        return 0;
    }
#ifdef EDGECNN_NAME_PREPROCESS_PADS
    NAME_blacken(row, 0, pre->left * NAME_CHANNELS);
    NAME_blacken(row, pre->left * NAME_CHANNELS + end, NAME_ROW);
#endif
    for (int x = 0; x < end; ++x) {
        uint32_t sum = 0;
        for (int k = 0, slot = first; k < count; ++k, slot = slot + 1 < slots ? slot + 1 : 0) {
            sum += (uint32_t)pre->next[2 + k] * pre->ring[slot * NAME_ROW + x];
        }
        inner[x] = NAME_quantize(NAME_rounded(sum), x);
    }
    ++pre->row;
    if (NAME_inner_row(pre) < NAME_inner_height(pre)) {
        (void)NAME_weigh(pre->next, NAME_inner_row(pre), pre->frame.crop_height, NAME_inner_height(pre));
    }
    return 1;
}
