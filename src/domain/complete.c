/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/domain.h"

/*
 * Parts that are implied may imply others, and `complete` may add devices, too (a console's serial port): so
 * devices are walked by index, and those that come later have their turn.
 */

static int imply(Domain *domain)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && section_kinds[i]; i++)
                if (section_kinds[i]->imply)
                        r = section_kinds[i]->imply(domain);
        for (size_t i = 0; r >= 0 && device_kinds[i]; i++)
                if (device_kinds[i]->imply)
                        r = device_kinds[i]->imply(domain);
        return r;
}

static int complete_parts(Domain *domain)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < domain->n_sections; i++)
                if (domain->sections[i]->kind->complete)
                        r = domain->sections[i]->kind->complete(domain, domain->sections[i]);
        return r;
}

static int complete_devices(Domain *domain)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < domain->n_devices; i++)
                if (domain->devices[i]->kind->complete)
                        r = domain->devices[i]->kind->complete(domain, domain->devices[i]);
        return r;
}

static bool alias_is_given(const Domain *domain, const char *alias)
{
        for (size_t i = 0; i < domain->n_devices; i++)
                if (domain->devices[i]->alias_given && streq_ptr(domain->devices[i]->alias, alias))
                        return true;
        return false;
}

static bool alias_is_taken(const Domain *domain, const char *alias)
{
        for (size_t i = 0; i < domain->n_devices; i++)
                if (streq_ptr(domain->devices[i]->alias, alias))
                        return true;
        return false;
}

/* "net0": those that were given keep theirs, and nobody else gets it, but the lowest that is free: where
 * devices have come and gone their number is not that of their place any more. */
static int assign_alias(Domain *domain, Part *part)
{
        CLEANUP(free) char *alias = NULL;

        if (part->alias || !part->kind->alias)
                return 0;
        alias = text_format("%s%u", part->kind->alias, part->index);
        if (alias && alias_is_given(domain, alias))
                for (unsigned number = 0; alias && alias_is_taken(domain, alias); number++) {
                        free(alias);
                        alias = text_format("%s%u", part->kind->alias, number);
                }
        part->alias = TAKE(alias);
        return part->alias ? 0 : -ENOMEM;
}

static int compare_aliases(const void *a, const void *b)
{
        const Part *const *first = a, *const *second = b;

        return strcmp((*first)->alias, (*second)->alias);
}

static int check_aliases(Domain *domain)
{
        CLEANUP(free) Part **sorted = calloc(domain->n_devices + 1, sizeof(Part *));
        size_t n = 0;

        if (!sorted)
                return -ENOMEM;
        for (size_t i = 0; i < domain->n_devices; i++) {
                if (assign_alias(domain, domain->devices[i]) < 0)
                        return -ENOMEM;
                if (domain->devices[i]->alias)
                        sorted[n++] = domain->devices[i];
        }
        qsort(sorted, n, sizeof(Part *), compare_aliases);
        for (size_t i = 1; i < n; i++)
                if (streq(sorted[i]->alias, sorted[i - 1]->alias))
                        xml_fault(domain->xml, FAULT_ERROR, sorted[i]->element, /* attribute= */ NULL,
                                  _("Two devices have the alias \"%s\"; give one of them another "
                                    "<alias name=…>."),
                                  sorted[i]->alias);
        return 0;
}

static int compare_boot(const void *a, const void *b)
{
        const Part *const *first = a, *const *second = b;

        return (*first)->boot_order < (*second)->boot_order ? -1
                                                            : (*first)->boot_order > (*second)->boot_order;
}

static int check_boot_orders(Domain *domain)
{
        CLEANUP(free) Part **sorted = calloc(domain->n_devices + 1, sizeof(Part *));
        size_t n = 0;

        if (!sorted)
                return -ENOMEM;
        for (size_t i = 0; i < domain->n_devices; i++)
                if (domain->devices[i]->boot_order > 0)
                        sorted[n++] = domain->devices[i];
        qsort(sorted, n, sizeof(Part *), compare_boot);
        for (size_t i = 1; i < n; i++)
                if (sorted[i]->boot_order == sorted[i - 1]->boot_order)
                        xml_fault(domain->xml, FAULT_ERROR, sorted[i]->element, /* attribute= */ NULL,
                                  _("Two devices have boot order %llu; give one of them another."),
                                  (unsigned long long)sorted[i]->boot_order);
        return 0;
}

static int check_parts(Domain *domain)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < domain->n_sections; i++)
                if (domain->sections[i]->kind->check)
                        r = domain->sections[i]->kind->check(domain, domain->sections[i]);
        for (size_t i = 0; r >= 0 && i < domain->n_devices; i++)
                if (domain->devices[i]->kind->check)
                        r = domain->devices[i]->kind->check(domain, domain->devices[i]);
        return r;
}

int domain_complete(Domain *domain, MusterVerdicts *verdicts, const DomainHost *host)
{
        int r;

        domain->verdicts = muster_verdicts_ref(verdicts);
        domain->facts = verdicts_facts(verdicts);
        domain->host = host;
        /* Sections first: what is implied depends on the machine. */
        r = complete_parts(domain);
        if (r >= 0 && domain->faults->n_errors == 0)
                r = imply(domain);
        if (r >= 0 && domain->faults->n_errors == 0)
                r = complete_devices(domain);
        if (r >= 0 && domain->faults->n_errors == 0)
                r = check_boot_orders(domain);
        if (r >= 0 && domain->faults->n_errors == 0)
                r = place_assign(domain);
        if (r >= 0 && domain->faults->n_errors == 0)
                r = check_aliases(domain);
        if (r >= 0 && domain->faults->n_errors == 0)
                r = check_parts(domain);
        if (r == -E2BIG) /* domain_add_device() said so */
                r = 0;
        if (r >= 0 && domain->faults->out_of_memory)
                r = -ENOMEM;
        return r;
}
