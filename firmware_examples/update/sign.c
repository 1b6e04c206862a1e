/* SPDX-License-Identifier: Apache-2.0 */
/* Runs where updates are made, never on the device:
 *
 *     sign KEY public_key.h        writes the public key that belongs to the secret one in the file KEY (32 bytes)
 *     sign KEY FILE FILE.signed    writes FILE and, behind it, its signature: EdDSA over Curve25519, with BLAKE2b
 */
#include "monocypher.h"

#include <stdio.h>
#include <stdlib.h>

enum { KEY = 32, SECRET = 64, SIGNATURE = 64, MOST = 1 << 26 };

static uint8_t bytes[MOST + SIGNATURE];

static size_t load(const char *path, size_t most)
{
    FILE *const file = fopen(path, "rb");
    const size_t size = file == NULL ? 0 : fread(bytes, 1, most + 1u, file);
    if (size == 0 || size > most || fclose(file) != 0) {
        fprintf(stderr, "Error: %s is no file of 1 to %u bytes\n", path, (unsigned)most);
        exit(1);
    }
    return size;
}

int main(int count, char **paths)
{
    uint8_t seed[KEY], secret[SECRET], public[KEY];
    FILE *file;
    if ((count != 3 && count != 4) || load(paths[1], KEY) != KEY) {
        fprintf(stderr, "Error: give a key of %d bytes, then public_key.h or what to sign and what to write\n", KEY);
        return 1;
    }
    for (int i = 0; i < KEY; ++i) {
        seed[i] = bytes[i];
    }
    crypto_eddsa_key_pair(secret, public, seed);
    file = fopen(paths[count - 1], "wb");
    if (file == NULL) {
        perror(paths[count - 1]);
        return 1;
    }
    if (count == 3) {
        fprintf(file, "enum { SIGNATURE_SIZE = %d };\nstatic const unsigned char public_key[%d] = {", SIGNATURE, KEY);
        for (int i = 0; i < KEY; ++i) {
            fprintf(file, "%s0x%02x", i > 0 ? ", " : "", public[i]);
        }
        fprintf(file, "};\n");
    } else {
        const size_t size = load(paths[2], MOST);
        crypto_eddsa_sign(bytes + size, secret, bytes, size);
        fwrite(bytes, 1, size + SIGNATURE, file);
    }
    crypto_wipe(secret, sizeof secret);
    return ferror(file) != 0 || fclose(file) != 0;
}
