/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the package's example on a Nucleo-F411RE, again every five seconds. */
#include "stm32f411.h"
#include "usart.h"

#include <stdio.h>

int edgecnn_demo(void); /* build/edgecnn_model/example/main.c */

static void wait_ms(int milliseconds)
{
    SYST_RVR = HSI_HZ / 1000 - 1;
    SYST_CVR = 0;
    SYST_CSR = SYST_CSR_CLKSOURCE | SYST_CSR_ENABLE;
    while (milliseconds > 0) {
        milliseconds -= (SYST_CSR & SYST_CSR_COUNTFLAG) != 0;
    }
}

int main(void)
{
    usart_init();
    for (;;) {
        (void)edgecnn_demo();
        (void)fflush(stdout);
        wait_ms(5000);
    }
}
