/* SPDX-License-Identifier: Apache-2.0 */
/* What the example needs of FreeRTOS under ESP-IDF, as a program of this machine: it ends at the first delay. */
#ifndef STUB_FREERTOS_H
#define STUB_FREERTOS_H

#include <stdint.h>
#include <stdlib.h>

typedef uint32_t TickType_t;
#define pdMS_TO_TICKS(milliseconds) ((TickType_t)(milliseconds) / 10u)

void app_main(void);

#ifdef STUB_MAIN
int main(void) {
    app_main();
    return EXIT_FAILURE;
}
#endif
#endif
