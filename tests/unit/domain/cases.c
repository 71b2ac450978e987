/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <sys/stat.h>

#include "base/fileio.h"
#include "base/util.h"
#include "cases.h"
#include "emulator/plan.h"
#include "tests/unit/feature/maker.h"

/* --- emulators ----------------------------------------------------------------------------------- */

static void add_reply(MusterFacts *facts, json_object *replies, const PlanCommand *command)
{
        json_object *reply = json_get(replies, command->name, json_type_object), *value = NULL;

        if (reply && json_object_object_get_ex(reply, "return", &value))
                assert_int_equal(facts_add(facts, command->name, command->scope, FACT_ANSWERED,
                                           json_object_get(value), NULL),
                                 0);
        else
                assert_int_equal(facts_add(facts, command->name, command->scope,
                                           reply ? FACT_NOT_FOUND : FACT_NOT_ASKED, NULL, "recorded"),
                                 0);
}

static MusterFacts *recorded_facts(const char *name)
{
        CLEANUP(free)
        char *file = text_format("replies/%s.json", name), *path = maker_data(file), *text = NULL;
        CLEANUP(json) json_object *root = NULL;
        CLEANUP(MusterError) MusterError *error = NULL;
        MusterFacts *facts;
        size_t size;

        assert_int_equal(read_file(path, JSON_SIZE_MAX, &text, &size), 0);
        assert_int_equal(json_parse(text, size, &root), 0);
        assert_int_equal(facts_new(&facts), 0);
        facts->kind = MUSTER_EMULATOR_SYSTEM;
        for (const PlanCommand *command = plan_commands; command->name; command++)
                if (streq(command->name, "query-qmp-schema"))
                        assert_int_equal(facts_add(facts, command->name, command->scope, FACT_ANSWERED,
                                                   maker_schema(name), NULL),
                                         0);
                else
                        add_reply(facts, json_get(root, "replies", json_type_object), command);
        assert_int_equal(facts_add(facts, "kvm-device", FACT_HOST, FACT_ANSWERED,
                                   maker_json("{\"usable\": true}"), NULL),
                         0);
        facts->identity.path = text_format("/usr/bin/qemu-system-%s", strchr(name, '-') + 1);
        if (facts_seal(facts, &error) < 0)
                fail_msg("%s", muster_error_message(error));
        return facts;
}

MusterVerdicts *case_verdicts(const char *emulator)
{
        static struct {
                char *name;
                MusterVerdicts *verdicts;
        } known[16];
        CLEANUP(MusterError) MusterError *error = NULL;
        MusterCatalogue *catalogue;
        MusterFacts *facts;
        size_t i = 0;

        for (; i < ELEMENTSOF(known) && known[i].name; i++)
                if (streq(known[i].name, emulator))
                        return known[i].verdicts;
        assert_true(i < ELEMENTSOF(known));
        if (muster_catalogue_new(&catalogue, &error) < 0)
                fail_msg("%s", muster_error_message(error));
        facts = recorded_facts(emulator);
        if (muster_verdicts_new(catalogue, facts, MUSTER_TRUST_MEASURED, &known[i].verdicts, &error) < 0)
                fail_msg("%s", muster_error_message(error));
        muster_facts_unref(facts);
        muster_catalogue_unref(catalogue);
        known[i].name = strdup(emulator);
        return known[i].verdicts;
}

/* --- the host ------------------------------------------------------------------------------------ */

static int host_firmware(const DomainHost *host, const FirmwareList **ret, MusterError **ret_error)
{
        CaseHost *self = host->userdata;
        CLEANUP(free)
        char *ovmf = maker_data("firmware/ovmf"), *aarch64 = maker_data("firmware/qemu-efi-aarch64");
        char *folders[] = {ovmf, aarch64, NULL};
        int r = 0;

        if (!self->firmware)
                r = firmware_load(folders, &self->firmware, ret_error);
        *ret = self->firmware;
        return r;
}

bool case_every_image;

static bool ends_with(const char *text, const char *end)
{
        size_t n = strlen(text), m = strlen(end);

        return n >= m && streq(text + n - m, end);
}

static char *image_file(const char *path)
{
        const char *name = strrchr(path, '/');
        CLEANUP(free) char *file = NULL;

        if (case_every_image)
                return maker_data(ends_with(path, ".qcow2") ? "images/qcow2-v3.head" : "images/raw.head");
        if (!name || name - path < 7 || strncmp(name - 7, "/images", 7) != 0)
                return NULL;
        file = text_format("images/%s.head", name + 1);
        return maker_data(file);
}

/* A host's SMBIOS tables: some of it is there, some of it is for root. */
static int read_dmi(const char *name, char *buffer, size_t size, size_t *ret_size)
{
        static const char *const strings[][2] = {
                {"bios_vendor", "SeaBIOS\n"}, {"bios_release", "1.2\n"}, {"sys_vendor", "Acme, Inc.\n"},
                {"product_name", "Widget\n"}, {"board_vendor", " \n"},   {"chassis_vendor", "Acme\n"}};

        for (size_t i = 0; i < ELEMENTSOF(strings); i++)
                if (streq(strings[i][0], name)) {
                        *ret_size = strlen(strings[i][1]);
                        assert_true(*ret_size <= size);
                        memcpy(buffer, strings[i][1], *ret_size);
                        return 0;
                }
        return streq(name, "product_serial") ? -EACCES : -ENOENT;
}

static int host_read_head(const DomainHost *host, const char *path, void *buffer, size_t size,
                          size_t *ret_size)
{
        CLEANUP(free) char *file = image_file(path);
        CLEANUP(file) FILE *stream = file ? fopen(file, "re") : NULL;

        if (startswith(path, "/sys/class/dmi/id/"))
                return read_dmi(path + strlen("/sys/class/dmi/id/"), buffer, size, ret_size);
        if (!stream)
                return -ENOENT;
        *ret_size = fread(buffer, 1, size, stream);
        return 0;
}

static int host_file_mode(const DomainHost *host, const char *path, mode_t *ret)
{
        CLEANUP(free) char *file = image_file(path);

        if (streq(path, "/dev/vhost-net") || streq(path, "/dev/vhost-vsock")) {
                *ret = S_IFCHR | 0666;
                return 0;
        }
        if (!file || access(file, F_OK) < 0)
                return -ENOENT;
        *ret = (case_every_image && startswith(path, "/dev/") ? S_IFBLK : S_IFREG) | 0600;
        return 0;
}

static int host_find_program(const DomainHost *host, const char *name, char **ret)
{
        *ret = text_format("/usr/bin/%s", name);
        return 0;
}

static int host_network(const DomainHost *host, const char *name, json_object **ret, MusterError **ret_error)
{
        if (!streq(name, "default"))
                return -ENOENT;
        *ret = maker_json("{\"type\": \"user\"}");
        return 0;
}

static int host_random(const DomainHost *host, void *buffer, size_t size)
{
        CaseHost *self = host->userdata;

        for (size_t i = 0; i < size; i++)
                ((uint8_t *)buffer)[i] = self->seed++;
        return 0;
}

static int64_t host_now(const DomainHost *host)
{
        return 1700000000; /* 2023-11-14T22:13:20 UTC */
}

void case_host_init(CaseHost *ret)
{
        *ret = (CaseHost){
                .host = {.arch = "x86_64",
                         .run_directory = "/run/muster",
                         .state_directory = "/var/lib/muster",
                         .firmware = host_firmware,
                         .read_head = host_read_head,
                         .file_mode = host_file_mode,
                         .find_program = host_find_program,
                         .network = host_network,
                         .random = host_random,
                         .now = host_now},
                .seed = 1,
        };
        ret->host.userdata = ret;
}

void case_host_clear(CaseHost *host)
{
        firmware_list_free(host->firmware);
}

/* --- one case ------------------------------------------------------------------------------------ */

void case_run(const char *file, const char *text, size_t size, const char *emulator, Case *ret)
{
        *ret = (Case){.faults = {.file = file}};
        case_host_init(&ret->host);
        ret->host.host.userdata = &ret->host;
        if (startswith(file, "y_daemon") || startswith(file, "n_daemon")) {
                ret->host.host.descriptors = ret->host.host.sandbox = true;
                ret->host.host.monitor_fd = 3;
        }
        assert_int_equal(domain_read(text, size, &ret->faults, &ret->domain), 0);
        if (!ret->domain || ret->faults.n_errors > 0)
                return;
        assert_int_equal(domain_complete(ret->domain, case_verdicts(emulator), &ret->host.host), 0);
        if (ret->faults.n_errors == 0)
                assert_int_equal(plan_new(ret->domain, /* evidence= */ true, &ret->plan), 0);
}

void case_clear(Case *item)
{
        plan_free(item->plan);
        domain_free(item->domain);
        faults_clear(&item->faults);
        case_host_clear(&item->host);
}

static void append_value(char ***lines, const char *what, const char *name, json_object *value)
{
        CLEANUP(free) char *text = json_to_text(value);
        CLEANUP(free) char *line = text_format("%s: %s%s%s", what, name, *name ? " " : "", text);

        assert_int_equal(strv_append(lines, line), 0);
}

/* "process: {…}" of each of an array, "environment: NAME "value"" of each member of an object. */
static void append_others(char ***lines, json_object *list, const char *what)
{
        if (json_object_is_type(list, json_type_array)) {
                for (size_t i = 0; i < json_object_array_length(list); i++)
                        append_value(lines, what, "", json_object_array_get_idx(list, i));
        } else {
                json_object_object_foreach (list, name, value)
                        append_value(lines, what, name, value);
        }
}

char **case_lines(const Plan *plan)
{
        const Command *command = &plan->command;
        char **lines = NULL;

        for (size_t i = 0; i < command->n;) {
                CLEANUP(free) char *line = strdup(command->argv[i++]);

                for (; i < command->n && !command->begins[i]; i++) {
                        char *longer = text_format("%s %s", line, command->argv[i]);

                        free(line);
                        line = longer;
                }
                assert_int_equal(strv_append(&lines, line), 0);
        }
        append_others(&lines, plan->processes, "process");
        append_others(&lines, plan->files, "file");
        append_others(&lines, plan->fds, "fd");
        append_others(&lines, plan->commands, "command");
        append_others(&lines, plan->affinity, "affinity");
        append_others(&lines, plan->environment, "environment");
        append_others(&lines, plan->lifecycle, "lifecycle");
        return lines;
}
