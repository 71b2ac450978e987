/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/pci-private.h"

static int clash(const Pci *pci, const char *name, const PciAddress *address, MusterError **ret_error)
{
        const char *user = pci->buses[address->bus]->users[address->slot][address->function];
        char text[PCI_ADDRESS_TEXT_SIZE];

        return error_set(ret_error, -EEXIST,
                         _("%s and %s both have the PCI address %s; give another one, or leave the "
                           "<address> out to get a free one."),
                         user, name, pci_address_format(address, text));
}

static int check_exists(const Pci *pci, const char *name, const PciAddress *address, MusterError **ret_error)
{
        const PciController *controller = pci_controller(pci, address->bus);
        const PciRule *rule = controller ? pci_rule(controller->model) : NULL;
        bool express = pci_rule(pci->buses[0]->controller.model)->express;
        char text[PCI_ADDRESS_TEXT_SIZE];

        pci_address_format(address, text);
        if (address->domain != 0)
                return error_set(ret_error, -EINVAL,
                                 _("%s is put at %s, but a guest has no PCI domain other than 0."), name,
                                 text);
        if (!rule)
                return error_set(ret_error, -EINVAL,
                                 _("%s is put at %s, but no controller makes bus %u; add <controller "
                                   "type='pci' index='%u' model='%s'/>, or leave the <address> out."),
                                 name, text, address->bus, address->bus,
                                 express ? "pcie-root-port" : "pci-bridge");
        if (address->slot < rule->first_slot || address->slot > rule->last_slot ||
            address->function >= PCI_FUNCTIONS_MAX)
                return error_set(
                        ret_error, -EINVAL,
                        rule->last_slot == 0
                                ? _("%s is put at %s, but bus %u (%s) has slot 0 only; give that, "
                                    "another bus, or leave the <address> out.")
                                : _("%s is put at %s, but bus %u (%s) has slots from %d to %d; give "
                                    "one of them, or leave the <address> out."),
                        name, text, address->bus, rule->name, rule->first_slot, rule->last_slot);
        return 0;
}

static int misfit(const Pci *pci, const char *name, const PciAddress *address, MusterError **ret_error)
{
        const PciRule *rule = pci_rule(pci->buses[address->bus]->controller.model);
        char text[PCI_ADDRESS_TEXT_SIZE];

        return error_set(ret_error, -EINVAL,
                         _("%s is put at %s, but bus %u (%s) takes %s; leave the <address> out to get one "
                           "that fits."),
                         name, pci_address_format(address, text), address->bus, rule->name, _(rule->what));
}

/* Whether a bus hangs, through whatever is placed, on that of `index`. */
static bool is_below(const Pci *pci, unsigned bus, unsigned index)
{
        for (size_t steps = 0; steps < PCI_BUSES_MAX; steps++) {
                const PciController *controller = pci_controller(pci, bus);

                if (bus == index)
                        return true;
                if (!controller || !controller->placed || pci_rule(controller->model)->root)
                        return false;
                bus = controller->address.bus;
        }
        return true;
}

int pci_reserve_controller(Pci *pci, unsigned index, const PciAddress *address, MusterError **ret_error)
{
        PciBus *bus = index < PCI_BUSES_MAX ? pci->buses[index] : NULL;
        char name[64], text[PCI_ADDRESS_TEXT_SIZE];
        int r;

        if (!bus)
                return error_set(ret_error, -EINVAL, _("There is no PCI controller %u."), index);
        snprintf(name, sizeof(name), "PCI controller %u (%s)", index, pci_model_name(bus->controller.model));
        if (pci_rule(bus->controller.model)->root)
                return error_set(ret_error, -EINVAL,
                                 _("%s is the root and sits on no bus; remove its <address>."), name);
        r = check_exists(pci, name, address, ret_error);
        if (r < 0)
                return r;
        if (is_below(pci, address->bus, index))
                return error_set(ret_error, -EINVAL,
                                 _("%s is put at %s, on a bus that hangs on it itself; put it on a bus that "
                                   "leads to the root."),
                                 name, pci_address_format(address, text));
        if (!(pci_rule(pci->buses[address->bus]->controller.model)->takes >> bus->controller.model & 1))
                return misfit(pci, name, address, ret_error);
        if (pci->buses[address->bus]->users[address->slot][address->function])
                return clash(pci, name, address, ret_error);
        return pci_settle_controller(pci, bus, address, ret_error);
}

/* The machine's own place for this part; NULL where it has none. */
static const PciPlace *built_in(const Pci *pci, PciPart part)
{
        const PciPlace *place = NULL;

        while (part != PCI_PART_NONE && (place = pci_next_place(pci->machine, place)))
                if (place->part == part && place->claim == PCI_CLAIM_BUILT_IN)
                        return place;
        return NULL;
}

static int reserve_built_in(Pci *pci, const PciDevice *device, const PciPlace *place,
                            const PciAddress *address, MusterError **ret_error)
{
        PciAddress own = {.slot = place->slot, .function = place->function};
        char text[PCI_ADDRESS_TEXT_SIZE];

        if (!pci_address_equal(address, &own))
                return error_set(ret_error, -EINVAL,
                                 _("%s is %s of the machine itself, at %s; give that address or none."),
                                 device->name, _(place->name), pci_address_format(&own, text));
        if (!streq(pci->buses[0]->users[place->slot][place->function], place->name))
                return clash(pci, device->name, address, ret_error);
        return pci_take(pci, device->name, /* port= */ false, address, ret_error);
}

int pci_reserve(Pci *pci, const PciDevice *device, const PciAddress *address, MusterError **ret_error)
{
        const PciPlace *place = built_in(pci, device->part);
        int r;

        if (place)
                return reserve_built_in(pci, device, place, address, ret_error);
        r = check_exists(pci, device->name, address, ret_error);
        if (r < 0)
                return r;
        if (device->plug == PCI_PLUG_INTEGRATED && address->bus != 0)
                return error_set(ret_error, -EINVAL,
                                 _("%s must sit on the root bus; give it an address on bus 0, or none."),
                                 device->name);
        if (!pci_rule(pci->buses[address->bus]->controller.model)->devices)
                return misfit(pci, device->name, address, ret_error);
        if (pci->buses[address->bus]->users[address->slot][address->function])
                return clash(pci, device->name, address, ret_error);
        return pci_take(pci, device->name, /* port= */ false, address, ret_error);
}

int pci_check(const Pci *pci, const PciAddress *address, MusterError **ret_error)
{
        const PciBus *bus = pci->buses[address->bus];
        char text[PCI_ADDRESS_TEXT_SIZE];
        const char *first, *name;

        if (!bus || address->domain != 0 || address->slot >= PCI_SLOTS_MAX ||
            address->function >= PCI_FUNCTIONS_MAX)
                return 0;
        first = bus->users[address->slot][0];
        name = bus->users[address->slot][address->function];
        if (address->function == 0 || !name)
                return 0;
        pci_address_format(address, text);
        if (!first)
                return error_set(ret_error, -EINVAL,
                                 _("%s is at %s, but nothing is at function 0 of that slot, without which a "
                                   "guest does not look at the others; put one there with "
                                   "multifunction='on', or give this one function 0."),
                                 name, text);
        if (!bus->multifunction[address->slot])
                return error_set(ret_error, -EINVAL,
                                 _("%s is at %s, in the slot of %s, which does not say multifunction='on'; "
                                   "say it there, or give one of them another slot."),
                                 name, text, first);
        return 0;
}
