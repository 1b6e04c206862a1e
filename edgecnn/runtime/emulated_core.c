/* SPDX-License-Identifier: Apache-2.0 */
/* Start-up and main function of a program under test on an emulated Cortex-M board.
 *
 * The host is spoken to by semihosting: inputs are read from the file "inputs", outputs are written to "outputs",
 * and a `struct figures` per call to "figures". What goes wrong is said on stderr in one line, with exit code 1.
 *
 * Given on the command line, beside what program.h says: COUNTER_ADDRESS and INSTRUCTIONS_PER_TICK (see `now`).
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

/* --- semihosting: https://github.com/ARM-software/abi-aa, semihosting.rst --------------------------------------- */

enum { SYS_OPEN = 0x01, SYS_WRITE0 = 0x04, SYS_WRITE = 0x05, SYS_READ = 0x06, SYS_EXIT_EXTENDED = 0x20 };
enum { OPEN_READ = 1 /* "rb" */, OPEN_WRITE = 5 /* "wb" */ };

static int32_t semihosting(int32_t operation, const void *arguments)
{
    register int32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = arguments;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

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

#define STRING(value) #value
#define EXPANDED_STRING(macro) STRING(macro)

/* The time in instructions plus a constant, exact although the counter moves only every n = INSTRUCTIONS_PER_TICK.
 *
 * Under -icount shift=0 the counter reads floor(t / n), t being the number of instructions so far. It is read n times,
 * every seventh instruction. As 7 and n have no common divisor, the readings see each of the n phases of a tick once,
 * and their sum is sum(floor((t + 7 i) / n), i = 0 .. n - 1) = t + 3 (n - 1): Hermite's identity for a stride of 7.
 * The stack, which `measure` has painted, is left alone.
 */
static __attribute__((naked, noinline)) uint64_t now(const volatile uint32_t *counter)
{
    (void)counter;
    __asm__ volatile(".syntax unified\n\t"
                     "movs r2, #0\n\t"
                     "movs r3, #0\n\t"
                     ".rept " EXPANDED_STRING(INSTRUCTIONS_PER_TICK) "\n\t"
                     "ldr r1, [r0]\n\t"
                     "adds r2, r2, r1\n\t"
                     "movs r1, #0\n\t"
                     "adcs r3, r3, r1\n\t"
                     "nop\n\t"
                     "nop\n\t"
                     "nop\n\t"
                     ".endr\n\t"
                     "movs r0, r2\n\t"
                     "movs r1, r3\n\t"
                     "bx lr");
}

static inline __attribute__((always_inline)) uint32_t *stack_pointer(void)
{
    uint32_t *sp;
    __asm__ volatile("mov %0, sp" : "=r"(sp));
    return sp;
}

/* Two instructions: what remains is what `measure` costs by itself. */
static __attribute__((naked, noinline)) int nothing(const int8_t *in, int8_t *out)
{
    (void)in, (void)out;
    __asm__ volatile(".syntax unified\n\t"
                     "movs r0, #0\n\t"
                     "bx lr");
}

/* Not inlined, so that the instructions around the call are the same whatever is called. */
static __attribute__((noinline)) struct figures measure(int (*run)(const int8_t *, int8_t *))
{
    static const uint32_t paint = 0xa5c35a3cu;
    volatile uint32_t *const counter = (volatile uint32_t *)COUNTER_ADDRESS;
    struct figures figures;
    volatile uint32_t *word = stack_bottom;
    while (word < stack_pointer()) {
        *word++ = paint;
    }
    *counter = 0; /* it wraps 2^32 ticks from here, some 10^11 instructions */
    const uint64_t begin = now(counter);
    const int status = run(input, output);
    figures.instructions = now(counter) - begin;
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

static __attribute__((noreturn)) void run_all(void)
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
        write_file(all_figures, &figures, sizeof figures);
        write_file(outputs, output, sizeof output);
    }
    leave(0);
}

/* --- start-up: QEMU has loaded .data and cleared .bss ------------------------------------------------------------ */

#define VTOR (*(volatile uintptr_t *)0xe000ed08u)
#define CCR (*(volatile uint32_t *)0xe000ed14u)
#define CPACR (*(volatile uint32_t *)0xe000ed88u)

static void reset(void);
static void fault(void);

/* The other faults are off after reset, and escalate to HardFault. */
enum { VECTOR_STACK = 0, VECTOR_RESET = 1, VECTOR_HARD_FAULT = 3, VECTORS = 16 };
static const uintptr_t vectors[VECTORS] __attribute__((section(".vectors"), used, aligned(128))) = {
    [VECTOR_STACK] = (uintptr_t)stack_top,
    [VECTOR_RESET] = (uintptr_t)reset,
    [VECTOR_HARD_FAULT] = (uintptr_t)fault,
};

static __attribute__((noreturn)) void reset(void)
{
    VTOR = (uintptr_t)vectors;
#ifndef __ARM_FEATURE_UNALIGNED
    CCR |= 1u << 3; /* UNALIGN_TRP: the core this is compiled for faults where the emulated one would not */
#endif
#ifdef __ARM_FP
    CPACR |= 0xfu << 20; /* full access to the floating-point unit, and to MVE */
    __asm__ volatile("dsb\n\tisb" ::: "memory");
#endif
    run_all();
}

/* `frame` is where the core put r0-r3, r12, lr, pc and xpsr when it faulted. */
static __attribute__((noreturn, used)) void report_fault(const uint32_t *frame)
{
    static char message[] = "the core faulted at 0x########\n";
    if (frame < stack_bottom) {
        fail(STACK_OVERFLOW);
    }
    uint32_t address = frame[6];
    for (char *digit = message + sizeof message - 3; *digit == '#'; digit--) {
        *digit = "0123456789abcdef"[address & 15u];
        address >>= 4;
    }
    fail(message);
}

/* The stack may be what is broken: start on a fresh one. */
static __attribute__((naked)) void fault(void)
{
    __asm__ volatile("mov r0, sp\n\t"
                     "ldr r1, =stack_top\n\t"
                     "mov sp, r1\n\t"
                     "bl report_fault");
}
