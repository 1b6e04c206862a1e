/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin for QEMU: counts how often program_run executes each block of instructions in each step of a network.
 *
 * The program runs as it is; nothing in it knows that it is watched. A block is a stretch of instructions that QEMU
 * translates at once, and that are executed one behind the other. Which step of the network runs is seen by loads
 * from the table of the generated C that holds the order of steps, in pairs of a step and how often it fires.
 *
 * Arguments: run=ADDRESS of program_run, table=ADDRESS, steps=FILE with the first byte of each pair of the table, and
 * out=FILE to write. Each line of that says of a block, in decimal: the step (256 before the first), the block's first
 * address, the address behind it, instructions in it, how often it was executed, and how often of that it ended in a
 * jump, not in going on to what lies behind it.
 *
 * On the compiler's command line: PLUGIN_VERSION of QEMU's interface.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the interface: https://qemu.readthedocs.io/en/v7.2.0/devel/tcg-plugins.html; Debian has no package of its header */

typedef void each_block(uint64_t id, void *block);
typedef void each_execution(unsigned int cpu, void *data);
typedef void each_access(unsigned int cpu, uint32_t info, uint64_t address, void *data);
/* QEMU 7.2 mistakes loads for stores, so both are asked for. */
enum { NO_REGISTERS = 0, LOADS_AND_STORES = 3 };

void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, each_block *call);
void qemu_plugin_register_vcpu_tb_exec_cb(void *block, each_execution *call, int registers, void *data);
void qemu_plugin_register_vcpu_mem_cb(void *instruction, each_access *call, int registers, int kind, void *data);
void qemu_plugin_register_atexit_cb(uint64_t id, void (*call)(uint64_t id, void *data), void *data);
size_t qemu_plugin_tb_n_insns(const void *block);
uint64_t qemu_plugin_tb_vaddr(const void *block);
void *qemu_plugin_tb_get_insn(const void *block, size_t index);
uint64_t qemu_plugin_insn_vaddr(const void *instruction);
size_t qemu_plugin_insn_size(const void *instruction);

extern int qemu_plugin_version;
int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv);

int qemu_plugin_version = PLUGIN_VERSION;

/* ---------------------------------------------------------------------------------------------------------------- */

enum { BEFORE_THE_FIRST = 256, STEPS };

struct counts {
    uint64_t executed, jumped;
};

struct block {
    struct block *next;
    uint64_t begin, end, instructions;
    struct counts counts[STEPS];
};

static struct block *blocks; /* the last one translated comes first */
static uint64_t run, table;
static const char *out;
static uint8_t steps[1 << 20];
static size_t pairs;

static bool running;
static unsigned int step;
static struct counts *last; /* of the block that was executed last */
static uint64_t behind_last;
static uint64_t return_to;

static void execute(unsigned int cpu, void *data)
{
    struct block *const block = data;
    (void)cpu;
    if (!running && block->begin == run) {
        running = true;
        step = BEFORE_THE_FIRST;
        return_to = behind_last; /* a call ends a block */
    } else if (running) {
        last->jumped += block->begin != behind_last;
        running = block->begin != return_to;
    }
    if (running) {
        last = &block->counts[step];
        last->executed++;
    }
    behind_last = block->end;
}

static void access(unsigned int cpu, uint32_t info, uint64_t address, void *data)
{
    (void)cpu, (void)info, (void)data;
    if (address - table < 2 * pairs) {
        step = steps[(address - table) / 2];
    }
}

static void translate(uint64_t id, void *translated)
{
    const size_t count = qemu_plugin_tb_n_insns(translated);
    struct block *const block = calloc(1, sizeof *block);
    (void)id;
    if (block == NULL) {
        abort();
    }
    for (size_t i = 0; i < count; i++) {
        void *const instruction = qemu_plugin_tb_get_insn(translated, i);
        qemu_plugin_register_vcpu_mem_cb(instruction, access, NO_REGISTERS, LOADS_AND_STORES, NULL);
        block->end = qemu_plugin_insn_vaddr(instruction) + qemu_plugin_insn_size(instruction);
    }
    block->begin = qemu_plugin_tb_vaddr(translated);
    block->instructions = count;
    block->next = blocks;
    blocks = block;
    qemu_plugin_register_vcpu_tb_exec_cb(translated, execute, NO_REGISTERS, block);
}

static void finish(uint64_t id, void *data)
{
    FILE *const file = fopen(out, "w");
    (void)id, (void)data;
    if (file == NULL) {
        return; /* whoever wants the file says that it is missing */
    }
    for (const struct block *block = blocks; block != NULL; block = block->next) {
        for (unsigned int i = 0; i < STEPS; i++) {
            if (block->counts[i].executed > 0) {
                fprintf(file, "%u %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", i, block->begin,
                        block->end, block->instructions, block->counts[i].executed, block->counts[i].jumped);
            }
        }
    }
    (void)fclose(file);
}

/* Returns what stands behind `name` in the arguments, which are all given. */
static const char *argument(const char *name, int argc, char **argv)
{
    const size_t length = strlen(name);
    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], name, length) == 0) {
            return argv[i] + length;
        }
    }
    abort();
}

int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
    FILE *const file = fopen(argument("steps=", argc, argv), "rb");
    (void)info;
    if (file == NULL) {
        return 1;
    }
    pairs = fread(steps, 1, sizeof steps, file);
    (void)fclose(file);
    run = strtoull(argument("run=", argc, argv), NULL, 0);
    table = strtoull(argument("table=", argc, argv), NULL, 0);
    out = argument("out=", argc, argv);
    qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
    qemu_plugin_register_atexit_cb(id, finish, NULL);
    return 0;
}
