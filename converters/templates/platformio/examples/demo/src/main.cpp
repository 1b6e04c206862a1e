/* SPDX-License-Identifier: 0BSD */
#include <Arduino.h>

@{sketch}
