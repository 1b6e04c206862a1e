/* SPDX-License-Identifier: Apache-2.0 */
/* terminal.c - what is the same on every terminal; see terminal.h. */
#include "terminal.h"

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
