/* SPDX-License-Identifier: Apache-2.0 */
/* From reset to main, for a 32-bit RISC-V core that runs from RAM. */
#include "terminal.h"

#include <stdint.h>

extern uint32_t bss_start[], bss_end[]; /* link.ld */

int main(void);

static __attribute__((noreturn, used)) void run(void)
{
    for (uint32_t *to = bss_start; to < bss_end;) {
        *to++ = 0;
    }
    leave(main());
}

/* mtvec wants the address of a handler that is a multiple of four. */
static __attribute__((noreturn, used, aligned(4))) void fault(void)
{
    say("the core faulted\n");
    leave(1);
}

__attribute__((naked, used, section(".start"))) void start(void)
{
    __asm__ volatile("la sp, stack_top\n\t"
                     "la t0, fault\n\t"
                     ".option push\n\t"
                     ".option arch, +zicsr\n\t" /* registers of the core are an extension since 2019 */
                     "csrw mtvec, t0\n\t"
                     ".option pop\n\t"
                     "j run");
}
