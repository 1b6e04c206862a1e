/* SPDX-License-Identifier: Apache-2.0 */
/* semihosting.h - a terminal and an exit code by way of the debugger, or of QEMU in its place.
 *
 * On a board that nobody debugs, `bkpt` is a fault: replace semihosting.c by one that writes to a serial port.
 */
#ifndef SEMIHOSTING_H
#define SEMIHOSTING_H

void say(const char *text);
void say_number(int number);

/* Ends the program; the emulator exits with this code. */
__attribute__((noreturn)) void leave(int code);

#endif /* SEMIHOSTING_H */
