/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STUB_PRINTK_H
#define STUB_PRINTK_H

#include <stdio.h>

#define printk printf

#endif
