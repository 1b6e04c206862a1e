/* SPDX-License-Identifier: 0BSD */
/* @{name}_ops.h - the ops of the model "@{name}", and the memory it needs, for TensorFlow Lite Micro. */
#ifndef @{NAME}_OPS_H
#define @{NAME}_OPS_H

#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"

/* Enough with any kernels, on 32 and 64 bits; interpreter.arena_used_bytes() says how much of it is used. */
#define @{NAME}_ARENA_SIZE @{tflm_arena}u

/* The ops of this model and no others: their kernels are all of TFLM that is linked. */
static inline const tflite::MicroOpResolver &@{name}_ops()
{
    @{resolver}
    static bool added = false;
    if (added) {
        return resolver;
    }
    added = true;
@{adds}
    return resolver;
}

#endif /* @{NAME}_OPS_H */
