/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the weights of the factory, is offered others, and takes over none but signed, newer ones made for this code. */
#include "model.h"
#include "monocypher.h"
#include "public_key.h"
#include "terminal.h"

extern const uint8_t factory[], factory_end[], damaged[], damaged_end[], truncated[], truncated_end[], forged[],
    forged_end[], foreign[], foreign_end[], update[], update_end[]; /* offers.S */

static EDGECNN_MODEL_ARENA(arena);
static edgecnn_model_t nn;

/* What EDGECNN_MODEL_VERIFY names: all but the signature at the end of a file is genuine, or nothing. */
size_t verify(const void *weights, size_t size)
{
    const size_t rest = size < SIGNATURE_SIZE ? 0 : size - SIGNATURE_SIZE;
    const uint8_t *const signature = (const uint8_t *)weights + rest;
    return rest != 0 && crypto_eddsa_check(signature, public_key, weights, rest) == 0 ? rest : 0;
}

static const char *reason(int refused)
{
    switch (refused) {
    case EDGECNN_MODEL_WEIGHTS_ABSENT:
        return "no weights";
    case EDGECNN_MODEL_WEIGHTS_TRUNCATED:
        return "truncated";
    case EDGECNN_MODEL_WEIGHTS_DAMAGED:
        return "damaged";
    case EDGECNN_MODEL_WEIGHTS_FOREIGN:
        return "made for other code";
    case EDGECNN_MODEL_WEIGHTS_OLDER:
        return "older than what runs";
    case EDGECNN_MODEL_WEIGHTS_OUT_OF_RANGE:
        return "numbers out of range";
    case EDGECNN_MODEL_WEIGHTS_UNVERIFIED:
        return "no good signature";
    default:
        return "the arena is too small";
    }
}

static void run(void)
{
    static int8_t input[EDGECNN_MODEL_INPUT_SIZE], output[EDGECNN_MODEL_OUTPUT_SIZE];
    for (unsigned i = 0; i < sizeof input; ++i) {
        input[i] = (int8_t)((int)(i * 7u % 256u) - 128);
    }
    (void)edgecnn_model_run(&nn, input, output);
    say("output");
    for (unsigned i = 0; i < sizeof output; ++i) {
        say(" ");
        say_number(output[i]);
    }
    say("\n");
}

/* Takes weights over if they are good and at least of version `oldest`; returns the version that runs now. */
static uint32_t offer(const char *name, const uint8_t *weights, const uint8_t *end, uint32_t oldest)
{
    const size_t size = (size_t)(end - weights);
    int refused = edgecnn_model_check_weights(weights, size, oldest);
    if (refused == 0) {
        refused = edgecnn_model_init(&nn, &arena, sizeof arena, weights, size);
    }
    say(name);
    if (refused != 0) {
        say(": refused, ");
        say(reason(refused));
        say("\n");
        return oldest;
    }
    oldest = edgecnn_model_weights_version(weights);
    say(": runs, version ");
    say_number((int)oldest);
    say("\n");
    return oldest;
}

int main(void)
{
    uint32_t version = offer("factory", factory, factory_end, 0);
    run();
    version = offer("damaged", damaged, damaged_end, version);
    version = offer("truncated", truncated, truncated_end, version);
    version = offer("forged", forged, forged_end, version);
    version = offer("foreign", foreign, foreign_end, version);
    version = offer("update", update, update_end, version);
    run();
    version = offer("factory", factory, factory_end, version);
    run();
    return version != 2;
}
