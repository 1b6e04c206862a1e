/* SPDX-License-Identifier: Apache-2.0 */
/* semihosting.c - see semihosting.h. Operations: https://github.com/ARM-software/abi-aa, semihosting.rst */
#include "semihosting.h"

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

void say_number(int number)
{
    char text[12]; /* "-2147483648" */
    char *at = text + sizeof text - 1;
    unsigned rest = number < 0 ? 0u - (unsigned)number : (unsigned)number;
    *at = '\0';
    do {
        *--at = (char)('0' + rest % 10u);
        rest /= 10u;
    } while (rest > 0u);
    if (number < 0) {
        *--at = '-';
    }
    say(at);
}

void leave(int code)
{
    const uint32_t arguments[] = {ADP_STOPPED_APPLICATION_EXIT, (uint32_t)code};
    call(SYS_EXIT_EXTENDED, arguments);
    for (;;) {
    }
}
