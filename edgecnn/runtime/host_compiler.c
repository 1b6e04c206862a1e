/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a program under test on this machine: inputs on stdin one after the other, outputs on stdout. */
#include "program.h"

#include <stdio.h>

/* Arrays of their exact sizes: AddressSanitizer sees every access past an end. */
static __attribute__((aligned(16))) int8_t input[PROGRAM_INPUT_BYTES];
static __attribute__((aligned(16))) int8_t output[PROGRAM_OUTPUT_BYTES];

int main(void)
{
    int status = program_setup();
    if (status != 0) {
        fprintf(stderr, "program_setup returned %d\n", status);
        return 1;
    }
    while (fread(input, sizeof input, 1, stdin) == 1) {
        status = program_run(input, output);
        if (status != 0) {
            fprintf(stderr, "program_run returned %d\n", status);
            return 1;
        }
        program_report(output);
        if (fwrite(output, sizeof output, 1, stdout) != 1) {
            return 1;
        }
    }
    return fflush(stdout) == 0 ? 0 : 1;
}
