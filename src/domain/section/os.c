/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/section/os.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/plan.h"
#include "domain/section/features.h"
#include "domain/section/memory.h"
#include "domain/value.h"

typedef struct Os {
        char *arch, *machine;
        XmlElement *type;
} Os;

static Os *os_of(const Domain *domain)
{
        return domain_section(domain, &section_os)->data;
}

const char *os_arch(const Domain *domain)
{
        const char *arch = os_of(domain)->arch;

        if (!arch)
                return "x86_64";
        if (streq(arch, "i686"))
                return "i386";
        if (streq(arch, "armv7l"))
                return "arm";
        return streq(arch, "ppc64le") ? "ppc64" : arch;
}

bool os_is_x86(const Domain *domain)
{
        return streq(os_arch(domain), "x86_64") || streq(os_arch(domain), "i386");
}

const char *os_machine(const Domain *domain)
{
        return os_of(domain)->machine ?: "";
}

PciMachine os_pci_machine(const Domain *domain)
{
        return pci_machine(os_arch(domain), os_machine(domain), /* pcie= */ false);
}

unsigned os_take_boot(Domain *domain, OsBoot boot)
{
        return 0;
}

static json_object *find_machine(const Domain *domain, const char *name)
{
        json_object *machines = domain_answer(domain, "query-machines");
        size_t n = machines ? json_object_array_length(machines) : 0;

        for (size_t i = 0; i < n; i++) {
                json_object *item = json_object_array_get_idx(machines, i);

                if (name ? streq_ptr(json_get_string(item, "name"), name) ||
                                    streq_ptr(json_get_string(item, "alias"), name)
                         : json_get_bool(item, "is-default", false))
                        return item;
        }
        return NULL;
}

json_object *os_machine_facts(const Domain *domain)
{
        return find_machine(domain, os_of(domain)->machine);
}

static int read_os(Domain *domain, Part *part)
{
        XmlElement *element = xml_child(part->element, "os");
        Os *os = part->data;
        int r;

        os->type = element ? xml_child(element, "type") : NULL;
        if (!os->type) {
                xml_fault(domain->xml, FAULT_ERROR, element ?: part->element, /* attribute= */ NULL,
                          _("Which machine shall it be? Add <os><type arch='x86_64' "
                            "machine='q35'>hvm</type></os>."));
                return 0;
        }
        r = read_text(domain->xml, os->type, "arch", &os->arch);
        if (r >= 0)
                r = read_text(domain->xml, os->type, "machine", &os->machine);
        free(xml_text(os->type));
        return r < 0 ? r : 0;
}

static int complete(Domain *domain, Part *part)
{
        json_object *machine = os_machine_facts(domain);
        Os *os = part->data;
        char *name;

        if (!machine) {
                xml_fault(domain->xml, FAULT_ERROR, os->type, "machine", _("%s has no machine type \"%s\"."),
                          domain_emulator_text(domain), os_machine(domain));
                return 0;
        }
        name = strdup(json_get_string(machine, "name") ?: "");
        if (!name)
                return -ENOMEM;
        free(os->machine);
        os->machine = name;
        return xml_set(os->type, "machine", name);
}

static int plan(Plan *plan, Part *part)
{
        json_object *machine = json_object_new_object();

        if (!machine || json_add_string(machine, "type", os_machine(plan->domain)) < 0 ||
            features_add_machine(plan->domain, machine) < 0 ||
            memory_add_machine(plan, part, machine) < 0) {
                json_object_put(machine);
                return -ENOMEM;
        }
        return plan_properties(plan, part, "-machine", machine);
}

static void clear(Part *part)
{
        Os *os = part->data;

        free(os->arch);
        free(os->machine);
}

const PartKind section_os = {
        .name = "os",
        .size = sizeof(Os),
        .read = read_os,
        .complete = complete,
        .plan = plan,
        .clear = clear,
};
