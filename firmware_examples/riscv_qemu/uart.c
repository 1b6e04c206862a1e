/* SPDX-License-Identifier: Apache-2.0 */
/* uart.c - the terminal of QEMU's `virt` board: an NS16550A, and a device that ends the emulation. */
#include "terminal.h"

#include <stdint.h>

#define UART_DATA (*(volatile uint8_t *)0x10000000u)
#define UART_STATUS (*(volatile uint8_t *)0x10000005u) /* bit 5: there is room for a byte */
#define FINISHER (*(volatile uint32_t *)0x00100000u)   /* 0x5555: exit code 0; 0x3333 with a code above it */

void say(const char *text)
{
    for (; *text != '\0'; ++text) {
        while ((UART_STATUS & 1u << 5) == 0) {
        }
        UART_DATA = (uint8_t)*text;
    }
}

void leave(int code)
{
    FINISHER = code == 0 ? 0x5555u : (uint32_t)code << 16 | 0x3333u;
    for (;;) {
    }
}
