/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A file of the store: as it is, and behind a header that is right for it, or the checksum would keep all
 * but the seeds out. A record that is taken is written and read again to the same text.
 */

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "store/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void unseal(const char *text, size_t size)
{
        for (EntryKind kind = ENTRY_RECORD; kind <= ENTRY_VERDICTS; kind++) {
                const char *body = NULL, *why = NULL;
                size_t body_size;
                int r = entry_unseal(kind, text, size, &body, &body_size, &why);

                if (r == 0 ? body + body_size != text + size || strlen(body) != body_size
                           : r != -EBADMSG || !why)
                        abort();
        }
}

/* The identity that made this ID, as far as it can be told: a chain's digests are not in the record. */
static bool make_identity(const json_object *json, Identity *ret)
{
        const char *modules = json_get_string(json, "modules"), *digest = json_get_string(json, "digest");
        char id[RECORD_ID_SIZE];

        if (*json_get_string(json, "launcher") || strlen(modules) >= sizeof(ret->modules_fingerprint))
                return false;
        *ret = (Identity){.executable = strdup("/x")};
        strcpy(ret->digest, digest);
        strcpy(ret->modules_fingerprint, modules);
        if (!ret->executable || record_id(ret, id) < 0 || !streq(id, json_get_string(json, "id")))
                abort();
        return true;
}

static void write_again(const char *id, MusterFacts *facts)
{
        CLEANUP(facts) MusterFacts *again = NULL;
        CLEANUP(free) char *text = NULL, *second = NULL;
        size_t size, second_size;
        int r;

        if (facts_seal(facts, NULL) < 0)
                return;
        r = record_to_text(id, facts, NULL, 0, &text, &size);
        /* An answer may nest as deep as the reader bears, and be too deep for a writer that puts it deeper.
         */
        if (r == -E2BIG || r == -EBADMSG)
                return;
        if (r < 0 || record_from_text(text, size, id, &again, NULL, NULL) < 0)
                abort();
        again->identity = facts->identity;
        facts->identity = (Identity){0};
        if (facts_seal(again, NULL) < 0 || record_to_text(id, again, NULL, 0, &second, &second_size) < 0 ||
            !streq(text, second))
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CLEANUP(free) char *raw = malloc(size + 1), *text = NULL;
        CLEANUP(facts) MusterFacts *facts = NULL;
        CLEANUP(json) json_object *json = NULL;
        CLEANUP(MusterError) MusterError *error = NULL;
        const char *body, *why;
        size_t text_size, body_size;
        int r;

        if (!raw)
                return 0;
        memcpy(raw, data, size);
        raw[size] = '\0';
        unseal(raw, size);
        if (entry_seal(ENTRY_RECORD, raw, size, &text, &text_size) < 0)
                abort();
        r = entry_unseal(ENTRY_RECORD, text, text_size, &body, &body_size, &why);
        if ((r == 0) != (strlen(raw) == size))
                abort();
        if (r < 0)
                return 0;
        r = record_from_text(body, body_size, /* id= */ NULL, &facts, &json, &error);
        if (r < 0 ? r != -EBADMSG || !error || facts || json : !facts || !json || error)
                abort();
        if (r == 0 && make_identity(json, &facts->identity))
                write_again(json_get_string(json, "id"), facts);
        return 0;
}
