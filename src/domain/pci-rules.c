/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/pci-private.h"

/*
 * The tables: what goes where is libvirt's choice, since definitions come from there. QEMU itself refuses
 * next to nothing (7.2 starts with a root port behind a root port), and a guest then finds no device.
 *
 * Slot 0 of bridges with a hot-plug controller (SHPC) is not among those that it controls.
 */
#define BEHIND_PORT (MODEL(PCIE_TO_PCI_BRIDGE) | MODEL(PCIE_SWITCH_UPSTREAM_PORT))

static const PciRule rules[_PCI_MODEL_MAX] = {
        [PCI_MODEL_PCI_ROOT] = {"pci-root", MODEL(PCI_BRIDGE) | MODEL(PCI_EXPANDER_BUS), .devices = true,
                                .last_slot = 31, .hotplug = true, .root = true,
                                .what = N_("devices, pci-bridge and pci-expander-bus")},
        [PCI_MODEL_PCIE_ROOT] = {"pcie-root",
                                 MODEL(PCIE_ROOT_PORT) | MODEL(PCIE_TO_PCI_BRIDGE) |
                                         MODEL(DMI_TO_PCI_BRIDGE) | MODEL(PCIE_EXPANDER_BUS),
                                 .devices = true, .express = true, .last_slot = 31, .root = true,
                                 .what = N_("devices, pcie-root-port, pcie-to-pci-bridge, dmi-to-pci-bridge "
                                            "and pcie-expander-bus")},
        [PCI_MODEL_PCIE_ROOT_PORT] = {"pcie-root-port", BEHIND_PORT, .devices = true, .express = true,
                                      .hotplug = true,
                                      .what = N_("a device, a pcie-to-pci-bridge or a "
                                                 "pcie-switch-upstream-port")},
        [PCI_MODEL_PCIE_TO_PCI_BRIDGE] = {"pcie-to-pci-bridge", MODEL(PCI_BRIDGE), .devices = true,
                                          .first_slot = 1, .last_slot = 31, .hotplug = true,
                                          .what = N_("devices and pci-bridge")},
        [PCI_MODEL_PCI_BRIDGE] = {"pci-bridge", MODEL(PCI_BRIDGE), .devices = true, .first_slot = 1,
                                  .last_slot = 31, .hotplug = true, .what = N_("devices and pci-bridge")},
        [PCI_MODEL_DMI_TO_PCI_BRIDGE] = {"dmi-to-pci-bridge", MODEL(PCI_BRIDGE), .devices = true,
                                         .last_slot = 31, .what = N_("devices and pci-bridge")},
        [PCI_MODEL_PCIE_SWITCH_UPSTREAM_PORT] = {"pcie-switch-upstream-port",
                                                 MODEL(PCIE_SWITCH_DOWNSTREAM_PORT), .express = true,
                                                 .last_slot = 31,
                                                 .what = N_("pcie-switch-downstream-port alone")},
        [PCI_MODEL_PCIE_SWITCH_DOWNSTREAM_PORT] = {"pcie-switch-downstream-port", BEHIND_PORT,
                                                   .devices = true, .express = true, .hotplug = true,
                                                   .what = N_("a device, a pcie-to-pci-bridge or a "
                                                              "pcie-switch-upstream-port")},
        [PCI_MODEL_PCI_EXPANDER_BUS] = {"pci-expander-bus", MODEL(PCI_BRIDGE), .devices = true,
                                        .last_slot = 31, .apart = true,
                                        .what = N_("devices and pci-bridge")},
        [PCI_MODEL_PCIE_EXPANDER_BUS] = {"pcie-expander-bus",
                                         MODEL(PCIE_ROOT_PORT) | MODEL(DMI_TO_PCI_BRIDGE), .express = true,
                                         .last_slot = 31, .apart = true,
                                         .what = N_("pcie-root-port and dmi-to-pci-bridge")},
};

static const PciPlace places[] = {
        {PCI_MACHINE_I440FX, PCI_PART_NONE, PCI_CLAIM_BUILT_IN, 0x00, 0, N_("the host bridge (i440FX)")},
        {PCI_MACHINE_I440FX, PCI_PART_NONE, PCI_CLAIM_BUILT_IN, 0x01, 0, N_("the ISA bridge (PIIX3)")},
        {PCI_MACHINE_I440FX, PCI_PART_IDE, PCI_CLAIM_BUILT_IN, 0x01, 1, N_("the IDE controller (PIIX3)")},
        {PCI_MACHINE_I440FX, PCI_PART_PIIX3_USB, PCI_CLAIM_HABIT, 0x01, 2, NULL},
        {PCI_MACHINE_I440FX, PCI_PART_NONE, PCI_CLAIM_BUILT_IN, 0x01, 3, N_("the power management (PIIX4)")},
        {PCI_MACHINE_I440FX, PCI_PART_VIDEO, PCI_CLAIM_HABIT, 0x02, 0, NULL},
        {PCI_MACHINE_Q35, PCI_PART_NONE, PCI_CLAIM_BUILT_IN, 0x00, 0, N_("the host bridge (MCH)")},
        {PCI_MACHINE_Q35, PCI_PART_VIDEO, PCI_CLAIM_HABIT, 0x01, 0, NULL},
        {PCI_MACHINE_Q35, PCI_PART_ICH9_SOUND, PCI_CLAIM_HABIT, 0x1b, 0, NULL},
        {PCI_MACHINE_Q35, PCI_PART_ICH9_USB, PCI_CLAIM_HABIT, 0x1d, 0, NULL},
        {PCI_MACHINE_Q35, PCI_PART_ICH9_USB, PCI_CLAIM_HABIT, 0x1a, 0, NULL},
        {PCI_MACHINE_Q35, PCI_PART_DMI_BRIDGE, PCI_CLAIM_HABIT, 0x1e, 0, NULL},
        {PCI_MACHINE_Q35, PCI_PART_NONE, PCI_CLAIM_BUILT_IN, 0x1f, 0, N_("the ISA bridge (ICH9 LPC)")},
        {PCI_MACHINE_Q35, PCI_PART_SATA, PCI_CLAIM_BUILT_IN, 0x1f, 2, N_("the SATA controller (ICH9)")},
        {PCI_MACHINE_Q35, PCI_PART_NONE, PCI_CLAIM_BUILT_IN, 0x1f, 3, N_("the SMBus controller (ICH9)")},
        {PCI_MACHINE_VIRT, PCI_PART_NONE, PCI_CLAIM_BUILT_IN, 0x00, 0, N_("the host bridge")},
};

const PciRule *pci_rule(PciModel model)
{
        return &rules[model];
}

const PciPlace *pci_next_place(PciMachine machine, const PciPlace *last)
{
        for (last = last ? last + 1 : places; last < places + ELEMENTSOF(places); last++)
                if (last->machine == machine)
                        return last;
        return NULL;
}

const char *pci_model_name(PciModel model)
{
        return rules[model].name;
}

int pci_model_parse(const char *name, PciModel *ret)
{
        for (PciModel model = 0; model < _PCI_MODEL_MAX; model++)
                if (streq(name, rules[model].name)) {
                        *ret = model;
                        return 0;
                }
        return -EINVAL;
}

/* "virt" or "virt-7.2". */
static bool is_machine(const char *machine, const char *family)
{
        const char *rest = startswith(machine, family);

        return rest && (*rest == '\0' || *rest == '-');
}

/* There are boards called "virt" without PCI: m68k's. */
static bool has_generic_bridge(const char *arch)
{
        return startswith(arch, "aarch64") || startswith(arch, "arm") || startswith(arch, "riscv") ||
               startswith(arch, "loongarch");
}

PciMachine pci_machine(const char *arch, const char *machine, bool pcie)
{
        bool x86 = streq(arch, "x86_64") || streq(arch, "i686");

        if (x86 && (is_machine(machine, "q35") || is_machine(machine, "pc-q35")))
                return PCI_MACHINE_Q35;
        if (x86 && is_machine(machine, "pc"))
                return PCI_MACHINE_I440FX;
        if (x86 && is_machine(machine, "microvm") && pcie)
                return PCI_MACHINE_VIRT;
        if (has_generic_bridge(arch) && is_machine(machine, "virt"))
                return PCI_MACHINE_VIRT;
        if (startswith(arch, "ppc64") && is_machine(machine, "pseries"))
                return PCI_MACHINE_PSERIES;
        return PCI_MACHINE_NONE;
}

unsigned pci_rank(const char *element)
{
        static const char *const order[] = {"filesystem", "interface", "sound",      "controller",
                                            "disk",       "hostdev",   "memballoon", "rng",
                                            "watchdog",   "video",     "shmem",      "input",
                                            "serial",     "iommu",     "vsock",      "memory"};
        unsigned rank = 0;

        while (rank < ELEMENTSOF(order) && !streq(order[rank], element))
                rank++;
        return rank;
}
