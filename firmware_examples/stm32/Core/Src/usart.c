/* SPDX-License-Identifier: Apache-2.0 */
/* usart.c - see usart.h. */
#include "usart.h"

#include "stm32f411.h"

enum { PIN = 2, BAUD = 115200 };

int _write(int file, const char *text, int length);

void usart_init(void)
{
    RCC_AHB1ENR |= RCC_AHB1ENR_GPIOAEN;
    RCC_APB1ENR |= RCC_APB1ENR_USART2EN;
    GPIOA_MODER = (GPIOA_MODER & ~(3u << 2 * PIN)) | 2u << 2 * PIN;
    GPIOA_AFRL = (GPIOA_AFRL & ~(15u << 4 * PIN)) | 7u << 4 * PIN;
    USART2_BRR = (HSI_HZ + BAUD / 2) / BAUD;
    USART2_CR1 = USART_CR1_UE | USART_CR1_TE;
}

/* What newlib prints with. */
int _write(int file, const char *text, int length)
{
    (void)file;
    for (int i = 0; i < length; ++i) {
        while ((USART2_SR & USART_SR_TXE) == 0) {
        }
        USART2_DR = (uint8_t)text[i];
    }
    return length;
}
