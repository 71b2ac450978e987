/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/record.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "base/i18n.h"
#include "base/util.h"
#include "config.h"

#define VARIANT_DIGITS 16

static int print_id(const char *digest, const char *modules, const char *launcher,
                    char ret[static RECORD_ID_SIZE])
{
        CLEANUP(free) char *text = text_format("modules %s\nlauncher %s\n", modules, launcher);
        char variant[DIGEST_HEX_SIZE];
        int r;

        if (!text)
                return -ENOMEM;
        r = digest_bytes(text, strlen(text), variant);
        if (r < 0)
                return r;
        snprintf(ret, RECORD_ID_SIZE, "%s.%.*s", digest, VARIANT_DIGITS, variant);
        return 0;
}

int record_id(const Identity *identity, char ret[static RECORD_ID_SIZE])
{
        char launcher[DIGEST_HEX_SIZE];
        int r;

        r = identity_launcher(identity, launcher);
        return r < 0 ? r : print_id(identity->digest, identity->modules_fingerprint, launcher, ret);
}

bool record_id_is_valid(const char *id)
{
        static const char digits[] = "0123456789abcdef";
        size_t n = strspn(id, digits);

        return n == DIGEST_HEX_SIZE - 1 && id[n] == '.' && strspn(id + n + 1, digits) == VARIANT_DIGITS &&
               strlen(id) == RECORD_ID_SIZE - 1;
}

char *record_fragment(const MusterError *error)
{
        const char *sentence = muster_error_message(error);
        size_t n = strlen(sentence);

        return strndup(sentence, n > 0 && sentence[n - 1] == '.' ? n - 1 : n);
}

int record_note_damaged(const MusterStore *store, EntryKind kind, const char *name, const MusterError *error)
{
        CLEANUP(free) char *why = record_fragment(error);

        return why ? entry_note_damaged(store, kind, name, why) : -ENOMEM;
}

char *record_lock_name(const char *id)
{
        return text_format("record:%s", id);
}

/* All members but the facts, in the order in which they are written. */
static int make_head(const char *id, const MusterFacts *facts, int64_t created, json_object **ret)
{
        CLEANUP(json) json_object *head = json_object_new_object();
        const Identity *identity = &facts->identity;
        const char *slash = strrchr(identity->executable, '/');
        char launcher[DIGEST_HEX_SIZE];
        int r;

        r = identity_launcher(identity, launcher);
        if (r < 0)
                return r;
        if (!head || json_add_int(head, "format", 1) < 0 ||
            json_add_string(head, "muster", MUSTER_VERSION) < 0 || json_add_string(head, "id", id) < 0 ||
            json_add_string(head, "name", slash ? slash + 1 : identity->executable) < 0 ||
            json_add_string(head, "kind", facts_kind_name(facts->kind)) < 0 ||
            json_add_string(head, "version", facts->version) < 0 ||
            json_add_string(head, "package", facts->package) < 0 ||
            json_add_string(head, "target", facts->target) < 0 ||
            json_add_string(head, "digest", identity->digest) < 0 ||
            json_add_string(head, "modules", identity->modules_fingerprint) < 0 ||
            json_add_string(head, "launcher", launcher) < 0 || json_add_int(head, "created", created) < 0 ||
            json_add_int(head, "module-count", (int64_t)identity->n_modules) < 0 ||
            json_add_int(head, "executable-size", (int64_t)identity->stamp.size) < 0)
                return -ENOMEM;
        *ret = TAKE(head);
        return 0;
}

/* A member a line. */
static int write_head(FILE *out, const json_object *head)
{
        const char *separator = "{";

        json_object_object_foreach (head, key, value) {
                CLEANUP(free) char *text = NULL;

                if (streq(key, "portable") || streq(key, "measured"))
                        continue;
                text = value ? json_to_text(value) : strdup("null");
                if (!text)
                        return -ENOMEM;
                fprintf(out, "%s\"%s\":%s", separator, key, text);
                separator = ",\n";
        }
        return 0;
}

/* The outcomes of `facts`, then those that only `more` (may be NULL) has. */
static int write_measured(FILE *out, const MusterFacts *facts, const MusterFacts *more)
{
        CLEANUP(free) Fact *all = NULL;
        size_t n = facts->n_measured, n_more = more ? more->n_measured : 0;

        all = calloc(n + n_more + 1, sizeof(*all));
        if (!all)
                return -ENOMEM;
        if (n > 0)
                memcpy(all, facts->measured, n * sizeof(*all));
        for (size_t i = 0; i < n_more; i++)
                if (!facts_find_measured_unsealed(facts, more->measured[i].name))
                        all[n++] = more->measured[i];
        return facts_write_section(out, "measured", all, n, FACT_PORTABLE);
}

int record_merge(const json_object *head, const MusterFacts *facts, const MusterFacts *more, char **ret_body,
                 size_t *ret_size)
{
        CLEANUP(free) char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);
        int r;

        if (!out)
                return -ENOMEM;
        r = write_head(out, head);
        if (r == 0)
                r = facts_write_section(out, "portable", facts->facts, facts->n_facts, FACT_PORTABLE);
        if (r == 0)
                r = write_measured(out, facts, more);
        fputs("}\n", out);
        if (fclose(out) != 0)
                return -ENOMEM;
        if (r < 0)
                return r;
        *ret_body = TAKE(text);
        *ret_size = size;
        return 0;
}

int record_to_text(const char *id, const MusterFacts *facts, const MusterFacts *older, int64_t created,
                   char **ret_body, size_t *ret_size)
{
        CLEANUP(json) json_object *head = NULL;
        int r;

        r = make_head(id, facts, created, &head);
        return r < 0 ? r : record_merge(head, facts, older, ret_body, ret_size);
}

static const char *const record_keys[] = {
        "format",          "muster",   "id",      "name",    "kind",     "version",  "package",
        "target",          "digest",   "modules", "created", "launcher", "measured", "module-count",
        "executable-size", "portable", NULL};

/* The ID is made from what the record says of its key, so a record under a wrong name does not pass. */
static int check_id(const json_object *root, const char *id, MusterError **ret_error)
{
        const char *said = json_get_string(root, "id"), *digest = json_get_string(root, "digest"),
                   *modules = json_get_string(root, "modules"),
                   *launcher = json_get_string(root, "launcher");
        char made[RECORD_ID_SIZE];
        int r;

        if (!said || !digest || !modules || !launcher || strlen(digest) != DIGEST_HEX_SIZE - 1)
                return error_set(ret_error, -EBADMSG, _("The record does not say whose it is."));
        r = print_id(digest, modules, launcher, made);
        if (r < 0)
                return error_errno(ret_error, r, _("The record cannot be checked"));
        if (!streq(made, said) || !record_id_is_valid(said) || (id && !streq(id, said)))
                return error_set(ret_error, -EBADMSG, _("The record is another emulator's."));
        return 0;
}

static int parse_facts(const json_object *root, MusterFacts **ret, MusterError **ret_error)
{
        CLEANUP(facts) MusterFacts *facts = NULL;
        int kind = facts_kind_from_name(json_get_string(root, "kind")), r;

        if (kind < 0)
                return error_set(ret_error, -EBADMSG,
                                 _("The record names no kind of emulator that is known."));
        r = facts_new(&facts);
        if (r < 0)
                return error_oom(ret_error);
        facts->kind = (MusterEmulatorKind)kind;
        r = facts_parse_section(root, "portable", FACT_PORTABLE, /* measured= */ false, facts, ret_error);
        if (r < 0)
                return r;
        r = facts_parse_section(root, "measured", FACT_PORTABLE, /* measured= */ true, facts, ret_error);
        if (r < 0)
                return r;
        *ret = TAKE(facts);
        return 0;
}

static int parse_body(const char *body, size_t size, json_object **ret, MusterError **ret_error)
{
        CLEANUP(json) json_object *root = NULL;
        int r;

        r = json_parse(body, size, &root);
        if (r == -ENOMEM)
                return error_oom(ret_error);
        if (r < 0 || !json_object_is_type(root, json_type_object) || json_get_int(root, "format", -1) != 1)
                return error_set(ret_error, -EBADMSG, _("The record is no JSON object of format 1."));
        if (facts_foreign_key(root, record_keys))
                return error_set(ret_error, -EBADMSG,
                                 _("The record has a member \"%s\", which does not belong."),
                                 facts_foreign_key(root, record_keys));
        *ret = TAKE(root);
        return 0;
}

int record_from_known_text(const char *body, size_t size, MusterFacts **ret, MusterError **ret_error)
{
        CLEANUP(json) json_object *root = NULL;
        int r;

        r = parse_body(body, size, &root, ret_error);
        return r < 0 ? r : parse_facts(root, ret, ret_error);
}

int record_from_text(const char *body, size_t size, const char *id, MusterFacts **ret,
                     json_object **ret_json, MusterError **ret_error)
{
        CLEANUP(json) json_object *root = NULL;
        int r;

        r = parse_body(body, size, &root, ret_error);
        if (r == 0)
                r = check_id(root, id, ret_error);
        if (r == 0 && ret)
                r = parse_facts(root, ret, ret_error);
        if (r == 0 && ret_json)
                *ret_json = TAKE(root);
        return r;
}

/* Each ret_ may be NULL. */
static int load(const MusterStore *store, const char *id, char **ret_body, size_t *ret_size,
                MusterFacts **ret, json_object **ret_json, FileStamp *ret_stamp)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        CLEANUP(free) char *body = NULL;
        size_t size;
        int r;

        r = entry_read(store, ENTRY_RECORD, id, &body, &size, ret_stamp);
        if (r < 0)
                return r;
        r = record_from_text(body, size, id, ret, ret_json, &error);
        if (r == -EBADMSG)
                return record_note_damaged(store, ENTRY_RECORD, id, error);
        if (r < 0)
                return r;
        if (ret_size)
                *ret_size = size;
        HAND_OVER(ret_body, body);
        return 0;
}

int record_load(const MusterStore *store, const char *id, MusterFacts **ret, FileStamp *ret_stamp)
{
        return load(store, id, /* ret_body= */ NULL, /* ret_size= */ NULL, ret, /* ret_json= */ NULL,
                    ret_stamp);
}

int record_read(const MusterStore *store, const char *id, char **ret_body, size_t *ret_size,
                json_object **ret_json)
{
        return load(store, id, ret_body, ret_size, /* ret= */ NULL, ret_json, /* ret_stamp= */ NULL);
}

int record_save(MusterStore *store, const char *id, const MusterFacts *facts, FileStamp *ret_stamp)
{
        CLEANUP(facts) MusterFacts *older = NULL;
        CLEANUP(json) json_object *json = NULL;
        CLEANUP(free) char *body = NULL;
        FileStamp stamp;
        size_t size;
        int r;

        /* What is damaged is written over, and was or will be noted by who wants to use it. */
        if (entry_stamp(store, ENTRY_RECORD, id, &stamp) == 0)
                (void)load(store, id, /* ret_body= */ NULL, /* ret_size= */ NULL, &older, &json,
                           /* ret_stamp= */ NULL);
        r = record_to_text(id, facts, older, json_get_int(json, "created", time(NULL)), &body, &size);
        return r < 0 ? r : entry_write(store, ENTRY_RECORD, id, body, size, ret_stamp);
}
