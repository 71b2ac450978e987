/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A facts record; what is read is written and read again to the same text. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/facts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CLEANUP(facts) MusterFacts *facts = NULL, *again = NULL;
        CLEANUP(free) char *text = NULL, *second = NULL;

        if (muster_facts_from_json((const char *)data, size, &facts, NULL) < 0)
                return 0;
        if (muster_facts_to_json(facts, &text, NULL) < 0)
                abort();
        if (muster_facts_from_json(text, strlen(text), &again, NULL) < 0 ||
            muster_facts_to_json(again, &second, NULL) < 0 || strcmp(text, second) != 0)
                abort();
        return 0;
}
