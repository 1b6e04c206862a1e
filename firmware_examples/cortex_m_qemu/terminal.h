/* SPDX-License-Identifier: Apache-2.0 */
/* terminal.h - text and an exit code, whatever carries them: semihosting.c, or a serial port's own file. */
#ifndef TERMINAL_H
#define TERMINAL_H

void say(const char *text);
void say_number(int number);

/* Ends the program; an emulator exits with this code. */
__attribute__((noreturn)) void leave(int code);

#endif /* TERMINAL_H */
