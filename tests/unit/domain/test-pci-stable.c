/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/util.h"
#include "domain/pci.h"

/*
 * A definition's life with random devices: it is formatted, which makes every address and every added
 * controller explicit; devices come and go, at any place of the document; it is formatted again. Nothing
 * that exists may move.
 */

#define DEVICES_MAX 80
#define LIVES       150
#define EDITS       12

typedef struct Definition {
        PciMachine machine;
        PciController controllers[PCI_BUSES_MAX];
        size_t n_controllers;
        PciDevice devices[DEVICES_MAX];
        size_t n_devices;
} Definition;

static uint64_t seed;

/* xorshift: the same lives in each run. */
static unsigned any(unsigned below)
{
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        return (unsigned)(seed >> 33) % below;
}

/* Without PCIe the root bus may be full of others before the one comes that must be there. */
static PciDevice any_device(PciMachine machine)
{
        static const PciPart parts[] = {PCI_PART_VIDEO, PCI_PART_ICH9_SOUND, PCI_PART_SATA, PCI_PART_IDE,
                                        PCI_PART_PIIX3_USB};
        bool express = machine == PCI_MACHINE_Q35 || machine == PCI_MACHINE_VIRT;
        PciDevice device = {.name = "device",
                            .plug = any(8) == 0 && express ? PCI_PLUG_INTEGRATED : any(3),
                            .hotplug = any(2),
                            .rank = any(5)};

        if (any(6) == 0) {
                device.part = parts[any(ELEMENTSOF(parts))];
                device.plug = PCI_PLUG_CONVENTIONAL;
        }
        return device;
}

/* Parts of which the machine has one. */
static bool has_part(const Definition *definition, PciPart part)
{
        for (size_t i = 0; i < definition->n_devices; i++)
                if (definition->devices[i].part == part)
                        return true;
        return false;
}

static void insert(Definition *definition, PciDevice device)
{
        size_t at = any((unsigned)definition->n_devices + 1);

        if (definition->n_devices == DEVICES_MAX || (device.part && has_part(definition, device.part)))
                return;
        memmove(&definition->devices[at + 1], &definition->devices[at],
                (definition->n_devices - at) * sizeof(device));
        definition->devices[at] = device;
        definition->n_devices++;
}

static void remove_any(Definition *definition)
{
        size_t at;

        if (definition->n_devices == 0)
                return;
        at = any((unsigned)definition->n_devices);
        definition->n_devices--;
        memmove(&definition->devices[at], &definition->devices[at + 1],
                (definition->n_devices - at) * sizeof(definition->devices[0]));
}

static void reserve_all(Pci *pci, const Definition *definition)
{
        for (size_t i = 0; i < definition->n_controllers; i++)
                assert_int_equal(pci_add_controller(pci, &definition->controllers[i], NULL, NULL), 0);
        for (size_t i = 0; i < definition->n_controllers; i++)
                if (definition->controllers[i].placed && definition->controllers[i].index > 0)
                        assert_int_equal(pci_reserve_controller(pci,
                                                                (unsigned)definition->controllers[i].index,
                                                                &definition->controllers[i].address, NULL),
                                         0);
        for (size_t i = 0; i < definition->n_devices; i++)
                if (definition->devices[i].placed)
                        assert_int_equal(pci_reserve(pci, &definition->devices[i],
                                                     &definition->devices[i].address, NULL),
                                         0);
}

/* Makes all explicit, as writing the definition does. */
static void format(Definition *definition)
{
        CLEANUP(Pci) Pci *pci = NULL;

        assert_int_equal(pci_new(definition->machine, &pci), 0);
        reserve_all(pci, definition);
        assert_int_equal(pci_assign(pci, definition->devices, definition->n_devices, NULL), 0);
        definition->n_controllers = 0;
        for (unsigned i = 0; i < PCI_BUSES_MAX; i++)
                if (pci_controller(pci, i)) {
                        PciController *controller = &definition->controllers[definition->n_controllers++];

                        *controller = *pci_controller(pci, i);
                        controller->added = false;
                        assert_true(controller->placed);
                        assert_int_equal(pci_check(pci, &controller->address, NULL), 0);
                }
        for (size_t i = 0; i < definition->n_devices; i++) {
                assert_true(definition->devices[i].placed);
                assert_int_equal(pci_check(pci, &definition->devices[i].address, NULL), 0);
                if (definition->devices[i].hotplug && definition->devices[i].part == PCI_PART_NONE &&
                    definition->devices[i].plug != PCI_PLUG_INTEGRATED)
                        assert_true(pci_is_hotpluggable(pci, &definition->devices[i].address));
        }
}

/* Each controller and each device with an address has it still. */
static void expect_unmoved(const Definition *before, const Definition *after)
{
        size_t j = 0;

        for (size_t i = 0; i < before->n_controllers; i++, j++) {
                while (after->controllers[j].index != before->controllers[i].index)
                        j++;
                assert_memory_equal(&after->controllers[j], &before->controllers[i], sizeof(PciController));
        }
        assert_int_equal(after->n_devices, before->n_devices);
        for (size_t i = 0; i < before->n_devices; i++)
                if (before->devices[i].placed)
                        assert_true(
                                pci_address_equal(&before->devices[i].address, &after->devices[i].address));
}

static void expect_no_two_at_one_place(const Definition *definition)
{
        for (size_t i = 0; i < definition->n_devices; i++)
                for (size_t j = 0; j < definition->n_devices + definition->n_controllers; j++) {
                        const PciAddress *other =
                                j < definition->n_devices
                                        ? &definition->devices[j].address
                                        : &definition->controllers[j - definition->n_devices].address;

                        if (j != i)
                                assert_false(pci_address_equal(&definition->devices[i].address, other) &&
                                             !pci_address_is_unset(other));
                }
}

static void edit(Definition *definition)
{
        if (any(3) == 0)
                remove_any(definition);
        for (unsigned n = any(4); n > 0; n--)
                insert(definition, any_device(definition->machine));
}

static void live(PciMachine machine)
{
        Definition *definition = calloc(3, sizeof(*definition));
        Definition *before = definition + 1, *twin = definition + 2;

        assert_non_null(definition);
        definition->machine = machine;
        for (unsigned n = any(40); n > 0; n--)
                insert(definition, any_device(definition->machine));
        for (unsigned i = 0; i < EDITS; i++) {
                *before = *twin = *definition;
                format(definition);
                format(twin);
                assert_memory_equal(definition, twin, sizeof(*definition));
                expect_unmoved(before, definition);
                expect_no_two_at_one_place(definition);
                *before = *definition;
                format(definition);
                assert_memory_equal(definition, before, sizeof(*definition));
                edit(definition);
        }
        free(definition);
}

static void test_nothing_moves(void **state)
{
        static const PciMachine machines[] = {PCI_MACHINE_I440FX, PCI_MACHINE_Q35, PCI_MACHINE_VIRT,
                                              PCI_MACHINE_PSERIES};

        for (seed = 1; seed <= LIVES; seed++) {
                uint64_t number = seed;

                seed *= UINT64_C(0x9e3779b97f4a7c15);
                live(machines[number % ELEMENTSOF(machines)]);
                seed = number;
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_nothing_moves),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
