/* SPDX-License-Identifier: Apache-2.0 */
/* What emulated_core.c needs to know of a 32-bit RISC-V core. */
#ifndef EDGECNN_EMULATED_RISCV_H
#define EDGECNN_EMULATED_RISCV_H

/* Registers of the core have instructions of an extension since 2019. */
#define CONTROL_REGISTERS ".option push\n\t.option arch, +zicsr\n\t"

/* https://github.com/riscv-non-isa/riscv-semihosting: three instructions of 32 bits that mean nothing else. */
static int32_t semihosting(int32_t operation, const void *arguments)
{
    register int32_t a0 __asm__("a0") = operation;
    register const void *a1 __asm__("a1") = arguments;
    __asm__ volatile(".balign 16\n\t" /* within one page */
                     ".option push\n\t"
                     ".option norvc\n\t"
                     "slli zero, zero, 0x1f\n\t"
                     "ebreak\n\t"
                     "srai zero, zero, 7\n\t"
                     ".option pop"
                     : "+r"(a0)
                     : "r"(a1)
                     : "memory");
    return a0;
}

static inline __attribute__((always_inline)) uint32_t *stack_pointer(void)
{
    uint32_t *sp;
    __asm__ volatile("mv %0, sp" : "=r"(sp));
    return sp;
}

/* Two instructions: what remains is what `measure` costs by itself. */
static __attribute__((naked, noinline)) int nothing(const int8_t *in, int8_t *out)
{
    (void)in, (void)out;
    __asm__ volatile("li a0, 0\n\t"
                     "ret");
}

static inline __attribute__((always_inline)) void reset_counter(void)
{
}

/* Under -icount shift=0 QEMU's minstret is exact. The loop is left at once, but where the lower half wraps. */
static __attribute__((naked, noinline)) uint64_t now(void)
{
    __asm__ volatile(CONTROL_REGISTERS
                     "1: csrr a1, minstreth\n\t"
                     "csrr a0, minstret\n\t"
                     "csrr a2, minstreth\n\t"
                     "bne a1, a2, 1b\n\t"
                     "ret\n\t"
                     ".option pop");
}

/* --- start-up: QEMU has loaded .data and cleared .bss ------------------------------------------------------------ */

/* The stack may be what is broken: start on a fresh one. */
static __attribute__((naked, used, aligned(4))) void fault(void)
{
    __asm__ volatile(CONTROL_REGISTERS
                     "mv a0, sp\n\t"
                     "csrr a1, mepc\n\t"
                     "la sp, stack_top\n\t"
                     "j report_fault\n\t"
                     ".option pop");
}

/* The core begins at the first address. */
static __attribute__((naked, used, section(".vectors"))) void reset(void)
{
    __asm__ volatile(CONTROL_REGISTERS
                     "la sp, stack_top\n\t"
                     "la t0, fault\n\t"
                     "csrw mtvec, t0\n\t"
                     "j run_all\n\t"
                     ".option pop");
}

#endif
