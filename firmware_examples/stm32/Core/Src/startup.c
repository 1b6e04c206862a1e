/* SPDX-License-Identifier: Apache-2.0 */
/* From reset to main. */
#include "stm32f411.h"

extern uint32_t stack_top[], data_load[], data_start[], data_end[], bss_start[], bss_end[]; /* the linker script */

int main(void);
void Reset_Handler(void);

void Reset_Handler(void)
{
    SCB_CPACR |= 0xfu << 20;
    __asm__ volatile("dsb\n\tisb" ::: "memory");
    for (uint32_t *from = data_load, *to = data_start; to < data_end;) {
        *to++ = *from++;
    }
    for (uint32_t *to = bss_start; to < bss_end;) {
        *to++ = 0;
    }
    (void)main();
    for (;;) {
    }
}

static void fault(void)
{
    for (;;) {
    }
}

/* No interrupt is switched on; all faults escalate to HardFault after reset. */
static const uintptr_t vectors[16] __attribute__((section(".isr_vector"), used)) = {
    [0] = (uintptr_t)stack_top,
    [1] = (uintptr_t)Reset_Handler,
    [2] = (uintptr_t)fault,
    [3] = (uintptr_t)fault,
};
