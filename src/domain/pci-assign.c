/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/pci-private.h"

/*
 * On PCIe each device gets a root port of its own, so that it can be unplugged; root ports share slots of
 * pcie.0, eight a slot. Conventional devices share a pcie-to-pci-bridge behind one of the ports.
 *
 * Without PCIe everything goes to pci.0, and when that is full but for one slot, a pci-bridge takes the
 * last: whoever fills it with a device can add nothing any more without moving one.
 */

static PciWanted wanted_for(const Pci *pci, const PciDevice *device)
{
        bool express = pci_rule(pci->buses[0]->controller.model)->express;

        return (PciWanted){.express = express && device->plug != PCI_PLUG_CONVENTIONAL,
                           .hotplug = device->hotplug,
                           .below_root = express};
}

/* On pci.0 and the bridges behind it. */
static int find_without_express(Pci *pci, const PciWanted *wanted, PciAddress *ret, MusterError **ret_error)
{
        unsigned index, n = pci_count_fitting(pci, wanted, ret);
        int r;

        if (n > 1)
                return 0;
        r = pci_make_controller(pci, PCI_MODEL_PCI_BRIDGE, &index, n == 0 ? ret_error : NULL);
        if (r == 0)
                *ret = pci_address_on(pci->buses[index], 1, 0);
        return n == 1 && r == -ENOSPC ? 0 : r; /* the very last place of all */
}

static int find_with_express(Pci *pci, const PciWanted *wanted, PciAddress *ret, MusterError **ret_error)
{
        PciModel model = wanted->express ? PCI_MODEL_PCIE_ROOT_PORT : PCI_MODEL_PCIE_TO_PCI_BRIDGE;
        unsigned index;
        int r;

        if (pci_count_fitting(pci, wanted, ret) > 0)
                return 0;
        r = pci_make_controller(pci, model, &index, ret_error);
        if (r == 0)
                *ret = pci_address_on(pci->buses[index], pci_rule(model)->first_slot, 0);
        return r;
}

static int find_integrated(const Pci *pci, PciAddress *ret, MusterError **ret_error)
{
        if (pci_count_free(pci->buses[0], ret) > 0)
                return 0;
        return error_set(ret_error, -ENOSPC,
                         _("The root bus, to which it belongs, has no free slot; move "
                           "something else off bus 0."));
}

static int find_slot(Pci *pci, const PciDevice *device, PciAddress *ret, MusterError **ret_error)
{
        PciWanted wanted = wanted_for(pci, device);
        int r;

        if (device->plug == PCI_PLUG_INTEGRATED)
                r = find_integrated(pci, ret, ret_error);
        else if (wanted.below_root)
                r = find_with_express(pci, &wanted, ret, ret_error);
        else
                r = find_without_express(pci, &wanted, ret, ret_error);
        if (r == 0)
                ret->function = device->function;
        return r;
}

/* The slot of the group, once one of it has a place. */
static int find_group(const PciDevice *device, const PciDevice *devices, size_t n, PciAddress *ret)
{
        for (size_t i = 0; device->group != 0 && i < n; i++)
                if (devices[i].group == device->group && devices[i].placed) {
                        *ret = devices[i].address;
                        ret->function = device->function;
                        return 0;
                }
        return -ENOENT;
}

static int find_built_in(const Pci *pci, const PciDevice *device, PciAddress *ret)
{
        const PciPlace *place = NULL;

        while (device->part != PCI_PART_NONE && (place = pci_next_place(pci->machine, place)))
                if (place->part == device->part && place->claim == PCI_CLAIM_BUILT_IN) {
                        *ret = pci_address_on(pci->buses[0], place->slot, place->function);
                        return 0;
                }
        return -ENOENT;
}

static int give(Pci *pci, PciDevice *device, PciAddress *address, MusterError **ret_error)
{
        int r;

        address->multifunction = device->multifunction;
        r = pci_reserve(pci, device, address, ret_error);
        if (r < 0)
                return r;
        device->address = *address;
        device->placed = true;
        return 0;
}

/* The chipset's places go first to those for whom they are. */
static int assign_part(Pci *pci, PciDevice *device, const PciDevice *devices, size_t n,
                       MusterError **ret_error)
{
        PciAddress address;

        if (device->placed || device->part == PCI_PART_NONE)
                return 0;
        if (find_group(device, devices, n, &address) < 0 && find_built_in(pci, device, &address) < 0 &&
            pci_find_habit(pci, device->part, device->function, &address) < 0)
                return 0;
        return give(pci, device, &address, ret_error);
}

static int assign_device(Pci *pci, PciDevice *device, const PciDevice *devices, size_t n,
                         MusterError **ret_error)
{
        CLEANUP(MusterError) MusterError *reason = NULL;
        PciAddress address;
        int r = 0;

        if (device->placed)
                return 0;
        if (find_group(device, devices, n, &address) < 0)
                r = find_slot(pci, device, &address, &reason);
        if (r == 0)
                return give(pci, device, &address, ret_error);
        if (!reason)
                return error_oom(ret_error);
        error_prefix(&reason, _("No PCI address is left for %s"), device->name);
        HAND_OVER(ret_error, reason);
        return r;
}

/* A conventional device that has no bus to go to yet. */
static bool wants_bridge(const Pci *pci, const PciDevice *device, const PciDevice *devices, size_t n)
{
        PciWanted wanted = wanted_for(pci, device);
        PciAddress address;

        return !device->placed && wanted.below_root && device->plug == PCI_PLUG_CONVENTIONAL &&
               find_group(device, devices, n, &address) < 0 &&
               pci_count_fitting(pci, &wanted, &address) == 0;
}

/*
 * The bridge for the conventional ones comes before all devices and takes the first port, as with libvirt,
 * which adds a port for it even where some are free. If there is no room, the device itself will say so.
 */
static int add_bridge(Pci *pci, const PciDevice *devices, size_t n)
{
        unsigned index;
        int r = 0;

        for (size_t i = 0; i < n; i++) {
                if (!wants_bridge(pci, &devices[i], devices, n))
                        continue;
                r = pci_make_controller(pci, PCI_MODEL_PCIE_ROOT_PORT, &index, /* ret_error= */ NULL);
                if (r == 0)
                        r = pci_make_controller(pci, PCI_MODEL_PCIE_TO_PCI_BRIDGE, &index,
                                                /* ret_error= */ NULL);
                break;
        }
        return r == -ENOSPC ? 0 : r;
}

static int compare_ranks(const void *a, const void *b)
{
        const PciDevice *left = *(PciDevice *const *)a, *right = *(PciDevice *const *)b;

        if (left->rank != right->rank)
                return left->rank < right->rank ? -1 : 1;
        return (left > right) - (left < right);
}

static int assign_ranked(Pci *pci, PciDevice *devices, size_t n, MusterError **ret_error)
{
        CLEANUP(free) PciDevice **ranked = calloc(n + 1, sizeof(*ranked));

        if (!ranked)
                return error_oom(ret_error);
        for (size_t i = 0; i < n; i++)
                ranked[i] = &devices[i];
        qsort(ranked, n, sizeof(*ranked), compare_ranks);
        for (size_t i = 0; i < n; i++) {
                int r = assign_device(pci, ranked[i], devices, n, ret_error);

                ranked[i]->failed = r < 0;
                if (r < 0)
                        return r;
        }
        return 0;
}

int pci_assign(Pci *pci, PciDevice *devices, size_t n, MusterError **ret_error)
{
        int r;

        for (size_t i = 0; i < n; i++) {
                r = assign_part(pci, &devices[i], devices, n, ret_error);
                devices[i].failed = r < 0;
                if (r < 0)
                        return r;
        }
        r = pci_place_controllers(pci, ret_error);
        if (r < 0)
                return r;
        if (add_bridge(pci, devices, n) < 0)
                return error_oom(ret_error);
        return assign_ranked(pci, devices, n, ret_error);
}
