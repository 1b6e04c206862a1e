/* SPDX-License-Identifier: Apache-2.0 */
/* usart.h - standard output on USART2: PA2, which ST-LINK shows as a serial port over USB; 115200 baud. */
#ifndef USART_H
#define USART_H

void usart_init(void);

#endif /* USART_H */
