/* SPDX-License-Identifier: Apache-2.0 */
/* semihosting.c - a terminal by way of the debugger, or of QEMU in its place; see terminal.h.
 *
 * On a board that nobody debugs, `bkpt` is a fault: replace this file by one that writes to a serial port.
 * Operations: https://github.com/ARM-software/abi-aa, semihosting.rst
 */
#include "terminal.h"

#include <stdint.h>

enum { SYS_WRITE0 = 0x04, SYS_EXIT_EXTENDED = 0x20 };
enum { ADP_STOPPED_APPLICATION_EXIT = 0x20026 };

static void call(int operation, const void *argument)
{
    register int r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
}

void say(const char *text)
{
    call(SYS_WRITE0, text);
}

void leave(int code)
{
    const uint32_t arguments[] = {ADP_STOPPED_APPLICATION_EXIT, (uint32_t)code};
    call(SYS_EXIT_EXTENDED, arguments);
    for (;;) {
    }
}
