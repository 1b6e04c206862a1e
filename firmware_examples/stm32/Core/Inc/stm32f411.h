/* SPDX-License-Identifier: Apache-2.0 */
/* stm32f411.h - the registers that this example uses; addresses and bits by ST's reference manual RM0383. */
#ifndef STM32F411_H
#define STM32F411_H

#include <stdint.h>

#define REGISTER(address) (*(volatile uint32_t *)(address))

#define RCC_AHB1ENR REGISTER(0x40023830u)
#define RCC_AHB1ENR_GPIOAEN (1u << 0)
#define RCC_APB1ENR REGISTER(0x40023840u)
#define RCC_APB1ENR_USART2EN (1u << 17)

#define GPIOA_MODER REGISTER(0x40020000u) /* two bits a pin; 2: another function */
#define GPIOA_AFRL REGISTER(0x40020020u)  /* four bits a pin; 7: USART2 on PA2 and PA3 */

#define USART2_SR REGISTER(0x40004400u)
#define USART_SR_TXE (1u << 7) /* there is room for a byte */
#define USART2_DR REGISTER(0x40004404u)
#define USART2_BRR REGISTER(0x40004408u)
#define USART2_CR1 REGISTER(0x4000440cu)
#define USART_CR1_TE (1u << 3)
#define USART_CR1_UE (1u << 13)

#define SYST_CSR REGISTER(0xe000e010u)
#define SYST_CSR_ENABLE (1u << 0)
#define SYST_CSR_CLKSOURCE (1u << 2)  /* the core's clock */
#define SYST_CSR_COUNTFLAG (1u << 16) /* has reached 0 since it was read */
#define SYST_RVR REGISTER(0xe000e014u)
#define SYST_CVR REGISTER(0xe000e018u)

#define SCB_CPACR REGISTER(0xe000ed88u) /* who may use the floating-point unit */

enum { HSI_HZ = 16000000 }; /* the clock after reset; nothing here sets another */

#endif /* STM32F411_H */
