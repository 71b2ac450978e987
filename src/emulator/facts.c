/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Facts are collected with facts_add(), then sealed: from there on nothing in them changes, so that any
 * number of threads may read them. This is why nobody may take or drop a reference to the JSON values within
 * or let json-c serialise them: its counters are not atomic, and it keeps the text inside the object. A
 * record with one more measured outcome therefore does not share values one by one but holds a reference to
 * the whole record that it grew from (`base`) and borrows everything.
 */

#include "emulator/facts.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"

#define FACTS_MAX 4096

static void fact_clear(Fact *fact)
{
        free(fact->name);
        free(fact->reason);
        free(fact->raw);
        json_object_put(fact->value);
        *fact = (Fact){0};
}

static void facts_array_free(Fact *facts, size_t n)
{
        for (size_t i = 0; i < n; i++)
                fact_clear(facts + i);
        free(facts);
}

int facts_new(MusterFacts **ret)
{
        MusterFacts *facts = calloc(1, sizeof(*facts));

        if (!facts)
                return -ENOMEM;
        facts->n_ref = 1;
        *ret = facts;
        return 0;
}

_public_ MusterFacts *muster_facts_ref(MusterFacts *facts)
{
        if (facts)
                __atomic_add_fetch(&facts->n_ref, 1, __ATOMIC_RELAXED);
        return facts;
}

_public_ MusterFacts *muster_facts_unref(MusterFacts *facts)
{
        if (!facts || __atomic_sub_fetch(&facts->n_ref, 1, __ATOMIC_ACQ_REL) > 0)
                return NULL;
        facts_array_free(facts->measured, facts->n_measured);
        if (facts->base) {
                muster_facts_unref(facts->base);
        } else {
                identity_clear(&facts->identity);
                free(facts->version);
                free(facts->package);
                free(facts->target);
                free(facts->types);
                muster_schema_unref(facts->schema);
                facts_array_free(facts->facts, facts->n_facts);
        }
        free(facts);
        return NULL;
}

/* Takes `value` in every case. */
static int append(Fact **facts, size_t *n, const char *name, FactScope scope, FactStatus status,
                  json_object *value, const char *reason)
{
        CLEANUP(json) json_object *owned = value;
        Fact fact = {.scope = scope, .status = status}, *grown;

        if (*n >= FACTS_MAX)
                return -E2BIG;
        grown = reallocarray(*facts, *n + 1, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        *facts = grown;
        fact.name = strdup(name);
        fact.reason = reason ? strdup(reason) : NULL;
        if (!fact.name || (reason && !fact.reason)) {
                fact_clear(&fact);
                return -ENOMEM;
        }
        fact.value = TAKE(owned);
        grown[(*n)++] = fact;
        return 0;
}

int facts_add(MusterFacts *facts, const char *name, FactScope scope, FactStatus status, json_object *value,
              const char *reason)
{
        return append(&facts->facts, &facts->n_facts, name, scope, status, value, reason);
}

void facts_set_schema(MusterFacts *facts, MusterSchema *schema, char *raw)
{
        facts->schema = schema;
        for (size_t i = 0; i < facts->n_facts; i++)
                if (streq(facts->facts[i].name, FACT_SCHEMA))
                        facts->facts[i].raw = TAKE(raw);
        free(raw);
}

void facts_truncate(MusterFacts *facts, size_t n)
{
        while (facts->n_facts > n)
                fact_clear(&facts->facts[--facts->n_facts]);
}

int facts_add_measured(MusterFacts *facts, const char *check, FactStatus status, json_object *value,
                       const char *reason)
{
        return append(&facts->measured, &facts->n_measured, check, FACT_PORTABLE, status, value, reason);
}

static int compare_facts(const void *a, const void *b)
{
        return strcmp(((const Fact *)a)->name, ((const Fact *)b)->name);
}

static int sort(Fact *facts, size_t n, MusterError **ret_error)
{
        if (n == 0)
                return 0;
        qsort(facts, n, sizeof(*facts), compare_facts);
        for (size_t i = 1; i < n; i++)
                if (streq(facts[i - 1].name, facts[i].name))
                        return error_set(ret_error, -EBADMSG,
                                         _("The facts hold %s twice; probe the emulator again."),
                                         facts[i].name);
        return 0;
}

static const Fact *find(const Fact *facts, size_t n, const char *name)
{
        Fact key = {.name = (char *)name};

        return n == 0 ? NULL : bsearch(&key, facts, n, sizeof(key), compare_facts);
}

const Fact *facts_find(const MusterFacts *facts, const char *name)
{
        return find(facts->facts, facts->n_facts, name);
}

static const Fact *find_unsealed(const Fact *facts, size_t n, const char *name)
{
        for (size_t i = 0; i < n; i++)
                if (streq(facts[i].name, name))
                        return facts + i;
        return NULL;
}

const Fact *facts_find_unsealed(const MusterFacts *facts, const char *name)
{
        return find_unsealed(facts->facts, facts->n_facts, name);
}

const Fact *facts_find_measured_unsealed(const MusterFacts *facts, const char *check)
{
        return find_unsealed(facts->measured, facts->n_measured, check);
}

const Fact *facts_find_measured(const MusterFacts *facts, const char *check)
{
        return find(facts->measured, facts->n_measured, check);
}

static json_object *answer(const MusterFacts *facts, const char *name)
{
        const Fact *fact = facts_find(facts, name);

        return fact && fact->status == FACT_ANSWERED ? fact->value : NULL;
}

static int derive_version(MusterFacts *facts, MusterError **ret_error)
{
        json_object *value = answer(facts, "query-version"),
                    *qemu = json_get(value, "qemu", json_type_object);
        const char *package = json_get_string(value, "package");
        int64_t major = json_get_int(qemu, "major", -1), minor = json_get_int(qemu, "minor", -1);
        int64_t micro = json_get_int(qemu, "micro", -1);

        if (value && (major < 0 || minor < 0 || micro < 0))
                return error_set(ret_error, -EBADMSG,
                                 _("The answer to query-version has no version numbers; this is no QEMU."));
        if (!value)
                facts->version = strdup("");
        else if (asprintf(&facts->version, "%lld.%lld.%lld", (long long)major, (long long)minor,
                          (long long)micro) < 0)
                facts->version = NULL;
        facts->package = strdup(package ? package : "");
        return facts->version && facts->package ? 0 : error_oom(ret_error);
}

static int derive_target(MusterFacts *facts, MusterError **ret_error)
{
        json_object *value = answer(facts, "query-target");
        const char *arch = json_get_string(value, "arch");

        if (value && !arch)
                return error_set(ret_error, -EBADMSG,
                                 _("The answer to query-target names no architecture; this is no QEMU."));
        if (!arch)
                return 0;
        facts->target = strdup(arch);
        return facts->target ? 0 : error_oom(ret_error);
}

static int compare_names(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int derive_types(MusterFacts *facts, MusterError **ret_error)
{
        json_object *value = answer(facts, "qom-list-types");
        size_t n;

        if (!value)
                return 0;
        if (!json_object_is_type(value, json_type_array))
                return error_set(ret_error, -EBADMSG, _("The answer to qom-list-types is no list."));
        n = json_object_array_length(value);
        facts->types = calloc(n + 1, sizeof(*facts->types));
        if (!facts->types)
                return error_oom(ret_error);
        for (size_t i = 0; i < n; i++) {
                const char *name = json_get_string(json_object_array_get_idx(value, i), "name");

                if (!name)
                        return error_set(ret_error, -EBADMSG,
                                         _("Entry %zu of the answer to qom-list-types has no name."), i);
                facts->types[facts->n_types++] = name;
        }
        qsort(facts->types, n, sizeof(*facts->types), compare_names);
        return 0;
}

int facts_seal(MusterFacts *facts, MusterError **ret_error)
{
        json_object *schema;
        int r;

        r = sort(facts->facts, facts->n_facts, ret_error);
        if (r < 0)
                return r;
        r = sort(facts->measured, facts->n_measured, ret_error);
        if (r < 0)
                return r;
        r = derive_version(facts, ret_error);
        if (r < 0)
                return r;
        r = derive_target(facts, ret_error);
        if (r < 0)
                return r;
        r = derive_types(facts, ret_error);
        if (r < 0)
                return r;
        schema = answer(facts, FACT_SCHEMA);
        return schema && !facts->schema ? schema_new_from_json(schema, &facts->schema, ret_error) : 0;
}

bool facts_has_type(const MusterFacts *facts, const char *type)
{
        return facts->n_types > 0 &&
               bsearch(&type, facts->types, facts->n_types, sizeof(*facts->types), compare_names);
}

/* A measured outcome is small, so that copying it is cheaper than sharing it safely. */
static int copy_measured(const MusterFacts *facts, const char *but, MusterFacts *copy)
{
        for (size_t i = 0; i < facts->n_measured; i++) {
                const Fact *fact = facts->measured + i;
                json_object *value = NULL;
                int r;

                if (streq(fact->name, but))
                        continue;
                if (fact->value && json_object_deep_copy(fact->value, &value, /* shallow_copy= */ NULL) < 0)
                        return -ENOMEM;
                r = facts_add_measured(copy, fact->name, fact->status, value, fact->reason);
                if (r < 0)
                        return r;
        }
        return 0;
}

int facts_with_measured(const MusterFacts *facts, const char *check, FactStatus status, json_object *value,
                        const char *reason, MusterFacts **ret)
{
        CLEANUP(json) json_object *owned = value;
        CLEANUP(facts) MusterFacts *copy = NULL;
        /* The counter is the one thing that changes in sealed facts. */
        MusterFacts *base = (MusterFacts *)(facts->base ? facts->base : facts);
        int r;

        copy = malloc(sizeof(*copy));
        if (!copy)
                return -ENOMEM;
        *copy = *base;
        copy->n_ref = 1;
        copy->measured = NULL;
        copy->n_measured = 0;
        copy->base = muster_facts_ref(base);
        r = copy_measured(facts, check, copy);
        if (r < 0)
                return r;
        r = facts_add_measured(copy, check, status, TAKE(owned), reason);
        if (r < 0)
                return r;
        r = sort(copy->measured, copy->n_measured, /* ret_error= */ NULL);
        if (r < 0)
                return r;
        *ret = TAKE(copy);
        return 0;
}

_public_ MusterEmulatorKind muster_facts_kind(const MusterFacts *facts)
{
        return facts->kind;
}

_public_ const char *muster_facts_path(const MusterFacts *facts)
{
        return facts->identity.path;
}

_public_ const char *muster_facts_executable(const MusterFacts *facts)
{
        return facts->identity.executable;
}

_public_ const char *muster_facts_digest(const MusterFacts *facts)
{
        return facts->identity.digest;
}

_public_ const char *muster_facts_version(const MusterFacts *facts)
{
        return facts->version;
}

_public_ const char *muster_facts_package(const MusterFacts *facts)
{
        return facts->package;
}

_public_ const char *muster_facts_target(const MusterFacts *facts)
{
        return facts->target;
}

_public_ MusterSchema *muster_facts_schema(const MusterFacts *facts)
{
        return facts->schema;
}
