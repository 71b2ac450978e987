/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/section/os.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/device/iommu.h"
#include "domain/device/memory.h"
#include "domain/device/sound.h"
#include "domain/section/clock.h"
#include "domain/section/features.h"
#include "domain/section/memory.h"
#include "domain/section/os-private.h"
#include "domain/value.h"

Os *os_of(const Domain *domain)
{
        return domain_section(domain, &section_os)->data;
}

static const char *libvirt_arch(const Domain *domain)
{
        const char *fallback = domain->host && domain->host->arch ? domain->host->arch : "x86_64";

        return os_of(domain)->arch ?: fallback;
}

const char *os_arch(const Domain *domain)
{
        const char *arch = libvirt_arch(domain);

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

/* A microvm has PCIe only if it is asked for: by a controller of it, or an address on it. */
static bool wants_pcie(const Domain *domain)
{
        XmlElement *element = NULL;

        if (!domain->devices_element)
                return false;
        while ((element = xml_next_any(domain->devices_element, element))) {
                bool controller = streq(xml_name(element), "controller");
                XmlElement *place = controller ? element : xml_child(element, "address");

                if (place && streq_ptr(xml_attribute(place, "type"), "pci"))
                        return true;
        }
        return false;
}

PciMachine os_pci_machine(const Domain *domain)
{
        bool microvm = startswith(os_machine(domain), "microvm") != NULL;

        return pci_machine(libvirt_arch(domain), os_machine(domain), microvm && wants_pcie(domain));
}

OsSmbios os_smbios(const Domain *domain)
{
        return os_of(domain)->smbios;
}

int os_read_path(Domain *domain, XmlElement *parent, const char *name, char **ret)
{
        XmlElement *element = xml_child(parent, name);
        CLEANUP(free) char *path = element ? xml_text(element) : NULL;

        if (element && !path)
                return -ENOMEM;
        if (!path || !*path)
                return 0;
        if (path[0] != '/')
                xml_fault(domain->xml, FAULT_ERROR, element, /* attribute= */ NULL,
                          _("The file's path is not absolute; write it from / on."));
        free(*ret);
        *ret = TAKE(path);
        return 1;
}

static int read_os(Domain *domain, Part *part)
{
        Os *os = part->data;
        int r;

        os->menu = -1;
        os->element = xml_child(part->element, "os");
        r = os_read_type(domain, os);
        if (r >= 0 && os->element)
                r = os_read_firmware(domain, os);
        if (r >= 0 && os->element)
                r = os_read_boot(domain, os);
        return r < 0 ? r : 0;
}

static int complete(Domain *domain, Part *part)
{
        Os *os = part->data;
        int r;

        r = os_complete_machine(domain, os);
        if (r >= 0 && domain->faults->n_errors == 0)
                r = os_complete_firmware(domain, os);
        if (r >= 0)
                r = os_complete_boot(domain, os);
        return r;
}

/* What devices ask of the board. */
static int add_devices(const Domain *domain, json_object *machine)
{
        const char *iommu = iommu_machine_option(domain), *speaker = sound_pc_speaker(domain);
        int r = 0;

        if (iommu)
                r = json_add_string(machine, "iommu", iommu);
        if (r >= 0 && speaker)
                r = json_add_string(machine, "pcspk-audiodev", speaker);
        if (r >= 0 && memory_device_nvdimm(domain))
                r = json_add_bool(machine, "nvdimm", true);
        return r;
}

/*
 * -machine is one option, whose properties come from all over the definition. QEMU before 6.1 reads it as
 * QemuOpts, so none of them may have members.
 */
static int add_machine(Plan *plan, const Part *part, json_object *machine)
{
        const Domain *domain = plan->domain;
        int r;

        r = json_add_string(machine, "type", os_machine(domain));
        /* Controllers of the definition and no other. */
        if (r >= 0)
                r = json_add_bool(machine, "usb", false);
        /* Before what <features> adds, which may be the same. */
        if (r >= 0 && os_needs_smm(domain))
                r = json_add_bool(machine, "smm", true);
        if (r >= 0 && startswith(os_machine(domain), "microvm") && wants_pcie(domain))
                r = json_add_bool(machine, "pcie", true);
        if (r >= 0)
                r = features_add_machine(domain, machine);
        if (r >= 0)
                r = memory_add_machine(plan, part, machine);
        if (r >= 0)
                r = add_devices(domain, machine);
        if (r >= 0)
                r = clock_add_machine(plan, machine);
        if (r >= 0)
                r = os_plan_firmware(plan, part, machine);
        if (r >= 0)
                r = os_plan_boot(plan, part, machine);
        return r;
}

static int plan(Plan *plan, Part *part)
{
        CLEANUP(json) json_object *machine = json_object_new_object();
        int r;

        r = machine ? add_machine(plan, part, machine) : -ENOMEM;
        return r < 0 ? r : plan_properties(plan, part, "-machine", TAKE(machine));
}

static void clear(Part *part)
{
        Os *os = part->data;

        free(os->arch);
        free(os->machine);
        free(os->kernel);
        free(os->initrd);
        free(os->cmdline);
        free(os->dtb);
        free(os->shim);
        os_clear_firmware(&os->firmware);
}

const PartKind section_os = {
        .name = "os",
        .size = sizeof(Os),
        .read = read_os,
        .complete = complete,
        .plan = plan,
        .clear = clear,
};
