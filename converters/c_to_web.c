/* SPDX-License-Identifier: Apache-2.0 */
/* What a page calls: pixels of a picture in, int8 answers out. c_to_web.py compiles it with NAME = model.
 *
 * The page may use the memory from `free_memory` on for one picture, as much as `picture_memory` says.
 */
#include "model.h"
#include "model_preprocess.h"

#define EXPORT(name) __attribute__((export_name(#name)))

enum { MOST_PIXELS = 16383, RGBA = 4, RGB = 3 };

extern uint8_t __heap_base;

static EDGECNN_MODEL_ARENA(arena);
static edgecnn_model_t nn;
static edgecnn_model_preprocess_t preprocess;
static int8_t input[EDGECNN_MODEL_INPUT_SIZE], output[EDGECNN_MODEL_OUTPUT_SIZE];
static int8_t *next_row;
static uint8_t line[RGBA * MOST_PIXELS];
static int width;

EXPORT(input) int8_t *input_at(void)
{
    return input;
}

EXPORT(output) int8_t *output_at(void)
{
    return output;
}

EXPORT(line) uint8_t *line_at(void)
{
    return line;
}

EXPORT(free_memory) uint8_t *free_memory(void)
{
    return &__heap_base;
}

EXPORT(picture_memory) size_t picture_memory(int picture_width, int picture_height)
{
    return EDGECNN_MODEL_PREPROCESS_MEMORY_SIZE(picture_width, picture_height);
}

/* Returns 0, or -1: the picture is empty or too large. */
EXPORT(begin) int begin(int picture_width, int picture_height)
{
    const edgecnn_model_frame_t frame = {
        EDGECNN_MODEL_RGB888, (uint16_t)picture_width, (uint16_t)picture_height, 0, 0, 0, 0};
    if (picture_width > MOST_PIXELS || picture_height > MOST_PIXELS) {
        return -1;
    }
    width = picture_width;
    next_row = input;
    return edgecnn_model_preprocess_init(&preprocess, &frame, &__heap_base,
                                         picture_memory(picture_width, picture_height));
}

/* Takes the line of the picture that the page has put where `line` says, four bytes a pixel. */
EXPORT(push) void push(void)
{
    for (int x = 0; x < width; ++x) {
        for (int c = 0; c < RGB; ++c) {
            line[RGB * x + c] = line[RGBA * x + c];
        }
    }
    (void)edgecnn_model_preprocess_push(&preprocess, line);
    while (edgecnn_model_preprocess_pull(&preprocess, next_row) == 1) {
        next_row += EDGECNN_MODEL_PREPROCESS_ROW_SIZE;
    }
}

EXPORT(run) int run(void)
{
    return edgecnn_model_init(&nn, &arena, sizeof arena) || edgecnn_model_run(&nn, input, output);
}
