/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What recorded emulators say, as one probe would have learned it. */

#include "base/json.h"
#include "emulator/facts.h"
#include "emulator/plan.h"
#include "tests/unit/feature/maker.h"
#include "tests/unit/store/stores.h"

static const char *const recorded_names[] = {
        "5.2-x86_64",         "5.2-storage-daemon", "7.2-x86_64",  "7.2-aarch64",
        "7.2-storage-daemon", "10.0-x86_64",        "11.1-x86_64",
};

static inline void recorded_add(MusterFacts *facts, json_object *replies, const PlanCommand *command)
{
        json_object *reply = json_get(replies, command->name, json_type_object), *value, *error;
        const char *class;

        if (!reply || json_object_object_get_ex(reply, "return", &value)) {
                value = reply ? json_object_get(value) : NULL;
                assert_int_equal(facts_add(facts, command->name, command->scope,
                                           value ? FACT_ANSWERED : FACT_NOT_ASKED, value, NULL),
                                 0);
                return;
        }
        error = json_get(reply, "error", json_type_object);
        class = json_get_string(error, "class");
        assert_int_equal(facts_add(facts, command->name, command->scope,
                                   streq(class, "CommandNotFound") ? FACT_NOT_FOUND : FACT_REFUSED, NULL,
                                   json_get_string(error, "desc")),
                         0);
}

/* Unsealed. */
static inline MusterFacts *recorded_unsealed(const char *name)
{
        CLEANUP(free)
        char *file = text_format("replies/%s.json", name), *path = maker_data(file), *text = NULL;
        CLEANUP(json) json_object *root = NULL;
        json_object *kvm = json_object_new_object();
        MusterFacts *facts;
        size_t size;

        assert_int_equal(read_file(path, JSON_SIZE_MAX, &text, &size), 0);
        assert_int_equal(json_parse(text, size, &root), 0);
        assert_int_equal(facts_new(&facts), 0);
        facts->kind = strstr(name, "storage") ? MUSTER_EMULATOR_STORAGE_DAEMON : MUSTER_EMULATOR_SYSTEM;
        for (const PlanCommand *command = plan_commands; command->name; command++)
                if (streq(command->name, "query-qmp-schema"))
                        assert_int_equal(facts_add(facts, command->name, command->scope, FACT_ANSWERED,
                                                   maker_schema(name), NULL),
                                         0);
                else
                        recorded_add(facts, json_get(root, "replies", json_type_object), command);
        assert_int_equal(json_add_bool(kvm, "usable", false), 0);
        assert_int_equal(facts_add(facts, "kvm-device", FACT_HOST, FACT_ANSWERED, kvm, NULL), 0);
        return facts;
}

static inline MusterFacts *recorded_seal(MusterFacts *facts)
{
        CLEANUP(MusterError) MusterError *error = NULL;

        if (facts_seal(facts, &error) < 0)
                fail_msg("%s", muster_error_message(error));
        return facts;
}

/* An executable of its own for each name, so that each has a digest. */
static inline void recorded_identity(const char *name, Identity *ret)
{
        CLEANUP(free) char *file = text_format("emulator-%s", name);

        write_text(file, name, 0755);
        assert_int_equal(identity_of_file(in_dir(file), NULL, ret, NULL), 0);
}

static inline MusterFacts *recorded_facts(const char *name)
{
        MusterFacts *facts = recorded_unsealed(name);

        recorded_identity(name, &facts->identity);
        return recorded_seal(facts);
}
