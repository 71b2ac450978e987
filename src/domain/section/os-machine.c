/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which architecture and machine type: what is given is checked against what the emulator has. */

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/section/os-private.h"
#include "domain/value.h"

#define SIMILAR_MAX 5

/* libvirt's names; those of which muster knows how to place devices. */
static const char *const archs[] = {"x86_64",  "i686",  "aarch64", "armv7l",
                                    "riscv64", "ppc64", "ppc64le", NULL};

static int read_kind(Domain *domain, Os *os)
{
        CLEANUP(free) char *kind = xml_text(os->type);

        if (!kind)
                return -ENOMEM;
        if (!streq(kind, "hvm"))
                xml_fault(domain->xml, FAULT_ERROR, os->type, /* attribute= */ NULL,
                          _("Muster runs whole machines alone, of the type \"hvm\"; other hypervisors and "
                            "containers take \"%s\"."),
                          kind);
        return 0;
}

int os_read_type(Domain *domain, Os *os)
{
        int arch, r;

        os->type = os->element ? xml_child(os->element, "type") : NULL;
        if (!os->type) {
                xml_fault(domain->xml, FAULT_ERROR, os->element ?: domain->xml->root, /* attribute= */ NULL,
                          _("Which machine shall it be? Add <os><type arch='x86_64' "
                            "machine='q35'>hvm</type></os>."));
                return 0;
        }
        r = read_kind(domain, os);
        if (r >= 0 && read_word(domain->xml, os->type, "arch", archs, &arch) > 0)
                r = read_text(domain->xml, os->type, "arch", &os->arch);
        if (r >= 0)
                r = read_text(domain->xml, os->type, "machine", &os->machine);
        return r < 0 ? r : 0;
}

/* --- the machine type ---------------------------------------------------------------------------- */

static json_object *machine_at(const Domain *domain, size_t i)
{
        json_object *machines = domain_answer(domain, "query-machines");

        return machines && i < json_object_array_length(machines) ? json_object_array_get_idx(machines, i)
                                                                  : NULL;
}

static json_object *find_machine(const Domain *domain, const char *name)
{
        json_object *item;

        for (size_t i = 0; (item = machine_at(domain, i)); i++)
                if (name ? streq_ptr(json_get_string(item, "name"), name) ||
                                    streq_ptr(json_get_string(item, "alias"), name)
                         : json_get_bool(item, "is-default", false))
                        return item;
        return NULL;
}

json_object *os_machine_facts(const Domain *domain)
{
        return find_machine(domain, os_of(domain)->machine);
}

static size_t common_prefix(const char *a, const char *b)
{
        size_t n = 0;

        while (a[n] && a[n] == b[n])
                n++;
        return n;
}

static int compare_newest(const void *a, const void *b)
{
        return strverscmp(*(const char *const *)b, *(const char *const *)a);
}

/* Joins the newest of them. */
static char *join_newest(const char **names, size_t n)
{
        char *text = strdup("");

        qsort(names, n, sizeof(*names), compare_newest);
        for (size_t i = 0; text && i < n && i < SIMILAR_MAX; i++) {
                char *longer = text_format("%s%s%s", text, i > 0 ? ", " : "", names[i]);

                free(text);
                text = longer;
        }
        return text;
}

/* The names that begin most like this one, ", "-separated, to free(); NULL: out of memory. */
static char *similar_machines(const Domain *domain, const char *name)
{
        CLEANUP(free) const char **names = NULL;
        size_t best = 2, n = 0, total = 0;
        json_object *item;

        while (machine_at(domain, total))
                total++;
        names = calloc(total + 1, sizeof(*names));
        for (size_t i = 0; names && (item = machine_at(domain, i)); i++) {
                const char *other = json_get_string(item, "name") ?: "";
                size_t common = common_prefix(other, name);

                if (common < best)
                        continue;
                if (common > best)
                        n = 0;
                best = common;
                names[n++] = other;
        }
        return names ? join_newest(names, n) : NULL;
}

static int report_unknown(Domain *domain, Os *os)
{
        CLEANUP(free) char *similar = similar_machines(domain, os->machine);

        if (!similar)
                return -ENOMEM;
        if (*similar)
                xml_fault(domain->xml, FAULT_ERROR, os->type, "machine",
                          _("%s has no machine type \"%s\"; these come near: %s."),
                          domain_emulator_text(domain), os->machine, similar);
        else
                xml_fault(domain->xml, FAULT_ERROR, os->type, "machine",
                          _("%s has no machine type \"%s\"; its option -machine help lists them."),
                          domain_emulator_text(domain), os->machine);
        return 0;
}

/* RISC-V's default is a board for tests; the others of these have none. */
static const char *default_machine(const Domain *domain)
{
        const char *arch = os_arch(domain);
        bool virt = streq(arch, "aarch64") || streq(arch, "arm") || streq(arch, "riscv64");

        return virt ? "virt" : NULL;
}

static void check_deprecated(Domain *domain, Os *os, json_object *machine)
{
        if (json_get_bool(machine, "deprecated", false))
                xml_fault(domain->xml, FAULT_WARNING, os->type, "machine",
                          _("The machine type %s is deprecated, and a later QEMU will not have it: move to "
                            "a newer one when the guest may see other hardware."),
                          os->machine);
        if (streq(os->machine, "none") || startswith(os->machine, "xen") || streq(os->machine, "x-remote"))
                xml_fault(domain->xml, FAULT_ERROR, os->type, "machine",
                          _("The machine type %s is none that a guest runs on by itself; give another "
                            "one."),
                          os->machine);
}

static int resolve_machine(Domain *domain, Os *os)
{
        json_object *machine = find_machine(domain, os->machine ?: default_machine(domain));
        char *name;

        if (!machine && os->machine)
                return report_unknown(domain, os);
        if (!machine) {
                xml_fault(domain->xml, FAULT_ERROR, os->type, "machine",
                          _("%s has no default machine type; give one as machine=…."),
                          domain_emulator_text(domain));
                return 0;
        }
        name = strdup(json_get_string(machine, "name") ?: "");
        if (!name)
                return -ENOMEM;
        free(os->machine);
        os->machine = name;
        check_deprecated(domain, os, machine);
        return xml_set(os->type, "machine", name);
}

/* --- the architecture ---------------------------------------------------------------------------- */

/* An emulator of 64 bits runs the 32-bit guests of its family, too. */
static bool runs(const char *target, const char *arch)
{
        return streq(target, arch) || (streq(target, "x86_64") && streq(arch, "i386")) ||
               (streq(target, "aarch64") && streq(arch, "arm"));
}

static int complete_arch(Domain *domain, Os *os)
{
        const char *target = json_get_string(domain_answer(domain, "query-target"), "arch");

        if (!os->arch)
                os->arch = strdup(domain->host->arch);
        if (!os->arch)
                return -ENOMEM;
        if (target && !runs(target, os_arch(domain)))
                xml_fault(domain->xml, FAULT_ERROR, os->type, "arch",
                          _("%s runs %s guests, not %s ones; name another <emulator> or another arch."),
                          domain_emulator_text(domain), target, os->arch);
        return xml_set(os->type, "arch", os->arch);
}

int os_complete_machine(Domain *domain, Os *os)
{
        int r;

        r = complete_arch(domain, os);
        return r < 0 || domain->faults->n_errors > 0 ? r : resolve_machine(domain, os);
}
