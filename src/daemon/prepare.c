/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/prepare.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/canonical.h"
#include "domain/hotplug.h"
#include "domain/libxml.h"
#include "domain/plan.h"
#include "domain/schema.h"
#include "domain/section/general.h"
#include "domain/section/os.h"
#include "emulator/find.h"
#include "muster/emulator.h"

#define MONITOR_FD 3

typedef struct Prepare {
        const PrepareInput *input;
        Prepared *ret;
        Faults faults;
        DomainHost *host;
        Domain *domain;
        SchemaCheck *check;
        MusterFacts *facts;
} Prepare;

void prepare_input_clear(PrepareInput *input)
{
        free(input->run_directory);
        free(input->state_directory);
        free(input->text);
        free(input->file);
        *input = (PrepareInput){};
}

void prepared_clear(Prepared *prepared)
{
        free(prepared->title);
        free(prepared->definition);
        free(prepared->live);
        json_object_put(prepared->plan);
        json_object_put(prepared->chains);
        json_object_put(prepared->faults);
        free(prepared->emulator);
        free(prepared->executable);
        free(prepared->digest);
        muster_verdicts_unref(prepared->verdicts);
        *prepared = (Prepared){};
}

static void clear(Prepare *prepare)
{
        (void)schema_check_finish(TAKE(prepare->check), &prepare->faults, /* ret_error= */ NULL);
        domain_free(prepare->domain);
        host_free(prepare->host);
        muster_facts_unref(prepare->facts);
        faults_clear(&prepare->faults);
}

static int say_why(int r, MusterError **ret_error)
{
        if (r == -ENOPKG)
                return error_set(
                        ret_error, r,
                        _("Libxml2 cannot be loaded, without which no definition can be read; install "
                          "the package libxml2."));
        return r == -ENOMEM ? error_oom(ret_error) : r;
}

static int say_faults(Prepare *prepare, MusterError **ret_error)
{
        const Faults *faults = &prepare->faults;
        size_t i = 0;
        CLEANUP(free) char *first = NULL;

        if (faults->out_of_memory)
                return error_oom(ret_error);
        if (faults->n_errors == 0)
                return 0;
        while (i < faults->n_items && !faults->items[i].error)
                i++;
        first = i < faults->n_items ? fault_to_text(faults, &faults->items[i]) : NULL;
        if (faults->n_errors == 1)
                return error_set(ret_error, -EINVAL, _("The definition has an error: %s"), first ?: "?");
        return error_set(ret_error, -EINVAL, _("The definition has %zu errors, the first: %s"),
                         faults->n_errors, first ?: "?");
}

static int read_definition(Prepare *prepare, MusterError **ret_error)
{
        const PrepareInput *input = prepare->input;
        size_t size = strlen(input->text);
        int r;

        r = libxml_load();
        if (r >= 0 && (input->flags & PREPARE_SCHEMA) != 0) {
                r = schema_check_start(input->text, size, &prepare->check, ret_error);
                if (r < 0)
                        return r;
        }
        if (r >= 0)
                r = domain_read(input->text, size, &prepare->faults, &prepare->domain);
        if (r < 0)
                return say_why(r, ret_error);
        return say_faults(prepare, ret_error);
}

static int find_emulator(Prepare *prepare, MusterError **ret_error)
{
        if (prepare->domain->emulator) {
                prepare->ret->emulator = strdup(prepare->domain->emulator);
                return prepare->ret->emulator ? 0 : error_oom(ret_error);
        }
        return find_for_target(os_arch(prepare->domain), &prepare->ret->emulator, ret_error);
}

static int judge(Prepare *prepare, MusterError **ret_error)
{
        const PrepareInput *input = prepare->input;
        Prepared *ret = prepare->ret;
        MusterLookupInfo info = {};
        int r;

        r = find_emulator(prepare, ret_error);
        if (r >= 0)
                r = muster_judge(input->store, input->context, input->catalogue, ret->emulator,
                                 MUSTER_TRUST_MEASURED, /* flags= */ 0, &prepare->facts, &ret->verdicts,
                                 &info, ret_error);
        if (r < 0)
                return r;
        ret->probed = info.spawned > 0;
        ret->executable = strdup(muster_facts_executable(prepare->facts) ?: ret->emulator);
        ret->digest = strdup(muster_facts_digest(prepare->facts) ?: "");
        return ret->executable && ret->digest ? 0 : error_oom(ret_error);
}

static int complete(Prepare *prepare, MusterError **ret_error)
{
        const PrepareInput *input = prepare->input;
        int r;

        r = schema_check_finish(TAKE(prepare->check), &prepare->faults, ret_error);
        if (r >= 0)
                r = say_faults(prepare, ret_error);
        if (r >= 0)
                r = host_local_at(input->run_directory, input->state_directory, &prepare->host, ret_error);
        if (r < 0)
                return r;
        prepare->host->root = input->root;
        prepare->host->sandbox = input->sandbox;
        prepare->host->descriptors = input->descriptors;
        prepare->host->monitor_fd = MONITOR_FD;
        r = domain_complete(prepare->domain, prepare->ret->verdicts, prepare->host);
        return r < 0 ? say_why(r, ret_error) : say_faults(prepare, ret_error);
}

/* --- what is kept ---------------------------------------------------------------------------------- */

/* "graphics[2]": the second child of this name. */
static XmlElement *walk(XmlElement *element, const char *word, size_t size)
{
        CLEANUP(free) char *name = strndup(word, strcspn(word, "[/") < size ? strcspn(word, "[/") : size);
        unsigned long index =
                word[strcspn(word, "[/")] == '[' ? strtoul(strchr(word, '[') + 1, NULL, 10) : 1;
        XmlElement *child = NULL;

        while (name && index-- > 0 && (child = xml_next(element, name, child)))
                ;
        return child;
}

/* The value at a path as faults write it: /domain/devices/graphics[2]/@passwd. NULL: not there. */
static char *value_at(Prepare *prepare, const char *path)
{
        XmlElement *element = prepare->domain->xml->root;

        path = startswith(path, "/domain");
        while (path && element && *path == '/') {
                size_t size = strcspn(++path, "/");

                if (*path == '@') {
                        const char *value = xml_attribute(element, path + 1);

                        return value ? strdup(value) : NULL;
                }
                element = walk(element, path, size);
                path += size;
        }
        return path && element ? xml_text(element) : NULL;
}

/* What secret files hold goes along with the plan: the definition is not at hand any more when they are
 * made. */
static int take_secrets(Prepare *prepare, const Plan *plan)
{
        for (size_t i = 0; i < json_object_array_length(plan->files); i++) {
                json_object *file = json_object_array_get_idx(plan->files, i);
                CLEANUP(free) char *value = NULL;

                if (!streq_ptr(json_get_string(file, "action"), "secret"))
                        continue;
                value = value_at(prepare, json_get_string(file, "from") ?: "");
                if (!value || json_add_string(file, "content", value) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int make_plan(Prepare *prepare, MusterError **ret_error)
{
        CLEANUP(Plan) Plan *plan = NULL;
        int r;

        r = plan_new(prepare->domain, /* evidence= */ false, &plan);
        if (r < 0)
                return say_why(r, ret_error);
        if (!plan)
                return say_faults(prepare, ret_error);
        if (take_secrets(prepare, plan) < 0)
                return error_oom(ret_error);
        prepare->ret->plan = plan_to_json(plan);
        if (!prepare->ret->plan)
                return error_oom(ret_error);
        r = chains_of_plan(plan, &prepare->ret->chains, ret_error);
        if (r < 0)
                return r;
        return live_definition(prepare->domain, &prepare->ret->live) < 0 ? error_oom(ret_error) : 0;
}

static int keep(Prepare *prepare, MusterError **ret_error)
{
        const General *general = domain_general(prepare->domain);
        Prepared *ret = prepare->ret;
        XmlElement *title;

        if (domain_sort(prepare->domain) < 0)
                return error_oom(ret_error);
        if (strlen(general->name) >= sizeof(ret->name))
                return error_set(ret_error, -EINVAL,
                                 _("The domain's name is too long; give it at most %zu bytes."),
                                 sizeof(ret->name) - 1);
        memcpy(ret->name, general->name, strlen(general->name) + 1);
        memcpy(ret->uuid, general->uuid, sizeof(ret->uuid));
        title = xml_child(prepare->domain->xml->root, "title");
        ret->title = title ? xml_text(title) : NULL;
        ret->definition = xml_to_text(prepare->domain->xml);
        return ret->definition ? 0 : error_oom(ret_error);
}

int prepare(const PrepareInput *input, Prepared *ret, MusterError **ret_error)
{
        Prepare self = {.input = input, .ret = ret, .faults = {.file = input->file}};
        int r;

        *ret = (Prepared){};
        r = read_definition(&self, ret_error);
        if (r >= 0)
                r = judge(&self, ret_error);
        if (r >= 0)
                r = complete(&self, ret_error);
        if (r >= 0)
                r = keep(&self, ret_error);
        if (r >= 0 && (input->flags & PREPARE_PLAN) != 0)
                r = make_plan(&self, ret_error);
        if (self.faults.n_items > 0)
                ret->faults = faults_to_json(&self.faults);
        clear(&self);
        return r;
}
