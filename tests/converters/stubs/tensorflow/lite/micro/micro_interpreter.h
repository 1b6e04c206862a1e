/* SPDX-License-Identifier: Apache-2.0 */
/* What the example needs of TFLM's interpreter; this one answers with zeros. */
#ifndef STUB_INTERPRETER_H
#define STUB_INTERPRETER_H

#include <cstddef>
#include <cstdint>

#include "micro_mutable_op_resolver.h"

enum TfLiteStatus { kTfLiteOk };

namespace tflite {

struct Model;

class MicroInterpreter {
public:
    MicroInterpreter(const Model *, const MicroOpResolver &, uint8_t *arena, size_t) : tensors_(arena) {}
    TfLiteStatus AllocateTensors() { return kTfLiteOk; }
    TfLiteStatus Invoke() { return kTfLiteOk; }
    template <class T>
    T *typed_input_tensor(int) { return reinterpret_cast<T *>(tensors_); }
    template <class T>
    T *typed_output_tensor(int) { return reinterpret_cast<T *>(tensors_ + 1024); }

private:
    uint8_t *tensors_;
};

}  // namespace tflite
#endif
