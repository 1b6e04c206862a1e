/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the package's example on a Raspberry Pi Pico, again every five seconds; the LED is on while it runs. */
#include "pico/stdlib.h"

int edgecnn_demo(void); /* build/edgecnn_model/example/main.c */

int main(void)
{
    const uint led = 25; /* PICO_DEFAULT_LED_PIN; the Pico W has its LED behind the radio */
    stdio_init_all();
    gpio_init(led);
    gpio_set_dir(led, GPIO_OUT);
    for (;;) {
        gpio_put(led, true);
        (void)edgecnn_demo();
        gpio_put(led, false);
        sleep_ms(5000);
    }
}
