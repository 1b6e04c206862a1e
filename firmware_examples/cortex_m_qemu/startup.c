/* SPDX-License-Identifier: Apache-2.0 */
/* From reset to main, for any Cortex-M. */
#include "terminal.h"

#include <stdint.h>

extern uint32_t stack_top[], data_load[], data_start[], data_end[], bss_start[], bss_end[]; /* link.ld */

int main(void);

#define CCR (*(volatile uint32_t *)0xe000ed14u)   /* Configuration and Control Register */
#define CPACR (*(volatile uint32_t *)0xe000ed88u) /* Coprocessor Access Control Register */

__attribute__((noreturn)) void reset(void); /* link.ld names it */
void reset(void)
{
#ifndef __ARM_FEATURE_UNALIGNED
    CCR |= 1u << 3; /* UNALIGN_TRP: the M3 that stands in for an M0+ faults where that one would */
#endif
#ifdef __ARM_FP
    /* The floating-point unit, and MVE, are off after reset; the loops below may use them already. */
    CPACR |= 0xfu << 20;
    __asm__ volatile("dsb\n\tisb" ::: "memory");
#endif
    for (uint32_t *from = data_load, *to = data_start; to < data_end;) {
        *to++ = *from++;
    }
    for (uint32_t *to = bss_start; to < bss_end;) {
        *to++ = 0;
    }
    leave(main());
}

static __attribute__((noreturn, used)) void say_fault(void)
{
    say("the core faulted\n");
    leave(1);
}

/* The stack may be what is broken: start on a fresh one. */
static __attribute__((naked)) void fault(void)
{
    __asm__ volatile("ldr r0, =stack_top\n\t"
                     "mov sp, r0\n\t"
                     "bl say_fault");
}

/* No interrupt is switched on, and all other faults escalate to HardFault after reset. */
enum { VECTOR_STACK = 0, VECTOR_RESET = 1, VECTOR_HARD_FAULT = 3 };
static const uintptr_t vectors[16] __attribute__((section(".vectors"), used)) = {
    [VECTOR_STACK] = (uintptr_t)stack_top,
    [VECTOR_RESET] = (uintptr_t)reset,
    [VECTOR_HARD_FAULT] = (uintptr_t)fault,
};
