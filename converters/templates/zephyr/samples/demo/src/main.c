/* SPDX-License-Identifier: 0BSD */
/* Tests the model on this board, then classifies a test picture; again every five seconds. */
#include "@{name}.h"
#include "@{name}_preprocess.h"
#include "@{name}_test.h"

#include <stdio.h>
#include <zephyr/kernel.h>
#include <zephyr/sys/printk.h>

static void say(const char *text)
{
    printk("%s", text);
}

@{app}

int main(void)
{
    for (;;) {
        (void)demo();
        k_msleep(5000);
    }
}
