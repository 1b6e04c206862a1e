/* SPDX-License-Identifier: Apache-2.0 */
/* What emulated_core.c needs to know of a Cortex-M.
 *
 * Given on the command line: COUNTER_ADDRESS and INSTRUCTIONS_PER_TICK (see `read_counter`).
 */
#ifndef EDGECNN_EMULATED_ARM_H
#define EDGECNN_EMULATED_ARM_H

static int32_t semihosting(int32_t operation, const void *arguments)
{
    register int32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = arguments;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
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

#define STRING(value) #value
#define EXPANDED_STRING(macro) STRING(macro)

/* The instructions executed so far, plus a constant, exact although the counter moves only every n = INSTRUCTIONS_PER_TICK.
 *
 * Under -icount shift=0 the counter reads floor(t / n), t being the number of instructions so far. It is read n times,
 * every seventh instruction. As 7 and n have no common divisor, the readings see each of the n phases of a tick once,
 * and their sum is sum(floor((t + 7 i) / n), i = 0 .. n - 1) = t + 3 (n - 1): Hermite's identity for a stride of 7.
 * The stack, which `measure` has painted, is left alone.
 */
static __attribute__((naked, noinline)) uint64_t read_counter(const volatile uint32_t *counter)
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

#define COUNTER ((volatile uint32_t *)COUNTER_ADDRESS)

static inline __attribute__((always_inline)) void reset_counter(void)
{
    *COUNTER = 0; /* it wraps 2^32 ticks from here, some 10^11 instructions */
}

static inline __attribute__((always_inline)) uint64_t now(void)
{
    return read_counter(COUNTER);
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
static __attribute__((noreturn, used)) void report_frame(const uint32_t *frame)
{
    report_fault(frame, frame < stack_bottom ? 0 : frame[6]);
}

/* The stack may be what is broken: start on a fresh one. */
static __attribute__((naked)) void fault(void)
{
    __asm__ volatile("mov r0, sp\n\t"
                     "ldr r1, =stack_top\n\t"
                     "mov sp, r1\n\t"
                     "bl report_frame");
}

#endif
