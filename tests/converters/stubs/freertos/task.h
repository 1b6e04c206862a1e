/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STUB_TASK_H
#define STUB_TASK_H

#include "FreeRTOS.h"

static inline void vTaskDelay(TickType_t ticks) { exit(ticks == 500 ? EXIT_SUCCESS : EXIT_FAILURE); }

#endif
