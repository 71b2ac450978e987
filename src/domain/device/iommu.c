/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/device/iommu.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/section/general.h"
#include "domain/section/os.h"
#include "domain/value.h"
#include "domain/virtio.h"

typedef enum IommuModel {
        IOMMU_INTEL,
        IOMMU_AMD,
        IOMMU_VIRTIO,
        IOMMU_SMMUV3,
} IommuModel;

enum {
        INTREMAP,
        CACHING_MODE,
        EIM,
        IOTLB,
        DMA_TRANSLATION,
        _SWITCHES,
};

/* The attributes of <driver>, the properties that they are with Intel's and AMD's, and how QEMU has them. */
static const struct {
        const char *attribute, *intel, *amd;
        bool is_word; /* "on", "off" */
} switches[_SWITCHES] = {
        [INTREMAP] = {"intremap", "intremap", "intremap", true},
        [CACHING_MODE] = {"caching_mode", "caching-mode", NULL, false},
        [EIM] = {"eim", "eim", NULL, true},
        [IOTLB] = {"iotlb", "device-iotlb", "device-iotlb", false},
        [DMA_TRANSLATION] = {"dma_translation", "dma-translation", NULL, false},
};

typedef struct Iommu {
        IommuModel model;
        XmlElement *driver;
        int values[_SWITCHES]; /* -1: not said */
        uint64_t aw_bits;      /* 0: not said */
} Iommu;

const char *iommu_machine_option(const Domain *domain)
{
        const Part *part = domain_next(domain, &device_iommu, NULL);

        return part && ((const Iommu *)part->data)->model == IOMMU_SMMUV3 ? "smmuv3" : NULL;
}

/* --- reading ------------------------------------------------------------------------------------- */

static const char *property(const Iommu *iommu, size_t i)
{
        if (iommu->model == IOMMU_INTEL)
                return switches[i].intel;
        return iommu->model == IOMMU_AMD ? switches[i].amd : NULL;
}

static void read_driver(Domain *domain, Iommu *iommu)
{
        XmlElement *driver = iommu->driver;

        for (size_t i = 0; i < _SWITCHES; i++) {
                bool value;

                if (read_switch(domain->xml, driver, switches[i].attribute, &value) <= 0)
                        continue;
                iommu->values[i] = value;
                if (!property(iommu, i))
                        xml_fault(domain->xml, FAULT_ERROR, driver, switches[i].attribute,
                                  _("An IOMMU of this model has no such option; remove %s=."),
                                  switches[i].attribute);
        }
        read_uint(domain->xml, driver, "aw_bits", 64, &iommu->aw_bits);
        if (iommu->aw_bits > 0 && iommu->model == IOMMU_INTEL && iommu->aw_bits != 39 &&
            iommu->aw_bits != 48)
                xml_fault(domain->xml, FAULT_ERROR, driver, "aw_bits",
                          _("Intel's IOMMU has addresses of 39 or 48 bits."));
        if (iommu->aw_bits > 0 && iommu->model != IOMMU_INTEL)
                xml_fault(domain->xml, FAULT_ERROR, driver, "aw_bits",
                          _("Only of model='intel' can the width of addresses be set; remove aw_bits=."));
        if (iommu->values[EIM] == 1 && iommu->values[INTREMAP] != 1)
                xml_fault(domain->xml, FAULT_ERROR, driver, "eim",
                          _("Extended interrupts are remapped ones; add intremap='on'."));
}

static int read_iommu(Domain *domain, Part *part)
{
        static const char *const models[] = {"intel", "amd", "virtio", "smmuv3", NULL};
        Iommu *iommu = part->data;
        int model = IOMMU_INTEL;

        if (read_word(domain->xml, part->element, "model", models, &model) == 0)
                xml_fault(domain->xml, FAULT_ERROR, part->element, /* attribute= */ NULL,
                          _("Which IOMMU is it? Add model='intel', 'amd', 'virtio' or 'smmuv3'."));
        iommu->model = (IommuModel)model;
        for (size_t i = 0; i < _SWITCHES; i++)
                iommu->values[i] = -1;
        iommu->driver = xml_child(part->element, "driver");
        if (iommu->driver)
                read_driver(domain, iommu);
        if (iommu->model != IOMMU_VIRTIO && part->place.element)
                xml_fault(domain->xml, FAULT_ERROR, part->place.element, /* attribute= */ NULL,
                          _("Only of model='virtio' does an IOMMU have an address with muster; remove "
                            "<address>."));
        return 0;
}

/* --- completing ---------------------------------------------------------------------------------- */

static int complete(Domain *domain, Part *part)
{
        PciMachine machine = os_pci_machine(domain);
        const Iommu *iommu = part->data;

        switch (iommu->model) {
        case IOMMU_INTEL:
        case IOMMU_AMD:
                if (machine != PCI_MACHINE_Q35)
                        xml_fault(domain->xml, FAULT_ERROR, part->element, "model",
                                  _("Only a q35 machine can have this IOMMU, and this one is %s."),
                                  os_machine(domain));
                return 0;
        case IOMMU_SMMUV3:
                if (machine != PCI_MACHINE_VIRT ||
                    (!streq(os_arch(domain), "aarch64") && !streq(os_arch(domain), "arm")))
                        xml_fault(domain->xml, FAULT_ERROR, part->element, "model",
                                  _("Only Arm's virt machine can have an SMMU, and this one is %s."),
                                  os_machine(domain));
                return 0;
        case IOMMU_VIRTIO:
                if (machine == PCI_MACHINE_Q35 || machine == PCI_MACHINE_VIRT)
                        return place_want_pci(domain, part, PCI_PLUG_INTEGRATED, PCI_PART_NONE,
                                              /* hotplug= */ false);
                xml_fault(domain->xml, FAULT_ERROR, part->element, "model",
                          _("Only q35 and virt machines can have this IOMMU, and this one is %s."),
                          os_machine(domain));
                return 0;
        }
        return 0;
}

/* KVM remaps interrupts only if the emulator has the I/O APIC. */
static int check(Domain *domain, Part *part)
{
        XmlElement *features = xml_child(domain->xml->root, "features");
        XmlElement *ioapic = features ? xml_child(features, "ioapic") : NULL;
        const Iommu *iommu = part->data;

        if (iommu->values[INTREMAP] == 1 && domain_general(domain)->kvm &&
            !streq_ptr(ioapic ? xml_attribute(ioapic, "driver") : NULL, "qemu"))
                xml_fault(domain->xml, FAULT_ERROR, iommu->driver, "intremap",
                          _("Interrupts are remapped only if the emulator has the I/O APIC; add "
                            "<features><ioapic driver='qemu'/></features>."));
        return 0;
}

/* --- planning ------------------------------------------------------------------------------------ */

static int add_switches(const Iommu *iommu, json_object *device)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < _SWITCHES; i++) {
                bool on = iommu->values[i] == 1;

                if (iommu->values[i] < 0 || !property(iommu, i))
                        continue;
                r = switches[i].is_word ? json_add_string(device, property(iommu, i), on ? "on" : "off")
                                        : json_add_bool(device, property(iommu, i), on);
        }
        return r;
}

/* A property that is not known is left to the emulator: only one that is known not to be there is a fault.
 */
static void check_property(Plan *plan, const Part *part, const char *attribute, const char *feature,
                           const char *name)
{
        const Iommu *iommu = part->data;

        if (!plan_has(plan, part, feature, /* driver= */ NULL, _("the property is set"), NULL) &&
            muster_verdict(plan->domain->verdicts, feature, NULL) == MUSTER_VERDICT_ABSENT)
                plan_fault(plan, iommu->driver, attribute,
                           _("%s has no property %s; remove %s=, or take another emulator."),
                           domain_emulator_text(plan->domain), name, attribute);
}

static int plan(Plan *plan, Part *part)
{
        static const char *const types[] = {"intel-iommu", "amd-iommu", "virtio-iommu-pci", NULL};
        const Iommu *iommu = part->data;
        const char *type = types[iommu->model];
        CLEANUP(json) json_object *device = NULL;
        int r;

        if (!type)
                return 0;
        if (!domain_has_type(plan->domain, type)) {
                plan_fault(plan, part->element, "model",
                           _("%s has no device '%s'; take another model, or another emulator."),
                           domain_emulator_text(plan->domain), type);
                return 0;
        }
        device = json_object_new_object();
        r = device ? json_add_string(device, "driver", type) : -ENOMEM;
        if (r >= 0)
                r = add_switches(iommu, device);
        if (r >= 0 && iommu->aw_bits > 0)
                r = json_add_int(device, "aw-bits", (int64_t)iommu->aw_bits);
        if (iommu->aw_bits > 0)
                check_property(plan, part, "aw_bits", "intel-iommu-aw-bits", "intel-iommu.aw-bits");
        if (iommu->values[DMA_TRANSLATION] >= 0)
                check_property(plan, part, "dma_translation", "intel-iommu-dma-translation",
                               "intel-iommu.dma-translation");
        return r < 0 ? r : plan_device(plan, part, TAKE(device));
}

/* Before what it translates for, as QEMU asks for it. */
const PartKind device_iommu = {
        .name = "iommu",
        .alias = "iommu",
        .flags = PART_ADDRESS | PART_SINGLE | PART_CARRIES,
        .places = 1 << PLACE_PCI,
        .size = sizeof(Iommu),
        .read = read_iommu,
        .complete = complete,
        .check = check,
        .plan = plan,
};
