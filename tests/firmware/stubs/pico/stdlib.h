/* SPDX-License-Identifier: Apache-2.0 */
/* What the example needs of the Pico SDK, as a program of this machine: it ends at the first sleep. */
#ifndef STUB_PICO_STDLIB_H
#define STUB_PICO_STDLIB_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

typedef unsigned int uint;
#define GPIO_OUT true

static inline void stdio_init_all(void) {}
static inline void gpio_init(uint pin) { (void)pin; }
static inline void gpio_set_dir(uint pin, bool out) { (void)pin, (void)out; }
static inline void gpio_put(uint pin, bool on) { (void)pin, (void)on; }
static inline void sleep_ms(uint32_t milliseconds) { exit(milliseconds == 5000 ? EXIT_SUCCESS : EXIT_FAILURE); }

#endif
