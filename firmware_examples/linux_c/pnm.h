/* SPDX-License-Identifier: Apache-2.0 */
/* pnm.h - reads PGM (P5) and PPM (P6) pictures with 8 bits a sample, line by line. */
#ifndef PNM_H
#define PNM_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct pnm {
    FILE *file;
    uint16_t width, height; /* 1 to 16383 */
    int channels;           /* 1: grey, 3: red, green, blue */
};

/* Reads the header of a picture. Returns 0, or -1: it is none, or none of this kind. */
int pnm_open(struct pnm *image, FILE *file);

/* Bytes of a line. */
size_t pnm_line_size(const struct pnm *image);

/* Reads the next line, from top to bottom. Returns 0, or -1: the file ends. */
int pnm_read_line(struct pnm *image, uint8_t *line);

#endif /* PNM_H */
