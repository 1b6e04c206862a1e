# SPDX-License-Identifier: 0BSD
# A toolchain file for bare-metal Cortex-M: -DCPU=cortex-m0plus, cortex-m3, cortex-m4, cortex-m7, cortex-m33, cortex-m55.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR arm)
set(CMAKE_C_COMPILER arm-none-eabi-gcc)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY) # nothing can be linked yet: there is no board
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES CPU)

set(CPU cortex-m4 CACHE STRING "What -mcpu= is to say")
set(floating_point_of_cortex-m4 "-mfpu=fpv4-sp-d16 -mfloat-abi=hard")
set(floating_point_of_cortex-m7 "-mfpu=fpv5-sp-d16 -mfloat-abi=hard")
set(floating_point_of_cortex-m33 "-mfpu=fpv5-sp-d16 -mfloat-abi=hard")
set(floating_point_of_cortex-m55 "-mfloat-abi=hard")
set(CMAKE_C_FLAGS_INIT "-mcpu=${CPU} -mthumb ${floating_point_of_${CPU}} -ffunction-sections -fdata-sections")
