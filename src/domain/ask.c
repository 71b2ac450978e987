/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What parts ask of the emulator's facts and of the verdicts on it. */

#include "base/util.h"
#include "domain/domain.h"
#include "domain/section/qemu.h"
#include "qapi/path.h"

json_object *domain_answer(const Domain *domain, const char *command)
{
        const Fact *fact = facts_find(domain->facts, command);

        return fact && fact->status == FACT_ANSWERED ? fact->value : NULL;
}

bool domain_has_type(const Domain *domain, const char *qom_type)
{
        return facts_has_type(domain->facts, qom_type);
}

bool domain_schema_has(const Domain *domain, const char *path)
{
        CLEANUP(SchemaPath) SchemaPath *parsed = NULL;
        const MusterSchema *schema = muster_facts_schema(domain->facts);

        if (!schema || schema_path_parse(path, &parsed, /* ret_error= */ NULL) < 0)
                return false;
        return schema_path_eval(schema, parsed, /* ret_hit= */ NULL) > 0;
}

static json_object *find_named(json_object *array, const char *key, const char *name)
{
        size_t n =
                array && json_object_is_type(array, json_type_array) ? json_object_array_length(array) : 0;

        for (size_t i = 0; i < n; i++) {
                json_object *item = json_object_array_get_idx(array, i);

                if (streq_ptr(json_get_string(item, key), name))
                        return item;
        }
        return NULL;
}

bool domain_option_has(const Domain *domain, const char *option, const char *parameter)
{
        json_object *found =
                find_named(domain_answer(domain, "query-command-line-options"), "option", option);

        return found && find_named(json_get(found, "parameters", json_type_array), "name", parameter);
}

bool domain_has_feature(const Domain *domain, const char *feature, const char *driver)
{
        int forced = qemu_forced(domain, feature);

        return forced >= 0 ? forced > 0
                           : muster_verdict(domain->verdicts, feature, driver) == MUSTER_VERDICT_PRESENT;
}

const char *domain_emulator_text(const Domain *domain)
{
        return muster_facts_path(domain->facts);
}
