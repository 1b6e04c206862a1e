/* SPDX-License-Identifier: Apache-2.0 */
/* Breaks a file of weights over and over, mends its CRC, and runs what the check lets pass.
 *
 * Reads how often and a seed, then the file; prints how many were accepted, and of each reason to refuse how many.
 */
#define _GNU_SOURCE
#include "net.c"

#ifdef PROGRAM_INPUT_BYTES /* on whatever has no files: as a program of edgecnn.runtime */
#include "program.h"
#else
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#endif

#include "edges.h" /* the inputs and outputs, and INPUTS and ARGUMENTS */

static EDGECNN_NET_ARENA(arena);
static uint32_t state;

static uint32_t below(uint32_t count)
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state % count;
}

/* A number of 32 bits, often one at an edge. */
static uint32_t number(void)
{
    static const uint32_t edges[] = {0u,   1u,   0xffffffffu, 0x80000000u, 0x7fffffffu, 0x40000000u, 0x7f7f7f7fu,
                                     127u, 128u, 30u,         31u,         32u,         0xffffffe1u, 0xffffffe0u,
                                     14u,  15u,  16u,         0x80808080u, 0x1f1f1f1fu, 0xffff8000u};
    const uint32_t at = below(2u * sizeof edges / sizeof *edges);
    state += at;
    return at < sizeof edges / sizeof *edges ? edges[at] : state ^ state << 7;
}

static void change(uint8_t *weights, uint32_t size)
{
    const uint32_t numbers = (uint32_t)(sizeof net_kinds * sizeof(int32_t) + 15u) / 16u * 16u;
    /* Half of the changes hit a number, which are few among the tables; few hit the header. */
    const uint32_t first = below(2) == 0 ? size - numbers : below(16) == 0 ? 0 : net_HEADER_SIZE;
    const uint32_t at = first + below((size - first) / 4u) * 4u, value = number(), rest = size - at;
    switch (below(4)) {
    case 0:
        weights[at + below(4)] ^= (uint8_t)(1u << below(8));
        break;
    case 1:
        weights[at + below(4)] = (uint8_t)value;
        break;
    case 2:
        memcpy(weights + at, &value, sizeof value);
        break;
    default: /* a whole table, maybe */
        memset(weights + at, (int)(value & 255u), below(rest < 1024u ? rest : 1024u) + 1u);
        break;
    }
}

static void mend(uint8_t *weights, uint32_t size)
{
    uint32_t crc = net_weights_crc(0xffffffffu, weights, net_CRC_AT);
    crc = ~net_weights_crc(crc, weights + net_HEADER_SIZE, size - net_HEADER_SIZE);
    memcpy(weights + net_CRC_AT, &crc, sizeof crc);
}

static void fill(void *bytes, size_t size)
{
    for (size_t i = 0; i < size; ++i) {
        ((uint8_t *)bytes)[i] = (uint8_t)below(256);
    }
}

static void fill_inputs(void)
{
    INPUTS
}

/* Counts by reason, 0 for what was accepted; returns whether all that was accepted ran. */
static int try_changes(uint32_t count, const uint8_t *given, uint32_t size, uint8_t *weights, uint32_t reasons[8])
{
    edgecnn_net_t nn;
    while (count-- > 0) {
        int refused;
        memcpy(weights, given, size);
        for (uint32_t changes = below(4) + 1u; changes > 0; --changes) {
            change(weights, size);
        }
        mend(weights, size);
        refused = edgecnn_net_check_weights(weights, size, 0);
        ++reasons[-refused];
        if (refused == 0) {
            fill_inputs();
            if (edgecnn_net_init(&nn, &arena, sizeof arena, weights, size) != 0) {
                return 0;
            }
            (void)edgecnn_net_run(&nn, ARGUMENTS);
        }
    }
    return 1;
}

#ifdef PROGRAM_INPUT_BYTES
int program_setup(void)
{
    return 0;
}

int program_run(const int8_t *from, int8_t *to)
{
    static __attribute__((aligned(16))) uint8_t weights[PROGRAM_INPUT_BYTES - 8];
    uint32_t count, reasons[8] = {0, 0, 0, 0, 0, 0, 0, 0};
    memcpy(&count, from, 4);
    memcpy(&state, from + 4, 4);
    if (!try_changes(count, (const uint8_t *)from + 8, sizeof weights, weights, reasons)) {
        return 1;
    }
    memcpy(to, reasons, sizeof reasons);
    return 0;
}
#else
/* Memory that ends where nobody may read: where there is no AddressSanitizer, the processor watches. */
static void *ending_at_a_page(size_t size)
{
    const size_t page = 65536, whole = (size + page - 1) / page * page;
    uint8_t *at = mmap(NULL, whole + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED || mprotect(at + whole, page, PROT_NONE) != 0) {
        exit(1);
    }
    return at + whole - size;
}

int main(void)
{
    static uint8_t given[1 << 20];
    uint32_t count, size, reasons[8] = {0, 0, 0, 0, 0, 0, 0, 0};
    if (fread(&count, 4, 1, stdin) != 1 || fread(&state, 4, 1, stdin) != 1) {
        return 1;
    }
    size = (uint32_t)fread(given, 1, sizeof given, stdin);
    if (!try_changes(count, given, size, ending_at_a_page(size), reasons)) {
        return 1;
    }
    for (int i = 0; i < 8; ++i) {
        printf("%u ", reasons[i]);
    }
    return 0;
}
#endif
