/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/pci-private.h"

/* Free places by bus, and controllers that get one. */

#define DEPTH_MAX 3

PciAddress pci_address_on(const PciBus *bus, unsigned slot, unsigned function)
{
        return (PciAddress){
                .bus = (uint8_t)bus->controller.index, .slot = (uint8_t)slot, .function = (uint8_t)function};
}

/* The free slots of a bus, and the lowest of them. Slot 0 is given only where there is no other. */
unsigned pci_count_free(const PciBus *bus, PciAddress *ret_lowest)
{
        unsigned last = pci_rule(bus->controller.model)->last_slot, n = 0;

        for (unsigned slot = last > 0; slot <= last; slot++)
                if (bus->used[slot] == 0 && n++ == 0)
                        *ret_lowest = pci_address_on(bus, slot, 0);
        return n;
}

static bool bus_fits(const Pci *pci, const PciBus *bus, const PciWanted *wanted)
{
        const PciRule *rule = pci_rule(bus->controller.model);
        bool apart;

        return (wanted->takes ? (rule->takes & wanted->takes) != 0
                              : rule->devices && rule->express == wanted->express) &&
               (!wanted->hotplug || rule->hotplug) && (!wanted->below_root || bus->controller.index > 0) &&
               pci_is_rooted(pci, bus, &apart) && !apart;
}

unsigned pci_count_fitting(const Pci *pci, const PciWanted *wanted, PciAddress *ret_lowest)
{
        PciAddress lowest;
        unsigned n = 0;

        for (size_t i = 0; i < PCI_BUSES_MAX; i++) {
                const PciBus *bus = pci->buses[i];
                unsigned free_here = bus && bus_fits(pci, bus, wanted) ? pci_count_free(bus, &lowest) : 0;

                if (n == 0 && free_here > 0)
                        *ret_lowest = lowest;
                n += free_here;
        }
        return n;
}

/* Root ports join others in a slot whose function 0 is one, too. */
static int find_for_root_port(const Pci *pci, PciAddress *ret)
{
        const PciBus *bus = pci->buses[0];

        for (unsigned slot = 1; slot < PCI_SLOTS_MAX; slot++) {
                unsigned function = 0;

                if (bus->used[slot] != 0 && !bus->ports[slot])
                        continue;
                while (function < PCI_FUNCTIONS_MAX && bus->used[slot] >> function & 1)
                        function++;
                if (function == PCI_FUNCTIONS_MAX)
                        continue;
                *ret = pci_address_on(bus, slot, function);
                ret->multifunction = function == 0;
                return 0;
        }
        return -ENOSPC;
}

/* No bus has room for it: one that does is added where that can help. */
static int make_room(Pci *pci, PciModel model, PciAddress *ret, MusterError **ret_error)
{
        bool express = pci_rule(pci->buses[0]->controller.model)->express;
        PciModel needed =
                model == PCI_MODEL_PCI_BRIDGE ? PCI_MODEL_PCIE_TO_PCI_BRIDGE : PCI_MODEL_PCIE_ROOT_PORT;
        unsigned index;
        int r;

        if (!express || !(pci_rule(needed)->takes >> model & 1))
                return error_set(ret_error, -ENOSPC,
                                 _("There is no bus with a free slot that takes a %s; give it an <address>, "
                                   "or add a controller that makes such a bus."),
                                 pci_model_name(model));
        r = pci_make_controller(pci, needed, &index, ret_error);
        if (r == 0)
                *ret = pci_address_on(pci->buses[index], pci_rule(needed)->first_slot, 0);
        return r;
}

int pci_find_habit(const Pci *pci, PciPart part, unsigned function, PciAddress *ret)
{
        const PciPlace *place = NULL;

        while (part != PCI_PART_NONE && (place = pci_next_place(pci->machine, place))) {
                if (place->part != part || place->claim == PCI_CLAIM_BUILT_IN)
                        continue;
                /* A function of the chipset's slot, or a slot of its own. */
                *ret = pci_address_on(pci->buses[0], place->slot, place->function + function);
                if (place->function > 0 ? !pci->buses[0]->users[place->slot][ret->function]
                                        : pci->buses[0]->used[place->slot] == 0)
                        return 0;
        }
        return -ENOENT;
}

static int find_for_controller(Pci *pci, PciModel model, PciAddress *ret, MusterError **ret_error)
{
        PciWanted wanted = {.takes = UINT32_C(1) << model, .hotplug = model == PCI_MODEL_PCIE_TO_PCI_BRIDGE};

        if (model == PCI_MODEL_DMI_TO_PCI_BRIDGE && pci_find_habit(pci, PCI_PART_DMI_BRIDGE, 0, ret) == 0)
                return 0;
        if (model == PCI_MODEL_PCIE_ROOT_PORT && pci_rule(pci->buses[0]->controller.model)->express) {
                if (find_for_root_port(pci, ret) == 0)
                        return 0;
        } else if (pci_count_fitting(pci, &wanted, ret) > 0)
                return 0;
        return make_room(pci, model, ret, ret_error);
}

/* The place is sought first, so that a controller that fits nowhere is not left behind. */
int pci_make_controller(Pci *pci, PciModel model, unsigned *ret_index, MusterError **ret_error)
{
        PciController controller = {.model = model, .index = -1, .chassis = -1, .port = -1, .added = true};
        PciAddress address;
        unsigned index = 0;
        int r;

        r = find_for_controller(pci, model, &address, ret_error);
        if (r == 0)
                r = pci_add_controller(pci, &controller, &index, ret_error);
        if (r < 0)
                return r;
        *ret_index = index;
        return pci_settle_controller(pci, pci->buses[index], &address, ret_error);
}

/* What sits on the root comes before what goes behind it, whatever their indices. */
static unsigned depth_of(PciModel model)
{
        switch (model) {
        case PCI_MODEL_PCIE_TO_PCI_BRIDGE:
        case PCI_MODEL_PCIE_SWITCH_UPSTREAM_PORT:
                return 1;
        case PCI_MODEL_PCIE_SWITCH_DOWNSTREAM_PORT:
                return 2;
        case PCI_MODEL_PCI_BRIDGE:
                return DEPTH_MAX;
        default:
                return 0;
        }
}

static int place_controller(Pci *pci, PciBus *bus, MusterError **ret_error)
{
        CLEANUP(MusterError) MusterError *reason = NULL;
        PciAddress address;
        int r;

        r = find_for_controller(pci, bus->controller.model, &address, &reason);
        if (r == 0)
                return pci_settle_controller(pci, bus, &address, ret_error);
        error_prefix(&reason, _("No PCI address is left for PCI controller %d"), bus->controller.index);
        HAND_OVER(ret_error, reason);
        return r;
}

int pci_place_controllers(Pci *pci, MusterError **ret_error)
{
        for (unsigned depth = 0; depth <= DEPTH_MAX; depth++)
                for (size_t i = 0; i < PCI_BUSES_MAX; i++) {
                        PciBus *bus = pci->buses[i];
                        int r;

                        if (!bus || bus->controller.placed || depth_of(bus->controller.model) != depth)
                                continue;
                        r = place_controller(pci, bus, ret_error);
                        if (r < 0)
                                return r;
                }
        return 0;
}
