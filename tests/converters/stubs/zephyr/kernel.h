/* SPDX-License-Identifier: Apache-2.0 */
/* What the sample needs of Zephyr, as a program of this machine: it ends at the first sleep. */
#ifndef STUB_KERNEL_H
#define STUB_KERNEL_H

#include <stdint.h>
#include <stdlib.h>

static inline int32_t k_msleep(int32_t milliseconds) { exit(milliseconds == 5000 ? EXIT_SUCCESS : EXIT_FAILURE); }

#endif
