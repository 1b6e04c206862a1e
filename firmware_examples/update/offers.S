/* SPDX-License-Identifier: Apache-2.0 */
/* What arrives over the air, here in flash already; the assembler finds build/ by -I. */
    .macro file name, path
    .balign 16
    .global \name, \name\()_end
\name:
    .incbin "\path"
\name\()_end:
    .endm

    .section .rodata
    file factory, model_weights.bin
    file damaged, update/damaged.bin
    file truncated, update/truncated.bin
    file foreign, foreign/model_weights.bin
    file update, update/model_weights.bin
