/* SPDX-License-Identifier: Apache-2.0 */
/* What a program under test is to our own main functions: host_compiler.c on this machine, emulated_core.c on a board.
 *
 * Also given on the command line: PROGRAM_INPUT_BYTES and PROGRAM_OUTPUT_BYTES, the sizes of one input and of
 * one output. Both are aligned to 16 bytes.
 */
#ifndef EDGECNN_PROGRAM_H
#define EDGECNN_PROGRAM_H

#include <stdint.h>

/* Called once, first. Returns 0, or another number when the program can't run. */
int program_setup(void);

/* Called once per input; what it does is what is measured. Returns 0, or another number to stop. */
int program_run(const int8_t *input, int8_t *output);

/* Called behind each run, and not measured: it may add to the output what the program keeps for the next run. */
#ifdef PROGRAM_REPORTS
void program_report(int8_t *output);
#else
#define program_report(output) ((void)(output))
#endif

#endif
