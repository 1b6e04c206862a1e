/* SPDX-License-Identifier: 0BSD */
/* Tests the model on this chip, then classifies a test picture; again every five seconds. */
#include "@{name}.h"
#include "@{name}_preprocess.h"
#include "@{name}_test.h"

#include "freertos/FreeRTOS.h"
#include "freertos/task.h"

#include <stdio.h>

static void say(const char *text)
{
    (void)fputs(text, stdout);
}

@{app}

void app_main(void)
{
    for (;;) {
        (void)demo();
        vTaskDelay(pdMS_TO_TICKS(5000));
    }
}
