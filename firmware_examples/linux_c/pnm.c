/* SPDX-License-Identifier: Apache-2.0 */
/* pnm.c - see pnm.h. The format: https://netpbm.sourceforge.net/doc/ppm.html */
#include "pnm.h"

#include <ctype.h>

enum { MOST_PIXELS = 16383 };

/* Reads a number of the header, and the one white space that ends it, past white space and comments before it.
 * Returns 0 where there is none from 1 to MOST_PIXELS.
 */
static uint16_t read_number(FILE *file)
{
    int value = 0, c;
    do {
        c = getc(file);
        if (c == '#') {
            while (c != '\n' && c != EOF) {
                c = getc(file);
            }
        }
    } while (isspace(c));
    while (isdigit(c) && value <= MOST_PIXELS) {
        value = 10 * value + (c - '0');
        c = getc(file);
    }
    return (uint16_t)(isspace(c) && value <= MOST_PIXELS ? value : 0);
}

int pnm_open(struct pnm *image, FILE *file)
{
    const int p = getc(file), kind = getc(file);
    image->file = file;
    image->channels = kind == '6' ? 3 : 1;
    image->width = read_number(file);
    image->height = read_number(file);
    if (p != 'P' || (kind != '5' && kind != '6') || image->width == 0 || image->height == 0) {
        return -1;
    }
    return read_number(file) == 255 ? 0 : -1;
}

size_t pnm_line_size(const struct pnm *image)
{
    return (size_t)image->width * (size_t)image->channels;
}

int pnm_read_line(struct pnm *image, uint8_t *line)
{
    return fread(line, pnm_line_size(image), 1, image->file) == 1 ? 0 : -1;
}
