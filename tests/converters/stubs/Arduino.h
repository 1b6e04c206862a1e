/* SPDX-License-Identifier: Apache-2.0 */
/* What the example needs of Arduino, as a program of this machine: it ends at the first delay. */
#ifndef STUB_ARDUINO_H
#define STUB_ARDUINO_H

#include <stdio.h>
#include <stdlib.h>

struct StubSerial {
    void begin(unsigned long) {}
    void print(const char *text) { fputs(text, stdout); }
};
static StubSerial Serial;

static inline void delay(unsigned long) { exit(EXIT_SUCCESS); }

void setup();
void loop();

#ifdef STUB_MAIN
int main() {
    setup();
    for (;;) {
        loop();
    }
}
#endif
#endif
