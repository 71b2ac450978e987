/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The guest's PCI and PCIe topology: which buses there are, what sits where, and where what has no address
 * yet is put. Values in, values out.
 *
 * Addresses never move: everything that has one is reserved before anything is assigned, and whatever was
 * assigned once is written down, controllers that had to be added for it included, and comes back as
 * explicit. The steps, in this order:
 *
 *   1. pci_new(), pci_add_controller() for each of the definition's PCI controllers, those with an index
 *      first;
 *   2. pci_reserve_controller() and pci_reserve() for all that has an address, then pci_check() of each;
 *   3. pci_assign() for all the rest.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#define PCI_BUSES_MAX         256
#define PCI_SLOTS_MAX         32
#define PCI_FUNCTIONS_MAX     8
#define PCI_ADDRESS_TEXT_SIZE sizeof("0000:00:00.0")

typedef enum PciMachine {
        PCI_MACHINE_NONE, /* no PCI bus, or none that muster knows */
        PCI_MACHINE_I440FX,
        PCI_MACHINE_Q35,
        PCI_MACHINE_VIRT, /* one generic PCIe host bridge: Arm's, RISC-V's, LoongArch's; microvm's with
                             pcie=on */
        PCI_MACHINE_PSERIES,
} PciMachine;

/* The family of a machine type, versioned or not; `pcie` says whether a microvm has its PCIe. */
PciMachine pci_machine(const char *arch, const char *machine, bool pcie);

/* Controllers, which make the bus of their index. */
typedef enum PciModel {
        PCI_MODEL_PCI_ROOT,
        PCI_MODEL_PCIE_ROOT,
        PCI_MODEL_PCIE_ROOT_PORT,
        PCI_MODEL_PCIE_TO_PCI_BRIDGE,
        PCI_MODEL_PCI_BRIDGE,
        PCI_MODEL_DMI_TO_PCI_BRIDGE,
        PCI_MODEL_PCIE_SWITCH_UPSTREAM_PORT,
        PCI_MODEL_PCIE_SWITCH_DOWNSTREAM_PORT,
        PCI_MODEL_PCI_EXPANDER_BUS,
        PCI_MODEL_PCIE_EXPANDER_BUS,
        _PCI_MODEL_MAX,
} PciModel;

const char *pci_model_name(PciModel model);           /* libvirt's */
int pci_model_parse(const char *name, PciModel *ret); /* -EINVAL */

/* What a device that is no controller of PCI is, when a place is looked for. One that has an address may sit
 * on any bus that takes devices, as with libvirt: QEMU runs a conventional device behind a root port. */
typedef enum PciPlug {
        PCI_PLUG_EITHER, /* virtio, xHCI: PCIe where there is PCIe */
        PCI_PLUG_EXPRESS,
        PCI_PLUG_CONVENTIONAL,
        PCI_PLUG_INTEGRATED, /* on the root bus itself, where nothing is hot-plugged on PCIe */
} PciPlug;

/* What has a place of its own on some machine, by construction or by habit. */
typedef enum PciPart {
        PCI_PART_NONE,
        PCI_PART_VIDEO,     /* the primary one */
        PCI_PART_IDE,       /* of index 0 */
        PCI_PART_SATA,      /* of index 0 */
        PCI_PART_PIIX3_USB, /* of index 0 */
        PCI_PART_ICH9_USB,  /* ehci1 and its companions, any index */
        PCI_PART_ICH9_SOUND,
        PCI_PART_DMI_BRIDGE,
} PciPart;

typedef struct PciAddress {
        uint16_t domain;
        uint8_t bus, slot, function;
        bool multifunction;
} PciAddress;

/* As numbers out of attributes; -ERANGE. */
int pci_address_from_numbers(uint64_t domain, uint64_t bus, uint64_t slot, uint64_t function,
                             PciAddress *ret);

/* "0000:00:02.0" or "00:02.0", hexadecimal; -EINVAL. */
int pci_address_parse(const char *text, PciAddress *ret);

const char *pci_address_format(const PciAddress *address, char buffer[static PCI_ADDRESS_TEXT_SIZE]);

/* The place alone, whatever is said of multifunction. */
bool pci_address_equal(const PciAddress *a, const PciAddress *b);

/* All zero, which libvirt takes for "PCI, anywhere". */
bool pci_address_is_unset(const PciAddress *address);

typedef struct PciController {
        PciModel model;
        int index;         /* < 0: the lowest that is free */
        int chassis, port; /* < 0: not given; filled in with the address, of ports only */
        bool placed;       /* has its address; roots have none */
        bool added;        /* not of the definition: pci_assign() needed it */
        PciAddress address;
} PciController;

typedef struct PciDevice {
        const char *name; /* for messages: "disk vda" */
        PciPlug plug;
        PciPart part;
        bool hotplug;       /* may come and go while the guest runs */
        unsigned rank;      /* lower ones are assigned first: pci_rank(); equal ones in their order */
        unsigned group;     /* not 0: all of this group share one slot, each with its own function */
        uint8_t function;   /* of the group's slot */
        bool multifunction; /* for the group's function 0 */
        bool placed;        /* the address holds */
        bool failed;        /* the one that pci_assign() found no place for */
        PciAddress address;
} PciDevice;

/*
 * The order in which libvirt assigns, by the device's element, so that a definition without addresses gets
 * the same ones from muster. Unknown names come last.
 */
unsigned pci_rank(const char *element);

typedef struct Pci Pci;

/* With the root bus and what the machine itself has on it. -ENODEV: PCI_MACHINE_NONE. */
int pci_new(PciMachine machine, Pci **ret);
Pci *pci_free(Pci *pci);

/* The controller's bus. The machine's own root may be named, too. ret_index may be NULL. */
int pci_add_controller(Pci *pci, const PciController *controller, unsigned *ret_index,
                       MusterError **ret_error);

/* NULL: there is no such bus. Valid until the next one is added. */
const PciController *pci_controller(const Pci *pci, unsigned index);

/*
 * Takes an address. -EEXIST: it is taken, both users are named; -EINVAL: no such bus or slot, or nothing of
 * that kind goes there. Nothing is changed then.
 */
int pci_reserve_controller(Pci *pci, unsigned index, const PciAddress *address, MusterError **ret_error);
int pci_reserve(Pci *pci, const PciDevice *device, const PciAddress *address, MusterError **ret_error);

/*
 * What shows only when all that is explicit has been reserved, since a slot's functions come in any order:
 * -EINVAL if the address is a function of a slot without function 0, or whose function 0 does not say
 * multifunction.
 */
int pci_check(const Pci *pci, const PciAddress *address, MusterError **ret_error);

/*
 * Gives controllers without an address theirs, from the root outwards and by their index, then devices, by
 * rank, each the lowest place that fits; adds the controllers that are missing (PciController.added). Stops
 * at the first that fits nowhere: -ENOSPC; what was given until then stays. The same input has always the
 * same result.
 */
int pci_assign(Pci *pci, PciDevice *devices, size_t n, MusterError **ret_error);

/* Whether a device there can be unplugged while the guest runs. */
bool pci_is_hotpluggable(const Pci *pci, const PciAddress *address);

DEFINE_CLEANUP(Pci, pci_free);
