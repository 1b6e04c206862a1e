/* SPDX-License-Identifier: Apache-2.0 */
/* Classifies a picture: PGM or PPM in, label and probability out. A line of it is in memory at a time. */
#include "model.h"
#include "model_preprocess.h"
#include "pnm.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef EDGECNN_MODEL_CLASSES
#error "this model is no classifier: its output is not one vector of classes, nor one sigmoid"
#endif
#if EDGECNN_MODEL_MODEL_ID != EDGECNN_MODEL_PREPROCESS_MODEL_ID
#error "network and preprocessing come from different models: make clean"
#endif

static void fail(const char *file, const char *reason)
{
    fprintf(stderr, "classify: %s: %s\n", file, reason);
    exit(EXIT_FAILURE);
}

/* Feeds the picture to the network line by line, as a camera would. */
static void classify(struct pnm *image, const char *name, int8_t output[EDGECNN_MODEL_OUTPUT_SIZE])
{
    static EDGECNN_MODEL_ARENA(arena);
    static int8_t row[EDGECNN_MODEL_PREPROCESS_ROW_SIZE];
    const size_t memory_size = EDGECNN_MODEL_PREPROCESS_MEMORY_SIZE(image->width, image->height);
    const edgecnn_model_frame_t frame = {
        .format = image->channels == 1 ? EDGECNN_MODEL_GREY : EDGECNN_MODEL_RGB888,
        .width = image->width,
        .height = image->height,
    };
    void *const memory = malloc(memory_size);
    uint8_t *const line = malloc(pnm_line_size(image));
    edgecnn_model_preprocess_t pre;
    edgecnn_model_t nn;

    if (line == NULL || edgecnn_model_preprocess_init(&pre, &frame, memory, memory_size) != 0 ||
        edgecnn_model_init(&nn, &arena, sizeof arena) != 0) {
        fail(name, "no memory for a picture of this size");
    }
    edgecnn_model_begin(&nn);
    for (int y = 0; y < image->height; ++y) {
        if (pnm_read_line(image, line) != 0) {
            fail(name, "the file ends before the picture does");
        }
        (void)edgecnn_model_preprocess_push(&pre, line);
        while (edgecnn_model_preprocess_pull(&pre, row) == 1) {
            (void)edgecnn_model_push_row(&nn, row, output);
        }
    }
    free(memory);
    free(line);
}

/* One output for two classes is a sigmoid: the probability of the second. */
static float probability(const int8_t *output, int class)
{
    if (EDGECNN_MODEL_OUTPUT_SIZE < EDGECNN_MODEL_CLASSES) {
        const float second = edgecnn_model_dequantize(output[0]);
        return class == 1 ? second : 1.0f - second;
    }
    return edgecnn_model_dequantize(output[class]);
}

int main(int argc, char **argv)
{
    const char *const name = argc > 1 ? argv[1] : "standard input";
    FILE *const file = argc > 1 ? fopen(argv[1], "rb") : stdin;
    int8_t output[EDGECNN_MODEL_OUTPUT_SIZE];
    struct pnm image;

    if (file == NULL) {
        fail(name, strerror(errno));
    }
    if (pnm_open(&image, file) != 0) {
        fail(name, "not a PGM (P5) or PPM (P6) picture with 8 bits a sample and at most 16383 pixels a side");
    }
    classify(&image, name, output);

    const int best = edgecnn_model_class(output);
    printf("%s  %.1f%%\n", edgecnn_model_labels[best], 100.0 * (double)probability(output, best));
    printf("output");
    for (size_t i = 0; i < EDGECNN_MODEL_OUTPUT_SIZE; ++i) {
        printf(" %d", output[i]);
    }
    printf("\n");
    return EXIT_SUCCESS;
}
