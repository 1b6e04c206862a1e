/* SPDX-License-Identifier: 0BSD */
/* Tests the model on this core, then classifies a test picture. */
#include "@{name}.h"
#include "@{name}_preprocess.h"
#include "@{name}_test.h"

#include <stdio.h>

static void say(const char *text)
{
    (void)fputs(text, stdout);
}

@{app}

int main(void)
{
    return demo();
}
