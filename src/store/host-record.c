/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Host facts. The name has a checksum of the fingerprint, so that each host of a shared folder, each user
 * and each state of KVM has a file of its own; the file has all of the fingerprint, and only the same text
 * is the same host.
 */

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "base/checksum.h"
#include "base/i18n.h"
#include "base/util.h"
#include "config.h"
#include "store/record.h"

char *host_name(const char *id, const char *fingerprint)
{
        char sum[HEX64_SIZE];

        hex64(checksum64_text(fingerprint), sum);
        return text_format("%s.%s", id, sum);
}

static int parse(const char *body, size_t size, const char *id, const char *fingerprint, MusterFacts *facts,
                 MusterError **ret_error)
{
        static const char *const keys[] = {"format", "muster", "id", "created", "fingerprint", "host", NULL};
        CLEANUP(json) json_object *root = NULL;
        int r;

        r = json_parse(body, size, &root);
        if (r == -ENOMEM)
                return error_oom(ret_error);
        if (r < 0 || !json_object_is_type(root, json_type_object) || json_get_int(root, "format", -1) != 1 ||
            facts_foreign_key(root, keys))
                return error_set(ret_error, -EBADMSG, _("The host facts are no JSON object of format 1."));
        if (!streq_ptr(json_get_string(root, "id"), id))
                return error_set(ret_error, -EBADMSG, _("The host facts are another emulator's."));
        if (!streq_ptr(json_get_string(root, "fingerprint"), fingerprint))
                return error_set(ret_error, -EBADMSG, _("The host facts are another host's."));
        return facts_parse_section(root, "host", FACT_HOST, /* measured= */ false, facts, ret_error);
}

int host_load(const MusterStore *store, const char *id, const char *fingerprint, MusterFacts *facts,
              FileStamp *ret_stamp)
{
        CLEANUP(free) char *name = host_name(id, fingerprint), *body = NULL;
        CLEANUP(MusterError) MusterError *error = NULL;
        size_t size, before = facts->n_facts;
        int r;

        if (!name)
                return -ENOMEM;
        r = entry_read(store, ENTRY_HOST, name, &body, &size, ret_stamp);
        if (r < 0)
                return r;
        r = parse(body, size, id, fingerprint, facts, &error);
        if (r < 0)
                facts_truncate(facts, before);
        if (r == -EBADMSG)
                return record_note_damaged(store, ENTRY_HOST, name, error);
        return r;
}

static int print(const char *id, const char *fingerprint, const MusterFacts *facts, char **ret_body,
                 size_t *ret_size)
{
        CLEANUP(json) json_object *text = json_object_new_string(fingerprint);
        CLEANUP(free) char *body = NULL;
        size_t size = 0;
        FILE *out = text ? open_memstream(&body, &size) : NULL;
        int r;

        if (!out)
                return -ENOMEM;
        fprintf(out,
                "{\"format\":1,\n\"muster\":\"%s\",\n\"id\":\"%s\",\n\"created\":%lld,\n\"fingerprint\":%s",
                MUSTER_VERSION, id, (long long)time(NULL),
                json_object_to_json_string_ext(text, JSON_C_TO_STRING_NOSLASHESCAPE));
        r = facts_write_section(out, "host", facts->facts, facts->n_facts, FACT_HOST);
        fputs("}\n", out);
        if (fclose(out) != 0)
                return -ENOMEM;
        if (r < 0)
                return r;
        *ret_body = TAKE(body);
        *ret_size = size;
        return 0;
}

int host_save(MusterStore *store, const char *id, const char *fingerprint, const MusterFacts *facts,
              FileStamp *ret_stamp)
{
        CLEANUP(free) char *name = host_name(id, fingerprint), *body = NULL;
        size_t size;
        int r;

        if (!name)
                return -ENOMEM;
        r = print(id, fingerprint, facts, &body, &size);
        return r < 0 ? r : entry_write(store, ENTRY_HOST, name, body, size, ret_stamp);
}
