/* SPDX-License-Identifier: 0BSD */
/* Tests the model in TensorFlow Lite Micro, then classifies a test picture. */
#include "@{name}.h"
#include "@{name}_ops.h"
#include "@{name}_preprocess.h"
#include "@{name}_test.h"

#include <cstdio>
#include <cstring>

#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/schema/schema_generated.h"

namespace {

enum { kFrameWidth = @{frame_width}, kFrameHeight = @{frame_height}, kFrameChannels = @{channels} };

alignas(16) uint8_t arena[@{NAME}_ARENA_SIZE];
tflite::MicroInterpreter *interpreter;
EDGECNN_@{NAME}_PREPROCESS_MEMORY(memory, kFrameWidth, kFrameHeight);

void Say(const char *text) {
    (void)std::fputs(text, stdout);
}

int Run(const int8_t *input, int8_t *output) {
    std::memcpy(interpreter->typed_input_tensor<int8_t>(0), input, @{NAME}_INPUT_SIZE);
    const bool done = interpreter->Invoke() == kTfLiteOk;
    std::memcpy(output, interpreter->typed_output_tensor<int8_t>(0), @{NAME}_OUTPUT_SIZE);
    return done ? 0 : -1;
}

// A line of a test picture: put your camera's in its place.
void camera_line(int y, uint8_t *line) {
    for (int i = 0; i < kFrameWidth * kFrameChannels; ++i) {
        line[i] = static_cast<uint8_t>(i + 2 * y);
    }
}

// Preprocessing writes each row to its place in the input tensor; no picture is held beside it.
bool Classify() {
    static uint8_t line[kFrameWidth * kFrameChannels];
    const edgecnn_@{name}_frame_t frame = {EDGECNN_@{NAME}_@{frame_format}, kFrameWidth, kFrameHeight, 0, 0, 0, 0};
    edgecnn_@{name}_preprocess_t pre;
    int8_t *row = interpreter->typed_input_tensor<int8_t>(0);
    if (edgecnn_@{name}_preprocess_init(&pre, &frame, &memory, sizeof memory) != 0) {
        return false;
    }
    for (int y = 0; y < kFrameHeight; ++y) {
        camera_line(y, line);
        (void)edgecnn_@{name}_preprocess_push(&pre, line);
        while (edgecnn_@{name}_preprocess_pull(&pre, row) == 1) {
            row += EDGECNN_@{NAME}_PREPROCESS_ROW_SIZE;
        }
    }
    return interpreter->Invoke() == kTfLiteOk;
}

}  // namespace

int main() {
    static tflite::MicroInterpreter made(tflite::GetModel(@{NAME}_DATA), @{name}_ops(), arena, sizeof arena);
    interpreter = &made;
    if (made.AllocateTensors() != kTfLiteOk) {
        Say("the arena is too small, or an op is not registered\n");
        return 1;
    }
    const int wrong = edgecnn_@{name}_test(Run, Say);
    if (!Classify()) {
        Say("the picture made no answer\n");
        return 1;
    }
    const int8_t *output = made.typed_output_tensor<int8_t>(0);
#ifdef @{NAME}_LABEL_COUNT
    int best = @{NAME}_OUTPUT_SIZE == 1 && @{NAME}_OUTPUT_SCALE * (output[0] - @{NAME}_OUTPUT_ZERO_POINT) >= @{threshold};
    for (int i = 1; i < @{NAME}_OUTPUT_SIZE; ++i) {
        best = output[i] > output[best] ? i : best;
    }
    std::printf("picture: %s\n", @{name}_labels[best]);
#endif
    Say("output");
    for (int i = 0; i < @{NAME}_OUTPUT_SIZE && i < @{shown}; ++i) {
        std::printf(" %d", output[i]);
    }
    Say("\n");
    return wrong != 0;
}
