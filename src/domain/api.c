/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* muster/domain.h. */

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/canonical.h"
#include "domain/libxml.h"
#include "domain/plan.h"
#include "domain/schema.h"
#include "domain/section/general.h"
#include "domain/section/os.h"
#include "emulator/find.h"
#include "muster/domain.h"

struct MusterDomain {
        char *file;
        Faults faults;
        Domain *domain; /* NULL: it was no XML */
        DomainHost *host;
        SchemaCheck *check; /* under way */
        char *text;         /* what it reads */
        bool complete;
};

struct MusterPlan {
        json_object *description;
        char *command;
};

static void cleanup_api_domain(MusterDomain **domain)
{
        muster_domain_free(*domain);
}

/* What was found beside, before anything is said of the faults. */
static int gather(const MusterDomain *domain, MusterError **ret_error)
{
        MusterDomain *self = (MusterDomain *)domain;

        return schema_check_finish(TAKE(self->check), &self->faults, ret_error);
}

static int say_why(int r, MusterError **ret_error)
{
        if (r == -ENOPKG)
                return error_set(ret_error, r,
                                 _("Libxml2 cannot be loaded, without which no definition can be read; "
                                   "install the package libxml2."));
        return r == -ENOMEM ? error_oom(ret_error) : r;
}

static int start_check(MusterDomain *domain, const char *text, size_t size, MusterError **ret_error)
{
        domain->text = malloc(size + 1);
        if (!domain->text)
                return error_oom(ret_error);
        memcpy(domain->text, text, size);
        return schema_check_start(domain->text, size, &domain->check, ret_error);
}

_public_ int muster_domain_read(const char *text, size_t size, const char *file, unsigned flags,
                                MusterDomain **ret, MusterError **ret_error)
{
        __attribute__((cleanup(cleanup_api_domain))) MusterDomain *domain = calloc(1, sizeof(*domain));
        int r;

        if (!domain)
                return error_oom(ret_error);
        domain->file = strdup(file);
        if (!domain->file)
                return error_oom(ret_error);
        domain->faults.file = domain->file;
        domain->faults.lenient = (flags & MUSTER_DOMAIN_LENIENT) != 0;
        r = libxml_load();
        if (r >= 0 && (flags & MUSTER_DOMAIN_SCHEMA)) {
                r = start_check(domain, text, size, ret_error);
                if (r < 0)
                        return r;
        }
        if (r >= 0)
                r = domain_read(text, size, &domain->faults, &domain->domain);
        if (r < 0)
                return say_why(r, ret_error);
        *ret = TAKE(domain);
        return 0;
}

_public_ MusterDomain *muster_domain_free(MusterDomain *domain)
{
        if (!domain)
                return NULL;
        (void)gather(domain, /* ret_error= */ NULL);
        free(domain->text);
        domain_free(domain->domain);
        host_free(domain->host);
        faults_clear(&domain->faults);
        free(domain->file);
        free(domain);
        return NULL;
}

_public_ const char *muster_domain_name(const MusterDomain *domain)
{
        return domain->domain ? domain_name(domain->domain) : NULL;
}

_public_ int muster_domain_emulator(const MusterDomain *domain, char **ret_path, MusterError **ret_error)
{
        if (domain->domain && domain->domain->emulator) {
                *ret_path = strdup(domain->domain->emulator);
                return *ret_path ? 0 : error_oom(ret_error);
        }
        return domain->domain ? find_for_target(os_arch(domain->domain), ret_path, ret_error)
                              : muster_emulator_default(ret_path, ret_error);
}

_public_ int muster_domain_complete(MusterDomain *domain, MusterVerdicts *verdicts, MusterError **ret_error)
{
        int r;

        if (!domain->domain || domain->complete || domain->faults.n_errors > 0)
                return error_set(ret_error, -EINVAL,
                                 _("The definition has errors, or was completed before."));
        r = gather(domain, ret_error);
        if (r < 0 || domain->faults.n_errors > 0)
                return r;
        r = host_local(&domain->host, ret_error);
        if (r < 0)
                return r;
        r = domain_complete(domain->domain, verdicts, domain->host);
        domain->complete = true;
        return say_why(r, ret_error);
}

_public_ size_t muster_domain_errors(const MusterDomain *domain)
{
        return domain->faults.n_errors;
}

_public_ int muster_domain_describe_faults(const MusterDomain *domain, char **ret_json,
                                           MusterError **ret_error)
{
        CLEANUP(json) json_object *faults = NULL;
        char *text;
        int r;

        r = gather(domain, ret_error);
        if (r < 0)
                return r;
        faults = faults_to_json(&domain->faults);
        text = faults ? json_to_text(faults) : NULL;
        if (!text)
                return error_oom(ret_error);
        *ret_json = text;
        return 0;
}

static int check_complete(const MusterDomain *domain, MusterError **ret_error)
{
        if (domain->complete && domain->faults.n_errors == 0)
                return 0;
        return error_set(ret_error, -EINVAL, _("The definition has errors, or was not completed."));
}

_public_ int muster_domain_format(MusterDomain *domain, char **ret_xml, MusterError **ret_error)
{
        char *text;
        int r;

        r = check_complete(domain, ret_error);
        if (r < 0)
                return r;
        if (domain_sort(domain->domain) < 0)
                return error_oom(ret_error);
        text = xml_to_text(domain->domain->xml);
        if (!text)
                return error_oom(ret_error);
        *ret_xml = text;
        return 0;
}

_public_ int muster_plan_new(MusterDomain *domain, unsigned flags, MusterPlan **ret, MusterError **ret_error)
{
        CLEANUP(Plan) Plan *made = NULL;
        MusterPlan *plan;
        int r;

        r = check_complete(domain, ret_error);
        if (r < 0)
                return r;
        r = plan_new(domain->domain, (flags & MUSTER_PLAN_EVIDENCE) != 0, &made);
        if (r < 0)
                return say_why(r, ret_error);
        *ret = NULL;
        if (!made)
                return 0;
        plan = calloc(1, sizeof(*plan));
        if (!plan)
                return error_oom(ret_error);
        /* It outlives the domain. */
        plan->description = plan_to_json(made);
        plan->command = plan_to_shell(made);
        if (!plan->description || !plan->command) {
                muster_plan_free(plan);
                return error_oom(ret_error);
        }
        *ret = plan;
        return 0;
}

_public_ MusterPlan *muster_plan_free(MusterPlan *plan)
{
        if (!plan)
                return NULL;
        json_object_put(plan->description);
        free(plan->command);
        free(plan);
        return NULL;
}

_public_ int muster_plan_describe(const MusterPlan *plan, char **ret_json, MusterError **ret_error)
{
        char *text = json_to_text(plan->description);

        if (!text)
                return error_oom(ret_error);
        *ret_json = text;
        return 0;
}

_public_ int muster_plan_command(const MusterPlan *plan, char **ret_text, MusterError **ret_error)
{
        char *text = strdup(plan->command);

        if (!text)
                return error_oom(ret_error);
        *ret_text = text;
        return 0;
}
