/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/virtio.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/section/os.h"
#include "domain/value.h"

static const char *const models[] = {
        [VIRTIO_PLAIN] = "virtio",
        [VIRTIO_TRANSITIONAL] = "virtio-transitional",
        [VIRTIO_NON_TRANSITIONAL] = "virtio-non-transitional",
        NULL,
};

int virtio_model_parse(const char *name, VirtioModel *ret)
{
        int found = value_word(name, models);

        if (found < 0)
                return -EINVAL;
        *ret = (VirtioModel)found;
        return 0;
}

static void read_option(Domain *domain, XmlElement *driver, const char *name, int *ret)
{
        bool value;

        if (read_switch(domain->xml, driver, name, &value) > 0)
                *ret = value;
}

void virtio_read(Domain *domain, XmlElement *driver, VirtioOptions *ret)
{
        *ret = (VirtioOptions){.iommu = -1, .ats = -1, .packed = -1, .page_per_vq = -1};
        if (!driver)
                return;
        read_option(domain, driver, "iommu", &ret->iommu);
        read_option(domain, driver, "ats", &ret->ats);
        read_option(domain, driver, "packed", &ret->packed);
        read_option(domain, driver, "page_per_vq", &ret->page_per_vq);
}

int virtio_want_place(Domain *domain, Part *part, VirtioModel model, bool hotplug)
{
        PciPlug plug = model == VIRTIO_TRANSITIONAL ? PCI_PLUG_CONVENTIONAL : PCI_PLUG_EITHER;

        if (part->place.type == PLACE_VIRTIO_MMIO || os_pci_machine(domain) == PCI_MACHINE_NONE)
                return place_want_mmio(domain, part);
        return place_want_pci(domain, part, plug, PCI_PART_NONE, hotplug);
}

static int add_option(json_object *device, const char *name, int value)
{
        return value < 0 ? 0 : json_add_bool(device, name, value != 0);
}

static int add_options(json_object *device, const VirtioOptions *options)
{
        if (!options)
                return 0;
        if (add_option(device, "iommu_platform", options->iommu) < 0 ||
            add_option(device, "ats", options->ats) < 0 ||
            add_option(device, "packed", options->packed) < 0 ||
            add_option(device, "page-per-vq", options->page_per_vq) < 0)
                return -ENOMEM;
        return 0;
}

json_object *virtio_device(Plan *plan, const Part *part, const char *name, VirtioModel model,
                           const VirtioOptions *options, int *ret_r)
{
        static const char *const suffixes[] = {
                [VIRTIO_PLAIN] = "-pci",
                [VIRTIO_TRANSITIONAL] = "-pci-transitional",
                [VIRTIO_NON_TRANSITIONAL] = "-pci-non-transitional",
        };
        bool pci = part->place.type == PLACE_PCI;
        CLEANUP(free) char *type = text_format("%s%s", name, pci ? suffixes[model] : "-device");
        CLEANUP(json) json_object *device = json_object_new_object();

        *ret_r = -ENOMEM;
        if (!type || !device)
                return NULL;
        *ret_r = 0;
        if (!domain_has_type(plan->domain, type)) {
                plan_fault(plan, part->element, /* attribute= */ NULL,
                           _("%s has no device '%s'; take another model, or another emulator."),
                           domain_emulator_text(plan->domain), type);
                return NULL;
        }
        *ret_r = json_add_string(device, "driver", type);
        if (*ret_r >= 0)
                *ret_r = add_options(device, options);
        return *ret_r < 0 ? NULL : TAKE(device);
}

json_object *virtio_device_of(const char *type, const VirtioOptions *options)
{
        CLEANUP(json) json_object *device = json_object_new_object();

        if (!device || json_add_string(device, "driver", type) < 0 || add_options(device, options) < 0)
                return NULL;
        return TAKE(device);
}
