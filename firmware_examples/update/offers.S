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
    file factory, factory.signed
    file damaged, damaged.signed
    file truncated, truncated.signed
    file forged, forged.signed
    file foreign, foreign.signed
    file update, update.signed
