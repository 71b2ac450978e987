/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A definition, read, completed and planned on what QEMU 7.2 said of itself. It has faults, or a plan; what
 * is formatted is read again without one, and formatted again it is the same.
 */

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/fileio.h"
#include "base/util.h"
#include "domain/plan.h"
#include "emulator/plan.h"

static void require(bool holds)
{
        if (!holds)
                abort();
}

static json_object *read_json(const char *folder, const char *name)
{
        CLEANUP(free) char *path = text_format("%s/%s/7.2-x86_64.json", folder, name), *text = NULL;
        json_object *json = NULL;
        size_t size;

        require(read_file(path, JSON_SIZE_MAX, &text, &size) == 0 && json_parse(text, size, &json) == 0);
        return json;
}

static MusterFacts *make_facts(const char *folder)
{
        CLEANUP(json) json_object *root = read_json(folder, "replies");
        json_object *replies = json_get(root, "replies", json_type_object), *value;
        MusterFacts *facts;

        require(facts_new(&facts) == 0);
        facts->kind = MUSTER_EMULATOR_SYSTEM;
        facts->identity.path = strdup("/usr/bin/qemu-system-x86_64");
        for (const PlanCommand *command = plan_commands; command->name; command++) {
                json_object *reply = json_get(replies, command->name, json_type_object);

                value = NULL;
                if (streq(command->name, FACT_SCHEMA))
                        value = read_json(folder, "schema");
                else if (json_object_object_get_ex(reply, "return", &value))
                        value = json_object_get(value);
                require(facts_add(facts, command->name, command->scope,
                                  value ? FACT_ANSWERED : FACT_NOT_FOUND, value, NULL) == 0);
        }
        require(facts_seal(facts, NULL) == 0);
        return facts;
}

/* Once. The folders of data come from the environment, or from where ./dev fuzz runs. */
static MusterVerdicts *make_verdicts(void)
{
        static MusterVerdicts *verdicts;
        MusterCatalogue *catalogue;
        MusterFacts *facts;

        if (verdicts)
                return verdicts;
        setenv("MUSTER_FEATURES_DIR", "conf/features.d", /* overwrite= */ 0);
        facts = make_facts(getenv("MUSTER_TEST_DATA") ?: "tests/data");
        require(muster_catalogue_new(&catalogue, NULL) == 0);
        require(muster_verdicts_new(catalogue, facts, MUSTER_TRUST_MEASURED, &verdicts, NULL) == 0);
        muster_facts_unref(facts);
        muster_catalogue_unref(catalogue);
        return verdicts;
}

/* --- a host that has nothing ---------------------------------------------------------------------- */

static int no_firmware(const DomainHost *host, const FirmwareList **ret, MusterError **ret_error)
{
        static const FirmwareList none;

        *ret = &none;
        return 0;
}

static int no_head(const DomainHost *host, const char *path, void *buffer, size_t size, size_t *ret_size)
{
        return -ENOENT;
}

static int no_mode(const DomainHost *host, const char *path, mode_t *ret)
{
        return -ENOENT;
}

static int any_program(const DomainHost *host, const char *name, char **ret)
{
        *ret = text_format("/usr/bin/%s", name);
        return *ret ? 0 : -ENOMEM;
}

static int no_network(const DomainHost *host, const char *name, json_object **ret, MusterError **ret_error)
{
        return -ENOENT;
}

static int count_up(const DomainHost *host, void *buffer, size_t size)
{
        static uint8_t next;

        for (size_t i = 0; i < size; i++)
                ((uint8_t *)buffer)[i] = next++;
        return 0;
}

static const DomainHost host = {
        .arch = "x86_64",
        .run_directory = "/run/muster",
        .state_directory = "/var/lib/muster",
        .firmware = no_firmware,
        .read_head = no_head,
        .file_mode = no_mode,
        .find_program = any_program,
        .network = no_network,
        .random = count_up,
};

/* --- the way -------------------------------------------------------------------------------------- */

/* NULL: it has faults. */
static char *way(const char *text, size_t size, bool again)
{
        CLEANUP(faults) Faults faults = {.file = "fuzz", .lenient = true};
        CLEANUP(Domain) Domain *domain = NULL;
        CLEANUP(Plan) Plan *plan = NULL;
        CLEANUP(json) json_object *json = NULL;

        require(domain_read(text, size, &faults, &domain) == 0);
        if (!domain || faults.n_errors > 0) {
                require(!again || faults.n_errors == 0);
                return NULL;
        }
        require(domain_complete(domain, make_verdicts(), &host) == 0);
        require(!again || faults.n_errors == 0);
        if (faults.n_errors > 0)
                return NULL;
        require(plan_new(domain, /* evidence= */ true, &plan) == 0);
        require((plan != NULL) == (faults.n_errors == 0));
        if (plan) {
                json = plan_to_json(plan);
                require(json != NULL && plan->command.n > 0);
        }
        return xml_to_text(domain->xml);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CLEANUP(free) char *once = way((const char *)data, size, /* again= */ false), *twice = NULL;

        if (!once)
                return 0;
        twice = way(once, strlen(once), /* again= */ true);
        require(twice && streq(once, twice));
        return 0;
}
