/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/pci.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/pci-private.h"

/*
 * Buses by index, each with its slots and functions and the names of their users. What the machine has of
 * its own is a user like others, but for one thing: a device that *is* that part (the SATA controller of
 * index 0 on q35) takes the place over.
 *
 * A definition may name controllers in any order, and functions of a slot, too. So taking an address checks
 * only what cannot become right later; the rest is pci_check()'s.
 */

int pci_take(Pci *pci, const char *name, bool port, const PciAddress *address, MusterError **ret_error)
{
        PciBus *bus = pci->buses[address->bus];
        char *copy = strdup(name);

        if (!copy)
                return error_oom(ret_error);
        free(bus->users[address->slot][address->function]);
        bus->users[address->slot][address->function] = copy;
        bus->used[address->slot] |= (uint8_t)(1U << address->function);
        if (address->function == 0) {
                bus->multifunction[address->slot] = address->multifunction;
                bus->ports[address->slot] = port && address->multifunction;
        }
        return 0;
}

static int add_bus(Pci *pci, const PciController *controller)
{
        PciBus *bus = calloc(1, sizeof(*bus));

        if (!bus)
                return -ENOMEM;
        bus->controller = *controller;
        pci->buses[controller->index] = bus;
        return 0;
}

static int add_built_in(Pci *pci)
{
        const PciPlace *place = NULL;
        int r = 0;

        while (r == 0 && (place = pci_next_place(pci->machine, place)))
                if (place->claim == PCI_CLAIM_BUILT_IN)
                        r = pci_take(pci, place->name, /* port= */ false,
                                     &(PciAddress){.slot = place->slot,
                                                   .function = place->function,
                                                   .multifunction = place->slot > 0},
                                     /* ret_error= */ NULL);
        return r;
}

int pci_new(PciMachine machine, Pci **ret)
{
        bool express = machine == PCI_MACHINE_Q35 || machine == PCI_MACHINE_VIRT;
        PciController root = {.model = express ? PCI_MODEL_PCIE_ROOT : PCI_MODEL_PCI_ROOT,
                              .chassis = -1,
                              .port = -1,
                              .placed = true};
        CLEANUP(Pci) Pci *pci = NULL;
        int r;

        if (machine == PCI_MACHINE_NONE)
                return -ENODEV;
        pci = calloc(1, sizeof(*pci));
        if (!pci)
                return -ENOMEM;
        pci->machine = machine;
        r = add_bus(pci, &root);
        if (r == 0)
                r = add_built_in(pci);
        if (r < 0)
                return r;
        *ret = TAKE(pci);
        return 0;
}

static void free_bus(PciBus *bus)
{
        for (size_t slot = 0; bus && slot < PCI_SLOTS_MAX; slot++)
                for (size_t function = 0; function < PCI_FUNCTIONS_MAX; function++)
                        free(bus->users[slot][function]);
        free(bus);
}

Pci *pci_free(Pci *pci)
{
        for (size_t i = 0; pci && i < PCI_BUSES_MAX; i++)
                free_bus(pci->buses[i]);
        free(pci);
        return NULL;
}

const PciController *pci_controller(const Pci *pci, unsigned index)
{
        return index < PCI_BUSES_MAX && pci->buses[index] ? &pci->buses[index]->controller : NULL;
}

/* A root is there already, as index 0; only pseries can have more of them, a host bridge each. */
static int check_root(const Pci *pci, PciController *controller, MusterError **ret_error)
{
        const char *root = pci_model_name(pci->buses[0]->controller.model);

        if (controller->index < 0 && pci->machine != PCI_MACHINE_PSERIES)
                controller->index = 0;
        if (controller->model != pci->buses[0]->controller.model)
                return error_set(ret_error, -EINVAL,
                                 _("This machine's root bus is a %s, not a %s; name that, "
                                   "or another machine type."),
                                 root, pci_model_name(controller->model));
        if (controller->index > 0 && pci->machine != PCI_MACHINE_PSERIES)
                return error_set(ret_error, -EINVAL,
                                 _("A %s has index 0, not %d, since this machine has one only."), root,
                                 controller->index);
        controller->placed = true;
        return 0;
}

static bool is_port(PciModel model)
{
        return model == PCI_MODEL_PCIE_ROOT_PORT || model == PCI_MODEL_PCIE_SWITCH_DOWNSTREAM_PORT;
}

/* The port that has this chassis number; QEMU wants them to differ. */
static const PciBus *chassis_user(const Pci *pci, int chassis)
{
        for (size_t i = 0; i < PCI_BUSES_MAX; i++)
                if (pci->buses[i] && is_port(pci->buses[i]->controller.model) &&
                    pci->buses[i]->controller.chassis == chassis)
                        return pci->buses[i];
        return NULL;
}

static int check_controller(const Pci *pci, const PciController *controller, MusterError **ret_error)
{
        const PciBus *same;

        if (controller->index >= PCI_BUSES_MAX)
                return error_set(ret_error, -EINVAL, _("PCI controllers have indices from 0 to %d, not %d."),
                                 PCI_BUSES_MAX - 1, controller->index);
        if (controller->index >= 0 && pci->buses[controller->index])
                return error_set(ret_error, -EEXIST,
                                 _("There are two PCI controllers of index %d, a %s and a %s; leave the "
                                   "index of one out, and it gets a free one."),
                                 controller->index,
                                 pci_model_name(pci->buses[controller->index]->controller.model),
                                 pci_model_name(controller->model));
        same = is_port(controller->model) && controller->chassis >= 0
                       ? chassis_user(pci, controller->chassis)
                       : NULL;
        if (same)
                return error_set(ret_error, -EEXIST,
                                 _("Chassis %d is that of PCI controller %d already; leave it out, and the "
                                   "port gets a free one."),
                                 controller->chassis, same->controller.index);
        return 0;
}

/* Index 0 is the root's. */
static int free_index(const Pci *pci)
{
        for (int i = 1; i < PCI_BUSES_MAX; i++)
                if (!pci->buses[i])
                        return i;
        return -1;
}

int pci_add_controller(Pci *pci, const PciController *controller, unsigned *ret_index,
                       MusterError **ret_error)
{
        bool root = pci_rule(controller->model)->root;
        PciController added = *controller;
        int r = 0;

        added.placed = false;
        if (root)
                r = check_root(pci, &added, ret_error);
        if (r == 0 && !(root && added.index == 0))
                r = check_controller(pci, &added, ret_error);
        if (r < 0)
                return r;
        if (added.index < 0)
                added.index = free_index(pci);
        if (added.index < 0)
                return error_set(ret_error, -ENOSPC,
                                 _("There are %d PCI buses, and no more can be told apart; remove "
                                   "controllers that nothing is behind."),
                                 PCI_BUSES_MAX);
        if (!pci->buses[added.index])
                r = add_bus(pci, &added);
        if (r < 0)
                return error_oom(ret_error);
        if (ret_index)
                *ret_index = (unsigned)added.index;
        return 0;
}

bool pci_is_rooted(const Pci *pci, const PciBus *bus, bool *ret_apart)
{
        *ret_apart = false;
        for (size_t steps = 0; steps < PCI_BUSES_MAX; steps++) {
                const PciRule *rule = pci_rule(bus->controller.model);

                *ret_apart = *ret_apart || rule->apart || (rule->root && bus->controller.index > 0);
                if (rule->root)
                        return true;
                if (!bus->controller.placed)
                        return false;
                bus = pci->buses[bus->controller.address.bus];
        }
        return false;
}

int pci_settle_controller(Pci *pci, PciBus *bus, const PciAddress *address, MusterError **ret_error)
{
        PciController *controller = &bus->controller;
        char name[64];
        int r;

        snprintf(name, sizeof(name), "PCI controller %d (%s)", controller->index,
                 pci_model_name(controller->model));
        r = pci_take(pci, name, controller->model == PCI_MODEL_PCIE_ROOT_PORT, address, ret_error);
        if (r < 0)
                return r;
        controller->address = *address;
        controller->placed = true;
        if (!is_port(controller->model))
                return 0;
        if (controller->port < 0)
                controller->port = address->slot << 3 | address->function;
        if (controller->chassis < 0 && !chassis_user(pci, controller->index))
                controller->chassis = controller->index;
        for (int chassis = 1; controller->chassis < 0; chassis++)
                if (!chassis_user(pci, chassis))
                        controller->chassis = chassis;
        return 0;
}

bool pci_is_hotpluggable(const Pci *pci, const PciAddress *address)
{
        const PciController *controller = pci_controller(pci, address->bus);

        return controller && pci_rule(controller->model)->hotplug;
}
