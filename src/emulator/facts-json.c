/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The record as JSON text and back. The text is written straight from the values (a megabyte, most of it
 * strings): json-c's own writer would keep a second copy inside each value, and would not be safe beside
 * another thread that reads the same facts. Reading is strict, since a record may have been damaged or
 * come from elsewhere: what is not understood is an error, never left out.
 */

#include <errno.h>
#include <math.h>

#include "base/i18n.h"
#include "base/util.h"
#include "emulator/facts.h"

#define FACTS_FORMAT 1

/* The record nests an answer three levels deep, and json_parse() must be able to read it back. */
#define ANSWER_DEPTH_MAX (JSON_DEPTH_MAX - 4)

static const char *const status_names[] = {
        [FACT_ANSWERED] = "answered", [FACT_NOT_FOUND] = "not-found", [FACT_REFUSED] = "refused",
        [FACT_CRASHED] = "crashed",   [FACT_NOT_ASKED] = "not-asked",
};

static const char *const kind_names[] = {
        [MUSTER_EMULATOR_SYSTEM] = "system",
        [MUSTER_EMULATOR_STORAGE_DAEMON] = "storage-daemon",
};

const char *fact_status_name(FactStatus status)
{
        return (size_t)status < ELEMENTSOF(status_names) ? status_names[status] : "unknown";
}

static int name_index(const char *const *names, size_t n, const char *name)
{
        for (size_t i = 0; name && i < n; i++)
                if (streq(names[i], name))
                        return (int)i;
        return -EBADMSG;
}

const char *facts_kind_name(MusterEmulatorKind kind)
{
        return kind_names[kind];
}

int facts_kind_from_name(const char *name)
{
        return name_index(kind_names, ELEMENTSOF(kind_names), name);
}

static void write_string(FILE *out, const char *text, size_t size)
{
        size_t begin = 0;

        fputc_unlocked('"', out);
        for (size_t i = 0; i < size; i++) {
                unsigned char c = (unsigned char)text[i];

                if (c >= 0x20 && c != '"' && c != '\\')
                        continue;
                fwrite_unlocked(text + begin, 1, i - begin, out);
                if (c < 0x20)
                        fprintf(out, "\\u%04x", c);
                else
                        fprintf(out, "\\%c", c);
                begin = i + 1;
        }
        fwrite_unlocked(text + begin, 1, size - begin, out);
        fputc_unlocked('"', out);
}

static int write_value(FILE *out, const json_object *value, unsigned depth);

static int write_array(FILE *out, const json_object *array, unsigned depth)
{
        size_t n = json_object_array_length(array);
        int r;

        fputc_unlocked('[', out);
        for (size_t i = 0; i < n; i++) {
                if (i > 0)
                        fputc_unlocked(',', out);
                r = write_value(out, json_object_array_get_idx(array, i), depth + 1);
                if (r < 0)
                        return r;
        }
        fputc_unlocked(']', out);
        return 0;
}

static int write_object(FILE *out, const json_object *object, unsigned depth)
{
        const char *separator = "";
        int r;

        fputc_unlocked('{', out);
        json_object_object_foreach (object, key, member) {
                fputs_unlocked(separator, out);
                separator = ",";
                write_string(out, key, strlen(key));
                fputc_unlocked(':', out);
                r = write_value(out, member, depth + 1);
                if (r < 0)
                        return r;
        }
        fputc_unlocked('}', out);
        return 0;
}

/* Every number of QMP that is no integer; one without a fraction keeps a point, to stay of its type. */
static int write_double(FILE *out, double number)
{
        char text[40];

        if (!isfinite(number))
                return -EBADMSG;
        snprintf(text, sizeof(text), "%.17g", number);
        fputs_unlocked(text, out);
        if (!strpbrk(text, ".e"))
                fputs_unlocked(".0", out);
        return 0;
}

static int write_value(FILE *out, const json_object *value, unsigned depth)
{
        if (depth > ANSWER_DEPTH_MAX)
                return -E2BIG;
        switch (json_object_get_type(value)) {
        case json_type_null:
                fputs_unlocked("null", out);
                return 0;
        case json_type_boolean:
                fputs_unlocked(json_object_get_boolean(value) ? "true" : "false", out);
                return 0;
        case json_type_double:
                return write_double(out, json_object_get_double(value));
        case json_type_int:
                if (json_object_get_int64(value) == INT64_MAX)
                        fprintf(out, "%llu", (unsigned long long)json_object_get_uint64(value));
                else
                        fprintf(out, "%lld", (long long)json_object_get_int64(value));
                return 0;
        case json_type_string:
                write_string(out, json_object_get_string((json_object *)value),
                             (size_t)json_object_get_string_len(value));
                return 0;
        case json_type_array:
                return write_array(out, value, depth);
        case json_type_object:
                return write_object(out, value, depth);
        }
        return -EBADMSG;
}

static int write_fact(FILE *out, const Fact *fact)
{
        int r = 0;

        write_string(out, fact->name, strlen(fact->name));
        fprintf(out, ":{\"status\":\"%s\"", fact_status_name(fact->status));
        if (fact->status == FACT_ANSWERED) {
                fputs_unlocked(",\"value\":", out);
                if (fact->raw)
                        fputs_unlocked(fact->raw, out);
                else
                        r = write_value(out, fact->value, /* depth= */ 0);
        } else if (fact->reason) {
                fputs_unlocked(",\"reason\":", out);
                write_string(out, fact->reason, strlen(fact->reason));
        }
        fputc_unlocked('}', out);
        return r;
}

/* One fact a line, so that a record can be read, compared and searched with common tools. */
int facts_write_section(FILE *out, const char *section, const Fact *facts, size_t n, FactScope scope)
{
        const char *separator = "\n";
        int r;

        fprintf(out, ",\n\"%s\":{", section);
        for (size_t i = 0; i < n; i++) {
                if (facts[i].scope != scope)
                        continue;
                fputs_unlocked(separator, out);
                separator = ",\n";
                r = write_fact(out, facts + i);
                if (r < 0)
                        return r;
        }
        fputc_unlocked('}', out);
        return 0;
}

static int write_facts(FILE *out, const MusterFacts *facts)
{
        CLEANUP(json) json_object *identity = identity_to_json(&facts->identity);
        int r;

        if (!identity)
                return -ENOMEM;
        fprintf(out, "{\"format\":%d,\n\"kind\":\"%s\",\n\"connected\":%s,\n\"identity\":", FACTS_FORMAT,
                kind_names[facts->kind], facts->connected ? "true" : "false");
        r = write_value(out, identity, /* depth= */ 0);
        if (r < 0)
                return r;
        r = facts_write_section(out, "portable", facts->facts, facts->n_facts, FACT_PORTABLE);
        if (r < 0)
                return r;
        r = facts_write_section(out, "host", facts->facts, facts->n_facts, FACT_HOST);
        if (r < 0)
                return r;
        r = facts_write_section(out, "measured", facts->measured, facts->n_measured, FACT_PORTABLE);
        fputs_unlocked("}\n", out);
        return r;
}

_public_ int muster_facts_to_json(const MusterFacts *facts, char **ret_json, MusterError **ret_error)
{
        CLEANUP(free) char *text = NULL;
        size_t size = 0;
        FILE *out;
        int r;

        out = open_memstream(&text, &size);
        if (!out)
                return error_oom(ret_error);
        r = write_facts(out, facts);
        if (ferror_unlocked(out) && r == 0)
                r = -ENOMEM;
        if (fclose(out) != 0 || r == -ENOMEM)
                return error_oom(ret_error);
        if (r < 0)
                return error_set(ret_error, r,
                                 _("The emulator's answers nest too deep or hold no numbers where "
                                   "numbers belong; they cannot be kept."));
        *ret_json = TAKE(text);
        return 0;
}

static int describe_modules(const Identity *identity, json_object *out)
{
        CLEANUP(json) json_object *modules = NULL;
        int r;

        if (!identity->modules_dir)
                return json_add_string(out, "modules", NULL);
        modules = json_object_new_object();
        r = json_add_string(modules, "directory", identity->modules_dir);
        if (r == 0)
                r = json_add_int(modules, "count", (int64_t)identity->n_modules);
        if (r == 0)
                r = json_add_string(modules, "fingerprint", identity->modules_fingerprint);
        return r < 0 ? r : json_add(out, "modules", TAKE(modules));
}

static int describe_chain(const Identity *identity, json_object *out)
{
        CLEANUP(json) json_object *chain = json_object_new_array();

        for (size_t i = 0; i < identity->n_links; i++) {
                CLEANUP(json) json_object *link = json_object_new_object();
                int r;

                r = json_add_string(link, "path", identity->links[i].path);
                if (r == 0)
                        r = json_add_string(link, "digest", identity->links[i].digest);
                if (r == 0)
                        r = json_append(chain, TAKE(link));
                if (r < 0)
                        return r;
        }
        return json_add(out, "chain", TAKE(chain));
}

static int describe(const MusterFacts *facts, json_object *out)
{
        const Identity *identity = &facts->identity;
        const struct {
                const char *key, *text;
        } texts[] = {
                {"path", identity->path},          {"executable", identity->executable},
                {"digest", identity->digest},      {"version", facts->version},
                {"package", facts->package},       {"target", facts->target},
                {"kind", kind_names[facts->kind]},
        };
        int r;

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                r = json_add_string(out, texts[i].key, texts[i].text);
                if (r < 0)
                        return r;
        }
        r = describe_modules(identity, out);
        if (r < 0)
                return r;
        r = describe_chain(identity, out);
        if (r < 0)
                return r;
        r = json_add_bool(out, "connected", facts->connected);
        return r < 0 ? r : json_add_bool(out, "deleted", identity->deleted);
}

_public_ int muster_facts_describe(const MusterFacts *facts, char **ret_json, MusterError **ret_error)
{
        CLEANUP(json) json_object *out = json_object_new_object();
        CLEANUP(free) char *text = NULL;

        if (!out || describe(facts, out) < 0)
                return error_oom(ret_error);
        text = json_to_text(out);
        if (!text)
                return error_oom(ret_error);
        *ret_json = TAKE(text);
        return 0;
}

/* A key that does not belong, or NULL. */
const char *facts_foreign_key(const json_object *object, const char *const *keys)
{
        json_object_object_foreach (object, key, member) {
                const char *const *k = keys;

                (void)member;
                while (*k && !streq(*k, key))
                        k++;
                if (!*k)
                        return key;
        }
        return NULL;
}

static int parse_fact(const char *name, json_object *object, FactStatus *ret_status, json_object **ret_value,
                      const char **ret_reason, MusterError **ret_error)
{
        static const char *const keys[] = {"status", "value", "reason", NULL};
        json_object *value = NULL, *reason = NULL;
        int status;

        status = name_index(status_names, ELEMENTSOF(status_names), json_get_string(object, "status"));
        if (status < 0)
                return error_set(ret_error, -EBADMSG, _("The fact %s has no status that is known."), name);
        if (facts_foreign_key(object, keys))
                return error_set(ret_error, -EBADMSG,
                                 _("The fact %s has a member \"%s\", which does not belong."), name,
                                 facts_foreign_key(object, keys));
        if (json_object_object_get_ex(object, "value", &value) != (status == FACT_ANSWERED))
                return error_set(
                        ret_error, -EBADMSG,
                        _("The fact %s has a value without an answer, or an answer without a value."), name);
        if (json_object_object_get_ex(object, "reason", &reason) &&
            (status == FACT_ANSWERED || !json_object_is_type(reason, json_type_string)))
                return error_set(ret_error, -EBADMSG, _("The fact %s has a reason that does not belong."),
                                 name);
        *ret_status = (FactStatus)status;
        *ret_value = value;
        *ret_reason = reason ? json_object_get_string(reason) : NULL;
        return 0;
}

int facts_parse_section(const json_object *root, const char *section, FactScope scope, bool measured,
                        MusterFacts *facts, MusterError **ret_error)
{
        json_object *object = json_get(root, section, json_type_object);

        if (!object)
                return error_set(ret_error, -EBADMSG, _("The facts have no section \"%s\"."), section);
        json_object_object_foreach (object, name, member) {
                FactStatus status = FACT_ANSWERED;
                json_object *value = NULL;
                const char *reason = NULL;
                int r;

                r = parse_fact(name, member, &status, &value, &reason, ret_error);
                if (r < 0)
                        return r;
                value = json_object_get(value);
                r = measured ? facts_add_measured(facts, name, status, value, reason)
                             : facts_add(facts, name, scope, status, value, reason);
                if (r == -E2BIG)
                        return error_set(ret_error, -EBADMSG, _("The section \"%s\" has too many facts."),
                                         section);
                if (r < 0)
                        return error_oom(ret_error);
        }
        return 0;
}

static int parse_head(const json_object *root, MusterFacts *facts, MusterError **ret_error)
{
        static const char *const keys[] = {"format",   "kind", "connected", "identity",
                                           "portable", "host", "measured",  NULL};
        int64_t format = json_get_int(root, "format", -1);
        json_object *identity = json_get(root, "identity", json_type_object);
        int kind, r;

        if (format != FACTS_FORMAT)
                return error_set(ret_error, -EBADMSG,
                                 _("The facts are of format %lld; this muster reads format %d."),
                                 (long long)format, FACTS_FORMAT);
        if (facts_foreign_key(root, keys))
                return error_set(ret_error, -EBADMSG,
                                 _("The facts have a member \"%s\", which does not belong."),
                                 facts_foreign_key(root, keys));
        kind = name_index(kind_names, ELEMENTSOF(kind_names), json_get_string(root, "kind"));
        if (kind < 0)
                return error_set(ret_error, -EBADMSG,
                                 _("The facts name no kind of emulator that is known."));
        facts->kind = (MusterEmulatorKind)kind;
        if (!json_get(root, "connected", json_type_boolean))
                return error_set(ret_error, -EBADMSG,
                                 _("The facts do not say whether the emulator was running."));
        facts->connected = json_get_bool(root, "connected", /* fallback= */ false);
        r = identity ? identity_from_json(identity, &facts->identity) : -EBADMSG;
        if (r == -ENOMEM)
                return error_oom(ret_error);
        if (r < 0)
                return error_set(ret_error, -EBADMSG,
                                 _("The facts do not say whose they are: the identity is "
                                   "missing or damaged."));
        return 0;
}

_public_ int muster_facts_from_json(const char *text, size_t size, MusterFacts **ret,
                                    MusterError **ret_error)
{
        CLEANUP(json) json_object *root = NULL;
        CLEANUP(facts) MusterFacts *facts = NULL;
        int r;

        r = json_parse(text, size, &root);
        if (r == -ENOMEM)
                return error_oom(ret_error);
        if (r < 0 || !json_object_is_type(root, json_type_object))
                return error_set(ret_error, -EBADMSG,
                                 _("The facts are no JSON object; the text is damaged."));
        r = facts_new(&facts);
        if (r < 0)
                return error_oom(ret_error);
        r = parse_head(root, facts, ret_error);
        if (r < 0)
                return r;
        r = facts_parse_section(root, "portable", FACT_PORTABLE, /* measured= */ false, facts, ret_error);
        if (r < 0)
                return r;
        r = facts_parse_section(root, "host", FACT_HOST, /* measured= */ false, facts, ret_error);
        if (r < 0)
                return r;
        r = facts_parse_section(root, "measured", FACT_PORTABLE, /* measured= */ true, facts, ret_error);
        if (r < 0)
                return r;
        r = facts_seal(facts, ret_error);
        if (r < 0)
                return r;
        *ret = TAKE(facts);
        return 0;
}
