/* SPDX-License-Identifier: Apache-2.0 */
/* Proves the network on this core, then classifies a picture from flash, line by line as a camera would send it. */
#include "model.h"
#include "model_preprocess.h"
#include "model_test.h"
#include "picture.h"
#include "terminal.h"

#ifndef EDGECNN_MODEL_CLASSES
#error "this model is no classifier: its output is not one vector of classes, nor one sigmoid"
#endif
#if EDGECNN_MODEL_MODEL_ID != EDGECNN_MODEL_PREPROCESS_MODEL_ID
#error "network and preprocessing come from different models: make clean"
#endif

static EDGECNN_MODEL_ARENA(arena);
static EDGECNN_MODEL_PREPROCESS_MEMORY(memory, PICTURE_WIDTH, PICTURE_HEIGHT);

/* Returns 0 when the whole picture made an answer. */
static int classify(int8_t output[EDGECNN_MODEL_OUTPUT_SIZE])
{
    static const edgecnn_model_frame_t frame = {
        .format = PICTURE_CHANNELS == 1 ? EDGECNN_MODEL_GREY : EDGECNN_MODEL_RGB888,
        .width = PICTURE_WIDTH,
        .height = PICTURE_HEIGHT,
    };
    static int8_t row[EDGECNN_MODEL_PREPROCESS_ROW_SIZE];
    edgecnn_model_preprocess_t pre;
    edgecnn_model_t nn;
    int done = 0;

    if (edgecnn_model_init(&nn, &arena, sizeof arena) != 0 ||
        edgecnn_model_preprocess_init(&pre, &frame, &memory, sizeof memory) != 0) {
        return -1;
    }
    edgecnn_model_begin(&nn);
    for (unsigned y = 0; y < PICTURE_HEIGHT; ++y) {
        (void)edgecnn_model_preprocess_push(&pre, picture[y]);
        while (edgecnn_model_preprocess_pull(&pre, row) == 1) {
            done = edgecnn_model_push_row(&nn, row, output);
        }
    }
    return done == 1 ? 0 : -1;
}

/* One output for two classes is a sigmoid: the probability of the second. */
static int percent(const int8_t *output, int class)
{
    float probability = edgecnn_model_dequantize(output[EDGECNN_MODEL_OUTPUT_SIZE > 1u ? class : 0]);
    if (EDGECNN_MODEL_OUTPUT_SIZE == 1u && class == 0) {
        probability = 1.0f - probability;
    }
    return (int)(100.0f * probability + 0.5f);
}

int main(void)
{
    static int8_t output[EDGECNN_MODEL_OUTPUT_SIZE];
    const int wrong = edgecnn_model_test(say);
    int class;

    say("self-test: ");
    say_number(wrong);
    say(" wrong bytes\n");
    if (classify(output) != 0) {
        say("the picture made no answer\n");
        return 1;
    }
    class = edgecnn_model_class(output);
    say("picture: ");
    say(edgecnn_model_labels[class]);
    say("  ");
    say_number(percent(output, class));
    say("%\noutput");
    for (unsigned i = 0; i < EDGECNN_MODEL_OUTPUT_SIZE; ++i) {
        say(" ");
        say_number(output[i]);
    }
    say("\n");
    return wrong != 0;
}
