/* SPDX-License-Identifier: Apache-2.0 */
/* Main function of a program under test on an emulated board.
 *
 * The host is spoken to by semihosting: inputs are read from the file "inputs", outputs are written to "outputs",
 * and a `struct figures` per call to "figures". What goes wrong is said on stderr in one line, with exit code 1.
 */
#include "program.h"

#include <stddef.h>

struct figures {
    uint64_t instructions; /* executed by program_run, from its first to its return */
    uint32_t stack_bytes;  /* from the stack pointer at the call down to the lowest word that changed */
};

extern uint32_t stack_bottom[], stack_top[]; /* emulated_core.ld */

static __attribute__((aligned(16))) int8_t input[PROGRAM_INPUT_BYTES];
static __attribute__((aligned(16))) int8_t output[PROGRAM_OUTPUT_BYTES];

#define STACK_OVERFLOW "the stack of 64 KiB overflowed\n"

/* Start-up ends here. */
static __attribute__((noreturn, used)) void run_all(void);

/* Called on a fresh stack: where the stack was when the core faulted, and which instruction it executed. */
static __attribute__((noreturn, used)) void report_fault(const uint32_t *stack, uint32_t address);

#ifdef __riscv
#include "emulated_riscv.h"
#else
#include "emulated_arm.h"
#endif

/* --- semihosting: https://github.com/ARM-software/abi-aa, semihosting.rst --------------------------------------- */

enum { SYS_OPEN = 0x01, SYS_WRITE0 = 0x04, SYS_WRITE = 0x05, SYS_READ = 0x06, SYS_EXIT_EXTENDED = 0x20 };
enum { OPEN_READ = 1 /* "rb" */, OPEN_WRITE = 5 /* "wb" */ };

static __attribute__((noreturn)) void leave(uint32_t code)
{
    const uint32_t arguments[] = {0x20026 /* ADP_Stopped_ApplicationExit */, code};
    (void)semihosting(SYS_EXIT_EXTENDED, arguments);
    for (;;) {
    }
}

static __attribute__((noreturn)) void fail(const char *message)
{
    (void)semihosting(SYS_WRITE0, message);
    leave(1);
}

static int32_t open_file(const char *name, uint32_t name_length, uint32_t mode)
{
    const uint32_t arguments[] = {(uint32_t)name, mode, name_length};
    const int32_t file = semihosting(SYS_OPEN, arguments);
    if (file < 0) {
        fail("semihosting can't open a file\n");
    }
    return file;
}
#define OPEN(name, mode) open_file(name, sizeof(name) - 1, mode)

/* Returns how many bytes were not transferred. */
static int32_t transfer(int32_t operation, int32_t file, void *data, size_t size)
{
    const uint32_t arguments[] = {(uint32_t)file, (uint32_t)data, size};
    return semihosting(operation, arguments);
}

static void write_file(int32_t file, void *data, size_t size)
{
    if (transfer(SYS_WRITE, file, data, size) != 0) {
        fail("semihosting can't write to a file\n");
    }
}

/* --- measuring -------------------------------------------------------------------------------------------------- */

/* Not inlined, so that the instructions around the call are the same whatever is called. */
static __attribute__((noinline)) struct figures measure(int (*run)(const int8_t *, int8_t *))
{
    static const uint32_t paint = 0xa5c35a3cu;
    struct figures figures;
    volatile uint32_t *word = stack_bottom;
    while (word < stack_pointer()) {
        *word++ = paint;
    }
    reset_counter();
    const uint64_t begin = now();
    const int status = run(input, output);
    figures.instructions = now() - begin;
    if (status != 0) {
        fail("program_run reported a failure\n");
    }
    word = stack_bottom;
    if (*word != paint) {
        fail(STACK_OVERFLOW);
    }
    while (word < stack_pointer() && *word == paint) {
        word++;
    }
    figures.stack_bytes = (uint32_t)((uintptr_t)stack_pointer() - (uintptr_t)word);
    return figures;
}

static void run_all(void)
{
    const int32_t inputs = OPEN("inputs", OPEN_READ);
    const int32_t outputs = OPEN("outputs", OPEN_WRITE);
    const int32_t all_figures = OPEN("figures", OPEN_WRITE);
    const uint64_t overhead = measure(nothing).instructions - 2;
    if (program_setup() != 0) {
        fail("program_setup reported a failure\n");
    }
    while (transfer(SYS_READ, inputs, input, sizeof input) == 0) {
        struct figures figures = measure(program_run);
        figures.instructions -= overhead;
        program_report(output);
        write_file(all_figures, &figures, sizeof figures);
        write_file(outputs, output, sizeof output);
    }
    leave(0);
}

static void report_fault(const uint32_t *stack, uint32_t address)
{
    static char message[] = "the core faulted at 0x########\n";
    if (stack < stack_bottom) {
        fail(STACK_OVERFLOW);
    }
    for (char *digit = message + sizeof message - 3; *digit == '#'; digit--) {
        *digit = "0123456789abcdef"[address & 15u];
        address >>= 4;
    }
    fail(message);
}
