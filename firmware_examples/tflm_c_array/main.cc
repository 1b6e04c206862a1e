// SPDX-License-Identifier: Apache-2.0
// The model as a C array in TensorFlow Lite Micro: a PGM or PPM picture in, the network's int8 output out.
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "model.h"
#include "model_preprocess.h"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/schema/schema_generated.h"

extern "C" {
#include "pnm.h"
}

namespace {

constexpr std::size_t kArenaSize = 256 * 1024;  // the last line printed says how much of it the model needs
alignas(16) std::uint8_t arena[kArenaSize];

[[noreturn]] void Fail(const char *reason) {
    std::fprintf(stderr, "classify: %s\n", reason);
    std::exit(EXIT_FAILURE);
}

// The ops of this model and no others: their kernels are all of TFLM that is linked.
const tflite::MicroOpResolver &Ops() {
#include "model_ops.inc"
    return resolver;
}

// Preprocessing writes each row to its place in the input tensor; no picture is held beside it.
void ReadPicture(std::int8_t *input) {
    pnm image;
    if (pnm_open(&image, stdin) != 0) {
        Fail("standard input is no PGM (P5) or PPM (P6) picture with 8 bits a sample");
    }
    const edgecnn_model_frame_t frame = {
        image.channels == 1 ? EDGECNN_MODEL_GREY : EDGECNN_MODEL_RGB888, image.width, image.height, 0, 0, 0, 0};
    std::vector<std::uint16_t> memory(EDGECNN_MODEL_PREPROCESS_MEMORY_SIZE(image.width, image.height) / 2 + 1);
    std::vector<std::uint8_t> line(pnm_line_size(&image));
    edgecnn_model_preprocess_t preprocess;
    if (edgecnn_model_preprocess_init(&preprocess, &frame, memory.data(), 2 * memory.size()) != 0) {
        Fail("preprocessing refuses a picture of this size");
    }
    for (int y = 0; y < image.height; ++y) {
        if (pnm_read_line(&image, line.data()) != 0) {
            Fail("the file ends before the picture does");
        }
        edgecnn_model_preprocess_push(&preprocess, line.data());
        while (edgecnn_model_preprocess_pull(&preprocess, input) == 1) {
            input += EDGECNN_MODEL_PREPROCESS_ROW_SIZE;
        }
    }
}

}  // namespace

int main() {
    tflite::MicroInterpreter interpreter(tflite::GetModel(MODEL_DATA), Ops(), arena, kArenaSize);
    if (interpreter.AllocateTensors() != kTfLiteOk) {
        Fail("the arena is too small, or an op is not registered; see above");
    }
    ReadPicture(interpreter.typed_input_tensor<std::int8_t>(0));
    if (interpreter.Invoke() != kTfLiteOk) {
        Fail("inference failed; see above");
    }
    const std::int8_t *output = interpreter.typed_output_tensor<std::int8_t>(0);
    std::printf("output");
    for (int i = 0; i < MODEL_OUTPUT_SIZE; ++i) {
        std::printf(" %d", output[i]);
    }
    std::printf("\narena %zu bytes\n", interpreter.arena_used_bytes());
}
