/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/util.h"
#include "domain/pci.h"

static PciAddress at(const char *text)
{
        PciAddress address = {0};

        assert_int_equal(pci_address_parse(text, &address), 0);
        return address;
}

static PciAddress multi(const char *text)
{
        PciAddress address = at(text);

        address.multifunction = true;
        return address;
}

static void expect_at(const PciAddress *address, const char *expected)
{
        char text[PCI_ADDRESS_TEXT_SIZE];

        assert_string_equal(pci_address_format(address, text), expected);
}

static Pci *new_pci(PciMachine machine)
{
        Pci *pci = NULL;

        assert_int_equal(pci_new(machine, &pci), 0);
        return pci;
}

static unsigned add(Pci *pci, PciModel model, const char *address)
{
        PciController controller = {.model = model, .index = -1, .chassis = -1, .port = -1};
        unsigned index = 0;

        assert_int_equal(pci_add_controller(pci, &controller, &index, NULL), 0);
        if (address) {
                PciAddress place = at(address);

                assert_int_equal(pci_reserve_controller(pci, index, &place, NULL), 0);
        }
        return index;
}

/* The call has been made when *error is looked at. */
static void expect_error(int r, int expected, MusterError **reported, const char *text)
{
        CLEANUP(MusterError) MusterError *error = TAKE(*reported);

        assert_int_equal(r, expected);
        assert_non_null(error);
        if (!strstr(muster_error_message(error), text))
                fail_msg("not \"%s\" but: %s", text, muster_error_message(error));
}

static void expect_refused(Pci *pci, PciDevice device, const char *address, int expected, const char *text)
{
        MusterError *error = NULL;
        PciAddress place = at(address);

        expect_error(pci_reserve(pci, &device, &place, &error), expected, &error, text);
}

static void expect_controller_refused(Pci *pci, unsigned index, const char *address, int expected,
                                      const char *text)
{
        MusterError *error = NULL;
        PciAddress place = at(address);

        expect_error(pci_reserve_controller(pci, index, &place, &error), expected, &error, text);
}

static void reserve(Pci *pci, const char *name, PciAddress address)
{
        assert_int_equal(pci_reserve(pci, &(PciDevice){.name = name}, &address, NULL), 0);
}

static PciAddress assign(Pci *pci, PciDevice device)
{
        MusterError *error = NULL;

        device.name = device.name ?: "device";
        if (pci_assign(pci, &device, 1, &error) < 0)
                fail_msg("%s", muster_error_message(error));
        assert_true(device.placed);
        return device.address;
}

static void expect_assigned(Pci *pci, PciDevice device, const char *expected)
{
        PciAddress address = assign(pci, device);

        expect_at(&address, expected);
}

static void test_address(void **state)
{
        static const char *const bad[] = {"",         "0",        "00:02",         "00:20.0",
                                          "00:02.8",  "00:02.0 ", "10000:00:02.0", "0:100:02.0",
                                          "00:002.0", "00:02.00", "g:02.0",        "0:0:0:2.0",
                                          " 00:02.0", ":02.0",    "00:02.",        "-1:02.0"};
        PciAddress address;

        address = at("0000:00:02.0");
        expect_at(&address, "0000:00:02.0");
        address = at("ff:1F.7");
        expect_at(&address, "0000:ff:1f.7");
        address = at("fffe:1:a.3");
        expect_at(&address, "fffe:01:0a.3");
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(pci_address_parse(bad[i], &address), -EINVAL);
        assert_int_equal(pci_address_from_numbers(0, 4, 0x1f, 7, &address), 0);
        expect_at(&address, "0000:04:1f.7");
        assert_int_equal(pci_address_from_numbers(0x10000, 0, 0, 0, &address), -ERANGE);
        assert_int_equal(pci_address_from_numbers(0, 256, 0, 0, &address), -ERANGE);
        assert_int_equal(pci_address_from_numbers(0, 0, 32, 0, &address), -ERANGE);
        assert_int_equal(pci_address_from_numbers(0, 0, 0, 8, &address), -ERANGE);
        assert_int_equal(pci_address_from_numbers(0, UINT64_MAX, 0, 0, &address), -ERANGE);
        assert_true(pci_address_is_unset(&(PciAddress){.multifunction = true}));
        assert_false(pci_address_is_unset(&address));
}

static void test_names(void **state)
{
        static const struct {
                const char *arch, *machine;
                bool pcie;
                PciMachine expected;
        } machines[] = {
                {"x86_64", "pc", false, PCI_MACHINE_I440FX},
                {"x86_64", "pc-i440fx-7.2", false, PCI_MACHINE_I440FX},
                {"i686", "pc-1.3", false, PCI_MACHINE_I440FX},
                {"x86_64", "q35", false, PCI_MACHINE_Q35},
                {"x86_64", "pc-q35-rhel9.2.0", false, PCI_MACHINE_Q35},
                {"x86_64", "isapc", false, PCI_MACHINE_NONE},
                {"x86_64", "microvm", false, PCI_MACHINE_NONE},
                {"x86_64", "microvm", true, PCI_MACHINE_VIRT},
                {"aarch64", "virt-7.2", false, PCI_MACHINE_VIRT},
                {"armv7l", "virt", false, PCI_MACHINE_VIRT},
                {"riscv64", "virt", false, PCI_MACHINE_VIRT},
                {"m68k", "virt", false, PCI_MACHINE_NONE},
                {"aarch64", "virtual", false, PCI_MACHINE_NONE},
                {"ppc64le", "pseries-7.2", false, PCI_MACHINE_PSERIES},
                {"s390x", "s390-ccw-virtio-7.2", false, PCI_MACHINE_NONE},
        };
        PciModel model;
        Pci *pci = NULL;

        for (size_t i = 0; i < ELEMENTSOF(machines); i++)
                assert_int_equal(pci_machine(machines[i].arch, machines[i].machine, machines[i].pcie),
                                 machines[i].expected);
        for (PciModel i = 0; i < _PCI_MODEL_MAX; i++) {
                assert_int_equal(pci_model_parse(pci_model_name(i), &model), 0);
                assert_int_equal(model, i);
        }
        assert_int_equal(pci_model_parse("pcie", &model), -EINVAL);
        assert_int_equal(pci_new(PCI_MACHINE_NONE, &pci), -ENODEV);
        assert_true(pci_rank("filesystem") < pci_rank("interface"));
        assert_true(pci_rank("memory") < pci_rank("crypto"));
}

static void test_clashes(void **state)
{
        CLEANUP(Pci) Pci *pci = new_pci(PCI_MACHINE_Q35);
        PciDevice disk = {.name = "disk vda"}, sata = {.name = "sata 0", .part = PCI_PART_SATA};
        unsigned port = add(pci, PCI_MODEL_PCIE_ROOT_PORT, "00:02.0");

        reserve(pci, "interface net0", at("01:00.0"));
        expect_refused(
                pci, disk, "01:00.0", -EEXIST,
                "interface net0 and disk vda both have the PCI address 0000:01:00.0; give another one");
        expect_refused(pci, disk, "00:02.0", -EEXIST, "PCI controller 1 (pcie-root-port) and disk vda both");
        expect_refused(pci, disk, "00:00.0", -EEXIST, "the host bridge (MCH) and disk vda both");
        expect_refused(pci, disk, "00:1f.2", -EEXIST, "the SATA controller (ICH9) and disk vda both");
        expect_refused(pci, disk, "05:00.0", -EINVAL,
                       "disk vda is put at 0000:05:00.0, but no controller makes bus 5; add <controller "
                       "type='pci' index='5' model='pcie-root-port'/>");
        expect_refused(pci, disk, "0001:00:03.0", -EINVAL, "no PCI domain other than 0");
        expect_refused(pci, disk, "01:01.0", -EINVAL, "but bus 1 (pcie-root-port) has slot 0 only");
        expect_refused(pci, sata, "00:05.0", -EINVAL,
                       "sata 0 is the SATA controller (ICH9) of the machine itself, at 0000:00:1f.2");
        assert_int_equal(pci_reserve(pci, &sata, &(PciAddress){.slot = 0x1f, .function = 2}, NULL), 0);
        expect_refused(pci, sata, "00:1f.2", -EEXIST, "sata 0 and sata 0 both");
        expect_refused(pci, (PciDevice){.name = "iommu", .plug = PCI_PLUG_INTEGRATED}, "01:00.0", -EINVAL,
                       "iommu must sit on the root bus");
        assert_int_equal(port, 1);
}

static void test_misfits(void **state)
{
        CLEANUP(Pci) Pci *q35 = new_pci(PCI_MACHINE_Q35), *pc = new_pci(PCI_MACHINE_I440FX);
        PciDevice disk = {.name = "disk vda"};
        unsigned port = add(q35, PCI_MODEL_PCIE_ROOT_PORT, "00:02.0");
        unsigned other = add(q35, PCI_MODEL_PCIE_ROOT_PORT, NULL);
        unsigned up = add(q35, PCI_MODEL_PCIE_SWITCH_UPSTREAM_PORT, "01:00.0");
        unsigned down = add(q35, PCI_MODEL_PCIE_SWITCH_DOWNSTREAM_PORT, NULL);
        unsigned expander = add(q35, PCI_MODEL_PCIE_EXPANDER_BUS, "00:05.0");
        unsigned bridge;

        assert_int_equal(port, 1);
        expect_controller_refused(q35, other, "01:00.0", -EINVAL,
                                  "PCI controller 2 (pcie-root-port) is put at 0000:01:00.0, but bus 1 "
                                  "(pcie-root-port) takes a device, a pcie-to-pci-bridge or");
        expect_controller_refused(q35, other, "02:00.0", -EINVAL, "on a bus that hangs on it itself");
        expect_controller_refused(q35, down, "00:03.0", -EINVAL, "bus 0 (pcie-root) takes devices, ");
        expect_controller_refused(q35, 77, "00:03.0", -EINVAL, "There is no PCI controller 77");
        expect_controller_refused(q35, 0, "00:03.0", -EINVAL, "remove its <address>");
        expect_refused(q35, disk, "03:00.0", -EINVAL, "takes pcie-switch-downstream-port alone");
        expect_refused(q35, disk, "05:00.0", -EINVAL, "takes pcie-root-port and dmi-to-pci-bridge");
        assert_int_equal(up, 3);
        assert_int_equal(expander, 5);
        bridge = add(pc, PCI_MODEL_PCI_BRIDGE, "00:05.0");
        expect_refused(pc, disk, "01:00.0", -EINVAL, "has slots from 1 to 31");
        expect_refused(pc, disk, "02:01.0", -EINVAL, "model='pci-bridge'");
        assert_int_equal(bridge, 1);
        expect_controller_refused(pc, add(pc, PCI_MODEL_PCIE_ROOT_PORT, NULL), "00:06.0", -EINVAL,
                                  "bus 0 (pci-root) takes devices, pci-bridge and pci-expander-bus");
}

/* Two bridges that hang on each other. */
static void test_loop(void **state)
{
        CLEANUP(Pci) Pci *pci = new_pci(PCI_MACHINE_I440FX);
        unsigned one = add(pci, PCI_MODEL_PCI_BRIDGE, NULL), two = add(pci, PCI_MODEL_PCI_BRIDGE, "01:01.0");

        expect_controller_refused(pci, one, "02:01.0", -EINVAL, "on a bus that hangs on it itself");
        assert_int_equal(pci_assign(pci, NULL, 0, NULL), 0);
        expect_at(&pci_controller(pci, one)->address, "0000:00:02.0");
        expect_at(&pci_controller(pci, two)->address, "0000:01:01.0");
}

static void test_functions(void **state)
{
        CLEANUP(Pci) Pci *pci = new_pci(PCI_MACHINE_I440FX);
        PciAddress second = at("00:05.1"), alone = at("00:06.3"), fine = at("00:07.7"),
                   built_in = at("00:01.2");
        MusterError *error = NULL;

        reserve(pci, "ehci", second);
        reserve(pci, "uhci", at("00:05.0"));
        expect_error(pci_check(pci, &second, &error), -EINVAL, &error,
                     "ehci is at 0000:00:05.1, in the slot of uhci, which does not say multifunction='on'");
        reserve(pci, "lonely", alone);
        expect_error(pci_check(pci, &alone, &error), -EINVAL, &error,
                     "lonely is at 0000:00:06.3, but nothing is at function 0 of that slot");
        reserve(pci, "seven", fine);
        reserve(pci, "zero", multi("00:07.0"));
        reserve(pci, "piix3 usb", built_in);
        assert_int_equal(pci_check(pci, &fine, NULL), 0);
        assert_int_equal(pci_check(pci, &built_in, NULL), 0);
        assert_int_equal(pci_check(pci, &(PciAddress){.bus = 9}, NULL), 0);
}

static int add_plain(Pci *pci, PciController controller, MusterError **ret_error)
{
        return pci_add_controller(pci, &controller, NULL, ret_error);
}

static void test_controllers(void **state)
{
        CLEANUP(Pci) Pci *q35 = new_pci(PCI_MACHINE_Q35), *power = new_pci(PCI_MACHINE_PSERIES);
        PciController root = {.model = PCI_MODEL_PCIE_ROOT, .index = -1, .chassis = -1, .port = -1};
        PciController port = {.model = PCI_MODEL_PCIE_ROOT_PORT, .index = 3, .chassis = 1, .port = 7};
        MusterError *error = NULL;

        assert_int_equal(add_plain(q35, root, NULL), 0);
        root.index = 1;
        expect_error(add_plain(q35, root, &error), -EINVAL, &error, "A pcie-root has index 0, not 1");
        root.model = PCI_MODEL_PCI_ROOT;
        expect_error(add_plain(q35, root, &error), -EINVAL, &error,
                     "root bus is a pcie-root, not a pci-root");
        assert_int_equal(add_plain(power, root, NULL), 0);
        assert_true(pci_controller(power, 1)->placed);
        assert_int_equal(add_plain(q35, port, NULL), 0);
        expect_error(add_plain(q35, port, &error), -EEXIST, &error, "two PCI controllers of index 3");
        port.index = 4;
        expect_error(add_plain(q35, port, &error), -EEXIST, &error, "Chassis 1 is that of PCI controller 3");
        port.index = 256;
        expect_error(add_plain(q35, port, &error), -EINVAL, &error, "from 0 to 255, not 256");
        /* Index 1, whose chassis another one has. */
        assert_int_equal(add(q35, PCI_MODEL_PCIE_ROOT_PORT, NULL), 1);
        assert_int_equal(pci_assign(q35, NULL, 0, NULL), 0);
        assert_int_equal(pci_controller(q35, 1)->chassis, 2);
        assert_int_equal(pci_controller(q35, 1)->port, 0x8);
        assert_int_equal(pci_controller(q35, 3)->chassis, 1);
        assert_int_equal(pci_controller(q35, 3)->port, 7);
        expect_at(&pci_controller(q35, 3)->address, "0000:00:01.1");
        assert_null(pci_controller(q35, 2));
        assert_null(pci_controller(q35, 256));
}

static void test_assign_q35(void **state)
{
        CLEANUP(Pci) Pci *pci = new_pci(PCI_MACHINE_Q35);
        PciAddress address;

        expect_assigned(pci, (PciDevice){.part = PCI_PART_VIDEO}, "0000:00:01.0");
        for (unsigned i = 0; i < 9; i++) {
                address = assign(pci, (PciDevice){.hotplug = true});
                assert_int_equal(address.bus, i + 1);
                assert_true(pci_is_hotpluggable(pci, &address));
        }
        expect_at(&pci_controller(pci, 8)->address, "0000:00:02.7");
        expect_at(&pci_controller(pci, 9)->address, "0000:00:03.0");
        assert_true(pci_controller(pci, 1)->address.multifunction);
        assert_true(pci_controller(pci, 9)->address.multifunction);
        assert_true(pci_controller(pci, 9)->added);
        /* The bridge behind a port of its own, and the second conventional one beside the first. */
        expect_assigned(pci, (PciDevice){.plug = PCI_PLUG_CONVENTIONAL, .hotplug = true}, "0000:0b:01.0");
        expect_assigned(pci, (PciDevice){.plug = PCI_PLUG_CONVENTIONAL}, "0000:0b:02.0");
        assert_int_equal(pci_controller(pci, 11)->model, PCI_MODEL_PCIE_TO_PCI_BRIDGE);
        expect_at(&pci_controller(pci, 11)->address, "0000:0a:00.0");
        expect_assigned(pci, (PciDevice){.plug = PCI_PLUG_INTEGRATED}, "0000:00:04.0");
        expect_assigned(pci, (PciDevice){.part = PCI_PART_SATA}, "0000:00:1f.2");
        expect_assigned(pci, (PciDevice){.part = PCI_PART_ICH9_SOUND, .plug = PCI_PLUG_CONVENTIONAL},
                        "0000:00:1b.0");
        expect_assigned(pci, (PciDevice){.part = PCI_PART_ICH9_SOUND, .plug = PCI_PLUG_CONVENTIONAL},
                        "0000:0b:03.0");
        expect_assigned(pci, (PciDevice){.part = PCI_PART_ICH9_USB, .function = 7}, "0000:00:1d.7");
        expect_assigned(pci, (PciDevice){.part = PCI_PART_ICH9_USB, .multifunction = true}, "0000:00:1a.0");
        address = at("00:04.0");
        assert_false(pci_is_hotpluggable(pci, &address));
        address = at("42:00.0");
        assert_false(pci_is_hotpluggable(pci, &address));
}

static void test_switch(void **state)
{
        CLEANUP(Pci) Pci *pci = new_pci(PCI_MACHINE_VIRT);

        assert_int_equal(add(pci, PCI_MODEL_PCIE_SWITCH_UPSTREAM_PORT, NULL), 1);
        assert_int_equal(add(pci, PCI_MODEL_PCIE_SWITCH_DOWNSTREAM_PORT, NULL), 2);
        assert_int_equal(add(pci, PCI_MODEL_DMI_TO_PCI_BRIDGE, NULL), 3);
        assert_int_equal(add(pci, PCI_MODEL_PCI_BRIDGE, NULL), 4);
        expect_assigned(pci, (PciDevice){.plug = PCI_PLUG_EXPRESS, .hotplug = true}, "0000:02:00.0");
        expect_at(&pci_controller(pci, 5)->address, "0000:00:02.0");
        expect_at(&pci_controller(pci, 1)->address, "0000:05:00.0");
        expect_at(&pci_controller(pci, 2)->address, "0000:01:01.0");
        expect_at(&pci_controller(pci, 3)->address, "0000:00:01.0");
        expect_at(&pci_controller(pci, 4)->address, "0000:03:01.0");
        /* Nothing can be unplugged from the dmi-to-pci-bridge itself. */
        expect_assigned(pci, (PciDevice){.plug = PCI_PLUG_CONVENTIONAL, .hotplug = true}, "0000:04:01.0");
        expect_assigned(pci, (PciDevice){.plug = PCI_PLUG_CONVENTIONAL}, "0000:03:02.0");
}

/* A bridge takes a port that comes behind it in the definition, and no other is added. */
static void test_any_order(void **state)
{
        CLEANUP(Pci) Pci *pci = new_pci(PCI_MACHINE_Q35), *pc = new_pci(PCI_MACHINE_I440FX);
        MusterError *error = NULL;

        assert_int_equal(add(pci, PCI_MODEL_PCI_BRIDGE, NULL), 1);
        assert_int_equal(add(pci, PCI_MODEL_PCIE_TO_PCI_BRIDGE, NULL), 2);
        assert_int_equal(add(pci, PCI_MODEL_PCIE_ROOT_PORT, NULL), 3);
        assert_int_equal(pci_assign(pci, NULL, 0, NULL), 0);
        expect_at(&pci_controller(pci, 1)->address, "0000:02:01.0");
        expect_at(&pci_controller(pci, 2)->address, "0000:03:00.0");
        assert_null(pci_controller(pci, 4));
        add(pc, PCI_MODEL_PCIE_ROOT_PORT, NULL);
        expect_error(pci_assign(pc, NULL, 0, &error), -ENOSPC, &error,
                     "No PCI address is left for PCI controller 1: There is no bus with a free slot that "
                     "takes a pcie-root-port");
}

/* A port joins another only where a guest will look for it. */
static void test_single_port(void **state)
{
        CLEANUP(Pci) Pci *pci = new_pci(PCI_MACHINE_Q35);

        assert_int_equal(add(pci, PCI_MODEL_PCIE_ROOT_PORT, "00:01.0"), 1);
        assert_int_equal(add(pci, PCI_MODEL_PCIE_ROOT_PORT, NULL), 2);
        assert_int_equal(pci_assign(pci, NULL, 0, NULL), 0);
        expect_at(&pci_controller(pci, 2)->address, "0000:00:02.0");
}

/* What is behind an expander belongs to a NUMA node: only who asks for it gets it. */
static void test_expander(void **state)
{
        CLEANUP(Pci) Pci *pci = new_pci(PCI_MACHINE_Q35), *pc = new_pci(PCI_MACHINE_I440FX);

        assert_int_equal(add(pci, PCI_MODEL_PCIE_EXPANDER_BUS, "00:04.0"), 1);
        assert_int_equal(add(pci, PCI_MODEL_PCIE_ROOT_PORT, "01:00.0"), 2);
        expect_assigned(pci, (PciDevice){.hotplug = true}, "0000:03:00.0");
        reserve(pci, "near", at("02:00.0"));
        assert_int_equal(add(pc, PCI_MODEL_PCI_EXPANDER_BUS, NULL), 1);
        expect_assigned(pc, (PciDevice){.hotplug = true}, "0000:00:03.0");
}

static void test_companions(void **state)
{
        CLEANUP(Pci) Pci *pc = new_pci(PCI_MACHINE_I440FX), *q35 = new_pci(PCI_MACHINE_Q35);
        PciDevice usb[] = {
                {.name = "ehci", .part = PCI_PART_ICH9_USB, .group = 1, .function = 7},
                {.name = "net", .hotplug = true, .rank = 1},
                {.name = "uhci1", .part = PCI_PART_ICH9_USB, .group = 1, .multifunction = true, .rank = 2},
                {.name = "uhci2", .part = PCI_PART_ICH9_USB, .group = 1, .function = 1, .rank = 2},
        };
        PciDevice again[ELEMENTSOF(usb)];

        for (size_t i = 0; i < ELEMENTSOF(usb); i++) {
                usb[i].plug = PCI_PLUG_CONVENTIONAL;
                again[i] = usb[i];
        }
        assert_int_equal(pci_assign(pc, usb, ELEMENTSOF(usb), NULL), 0);
        expect_at(&usb[0].address, "0000:00:02.7");
        expect_at(&usb[1].address, "0000:00:03.0");
        expect_at(&usb[2].address, "0000:00:02.0");
        assert_true(usb[2].address.multifunction);
        expect_at(&usb[3].address, "0000:00:02.1");
        for (size_t i = 0; i < ELEMENTSOF(usb); i++)
                assert_int_equal(pci_check(pc, &usb[i].address, NULL), 0);
        assert_int_equal(pci_assign(q35, again, ELEMENTSOF(again), NULL), 0);
        expect_at(&again[0].address, "0000:00:1d.7");
        expect_at(&again[3].address, "0000:00:1d.1");
}

/* The last slot goes to a bridge, and the bridge's last slot to the next. */
static void test_full_pc(void **state)
{
        CLEANUP(Pci) Pci *pci = new_pci(PCI_MACHINE_I440FX);

        expect_assigned(pci, (PciDevice){.part = PCI_PART_VIDEO}, "0000:00:02.0");
        for (unsigned slot = 3; slot < 31; slot++)
                assert_int_equal(assign(pci, (PciDevice){0}).slot, slot);
        expect_assigned(pci, (PciDevice){0}, "0000:01:01.0");
        expect_at(&pci_controller(pci, 1)->address, "0000:00:1f.0");
        for (unsigned slot = 2; slot < 31; slot++)
                assert_int_equal(assign(pci, (PciDevice){0}).slot, slot);
        expect_assigned(pci, (PciDevice){0}, "0000:02:01.0");
        expect_at(&pci_controller(pci, 2)->address, "0000:01:1f.0");
        expect_assigned(pci, (PciDevice){.part = PCI_PART_PIIX3_USB}, "0000:00:01.2");
}

/* Fills all that there is: a bounded number of devices, then one sentence. */
static unsigned fill(PciMachine machine, PciPlug plug, const char *expected)
{
        CLEANUP(Pci) Pci *pci = new_pci(machine);
        MusterError *error = NULL;
        unsigned n = 0;
        int r = 0;

        for (; r == 0 && n < 100000; n++) {
                PciDevice device = {.name = "disk vdz", .plug = plug, .hotplug = true};

                r = pci_assign(pci, &device, 1, &error);
                assert_true(device.failed == (r < 0));
                assert_true(device.placed == (r == 0));
        }
        expect_error(r, -ENOSPC, &error, expected);
        return n - 1;
}

static void test_full(void **state)
{
        assert_int_equal(fill(PCI_MACHINE_Q35, PCI_PLUG_EITHER,
                              "No PCI address is left for disk vdz: There is no bus with a free slot that "
                              "takes a pcie-root-port"),
                         30 * 8);
        assert_int_equal(fill(PCI_MACHINE_Q35, PCI_PLUG_INTEGRATED, "The root bus, to which it belongs"),
                         30);
        assert_int_equal(fill(PCI_MACHINE_VIRT, PCI_PLUG_EITHER, "takes a pcie-root-port"), 31 * 8);
        assert_in_range(fill(PCI_MACHINE_Q35, PCI_PLUG_CONVENTIONAL, "There are 256 PCI buses"), 3000, 5000);
        assert_in_range(fill(PCI_MACHINE_I440FX, PCI_PLUG_EITHER, "There is no bus"), 7000, 8000);
        assert_in_range(fill(PCI_MACHINE_PSERIES, PCI_PLUG_EITHER, "There is no bus"), 7000, 8000);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_address),     cmocka_unit_test(test_names),
                cmocka_unit_test(test_clashes),     cmocka_unit_test(test_misfits),
                cmocka_unit_test(test_loop),        cmocka_unit_test(test_functions),
                cmocka_unit_test(test_controllers), cmocka_unit_test(test_assign_q35),
                cmocka_unit_test(test_switch),      cmocka_unit_test(test_expander),
                cmocka_unit_test(test_companions),  cmocka_unit_test(test_any_order),
                cmocka_unit_test(test_single_port), cmocka_unit_test(test_full_pc),
                cmocka_unit_test(test_full),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
