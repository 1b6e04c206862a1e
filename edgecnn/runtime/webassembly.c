/* SPDX-License-Identifier: Apache-2.0 */
/* What webassembly.mjs calls of a program under test. */
#include "program.h"

#define EXPORT(name) __attribute__((export_name(#name)))

static __attribute__((aligned(16))) int8_t input[PROGRAM_INPUT_BYTES];
static __attribute__((aligned(16))) int8_t output[PROGRAM_OUTPUT_BYTES];

EXPORT(input) int8_t *webassembly_input(void);
EXPORT(output) int8_t *webassembly_output(void);
EXPORT(setup) int webassembly_setup(void);
EXPORT(run) int webassembly_run(void);

int8_t *webassembly_input(void)
{
    return input;
}

int8_t *webassembly_output(void)
{
    return output;
}

int webassembly_setup(void)
{
    return program_setup();
}

int webassembly_run(void)
{
    const int status = program_run(input, output);
    program_report(output);
    return status;
}
