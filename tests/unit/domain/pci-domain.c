/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/fileio.h"
#include "base/util.h"
#include "domain/value.h"
#include "pci-domain.h"

static const char *text_of(XmlElement *element, const char *child, const char *attribute)
{
        XmlElement *found = child && element ? xml_child(element, child) : element;

        return (found ? xml_attribute(found, attribute) : NULL) ?: "";
}

static unsigned number_of(XmlElement *element, const char *child, const char *attribute)
{
        const char *text = text_of(element, child, attribute);
        uint64_t number = 0;

        if (*text)
                assert_int_equal(value_uint(text, UINT32_MAX, &number), 0);
        return (unsigned)number;
}

/* Whether it has one. */
static bool read_address(XmlElement *element, PciAddress *ret)
{
        if (!streq(text_of(element, "address", "type"), "pci"))
                return false;
        assert_int_equal(pci_address_from_numbers(number_of(element, "address", "domain"),
                                                  number_of(element, "address", "bus"),
                                                  number_of(element, "address", "slot"),
                                                  number_of(element, "address", "function"), ret),
                         0);
        ret->multifunction = streq(text_of(element, "address", "multifunction"), "on");
        return !pci_address_is_unset(ret);
}

static bool describe_usb(XmlElement *element, PciDevice *device)
{
        static const char *const companions[] = {"ich9-uhci1", "ich9-uhci2", "ich9-uhci3", "",  "",
                                                 "",           "",           "ich9-ehci1", NULL};
        const char *model = text_of(element, NULL, "model");

        device->plug = strstr(model, "xhci") ? PCI_PLUG_EXPRESS : PCI_PLUG_CONVENTIONAL;
        if (startswith(model, "ich9-")) {
                device->part = PCI_PART_ICH9_USB;
                device->group = 1 + number_of(element, NULL, "index");
                device->function = (uint8_t)value_word(model, companions);
                device->multifunction = device->function == 0;
        }
        return !streq(model, "none");
}

static bool describe_controller(XmlElement *element, PciDevice *device)
{
        const char *type = text_of(element, NULL, "type");
        bool first = number_of(element, NULL, "index") == 0;

        if (streq(type, "usb"))
                return describe_usb(element, device);
        if (streq(type, "sata") || streq(type, "ide")) {
                device->plug = PCI_PLUG_CONVENTIONAL;
                device->part = !first ? PCI_PART_NONE : *type == 's' ? PCI_PART_SATA : PCI_PART_IDE;
        }
        if (streq(type, "scsi") && !streq(text_of(element, NULL, "model"), "virtio-scsi"))
                device->plug = PCI_PLUG_CONVENTIONAL;
        return !streq(type, "fdc") && !streq(type, "ccid");
}

static bool describe_model(const char *model, PciDevice *device)
{
        static const char *const conventional[] = {"e1000", "rtl8139",  "ich6", "ich9",
                                                   "ac97",  "i6300esb", NULL};

        if (value_word(model, conventional) >= 0)
                device->plug = PCI_PLUG_CONVENTIONAL;
        if (streq(model, "ich9"))
                device->part = PCI_PART_ICH9_SOUND;
        return true;
}

static bool describe(XmlElement *element, const PciDomain *domain, PciDevice *device)
{
        const char *name = xml_name(element), *model = text_of(element, "model", "type");

        device->hotplug = !streq(name, "video") && !streq(name, "sound");
        if (streq(name, "disk"))
                return streq(text_of(element, "target", "bus"), "virtio");
        if (streq(name, "controller"))
                return describe_controller(element, device);
        if (streq(name, "video")) {
                device->plug = streq(model, "virtio") ? PCI_PLUG_EITHER : PCI_PLUG_CONVENTIONAL;
                device->part = PCI_PART_VIDEO;
                return !streq(model, "none");
        }
        if (streq(name, "hostdev") || streq(name, "shmem")) {
                device->plug = PCI_PLUG_CONVENTIONAL;
                return streq(name, "shmem") || streq(text_of(element, NULL, "type"), "pci");
        }
        if (streq(name, "sound") || streq(name, "watchdog"))
                return describe_model(text_of(element, NULL, "model"), device);
        if (streq(name, "input"))
                return streq(text_of(element, NULL, "bus"), "virtio");
        if (streq(name, "memballoon"))
                return !streq(text_of(element, NULL, "model"), "none");
        return streq(name, "interface")
                       ? describe_model(model, device)
                       : streq(name, "filesystem") || streq(name, "rng") || streq(name, "vsock");
}

static void add_controller(XmlElement *element, PciDomain *domain)
{
        PciController *controller = &domain->controllers[domain->n_controllers++];
        bool root;

        *controller = (PciController){.index = -1, .chassis = -1, .port = -1};
        assert_int_equal(pci_model_parse(text_of(element, NULL, "model"), &controller->model), 0);
        root = controller->model <= PCI_MODEL_PCIE_ROOT;
        if (*text_of(element, NULL, "index"))
                controller->index = (int)number_of(element, NULL, "index");
        if (*text_of(element, "target", "chassis"))
                controller->chassis = (int)number_of(element, "target", "chassis");
        if (*text_of(element, "target", "port"))
                controller->port = (int)number_of(element, "target", "port");
        controller->placed = !root && read_address(element, &controller->address);
}

static void add_device(XmlElement *element, PciDomain *domain)
{
        PciDevice device = {.name = domain->names[domain->n_devices], .rank = pci_rank(xml_name(element))};
        bool has_address = read_address(element, &device.address);

        device.placed = has_address;
        if (!describe(element, domain, &device) || (!has_address && *text_of(element, "address", "type") &&
                                                    !streq(text_of(element, "address", "type"), "pci"))) {
                assert_false(has_address);
                return;
        }
        snprintf(domain->names[domain->n_devices], sizeof(domain->names[0]), "%s in line %u",
                 xml_name(element), xml_line(element));
        domain->devices[domain->n_devices++] = device;
}

void pci_domain_read(const char *folder, const char *file, PciDomain *ret)
{
        CLEANUP(free) char *path = text_format("%s/domains/%s/%s", getenv("MUSTER_TEST_DATA"), folder, file);
        CLEANUP(free) char *text = NULL;
        Faults faults = {.file = file};
        XmlElement *devices, *element = NULL, *type;
        size_t size;
        Xml *xml;

        *ret = (PciDomain){.machine = PCI_MACHINE_NONE};
        assert_int_equal(read_file(path, XML_SIZE_MAX, &text, &size), 0);
        assert_int_equal(xml_parse(text, size, "domain", &faults, &xml), 0);
        assert_non_null(xml);
        type = xml_child(xml_child(xml->root, "os"), "type");
        ret->machine =
                pci_machine(text_of(type, NULL, "arch"), text_of(type, NULL, "machine"), /* pcie= */ false);
        devices = xml_child(xml->root, "devices");
        while ((element = xml_next_any(devices, element)))
                if (streq(xml_name(element), "controller") && streq(text_of(element, NULL, "type"), "pci"))
                        add_controller(element, ret);
                else
                        add_device(element, ret);
        xml_free(xml);
        faults_clear(&faults);
}

static int reserve_all(const PciDomain *domain, Pci *pci, MusterError **ret_error)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < domain->n_controllers; i++)
                if (domain->controllers[i].placed)
                        r = pci_reserve_controller(pci, (unsigned)domain->controllers[i].index,
                                                   &domain->controllers[i].address, ret_error);
        for (size_t i = 0; r == 0 && i < domain->n_devices; i++)
                if (domain->devices[i].placed)
                        r = pci_reserve(pci, &domain->devices[i], &domain->devices[i].address, ret_error);
        for (size_t i = 0; r == 0 && i < domain->n_controllers; i++)
                if (domain->controllers[i].placed)
                        r = pci_check(pci, &domain->controllers[i].address, ret_error);
        for (size_t i = 0; r == 0 && i < domain->n_devices; i++)
                if (domain->devices[i].placed)
                        r = pci_check(pci, &domain->devices[i].address, ret_error);
        return r;
}

int pci_domain_reserve(const PciDomain *domain, Pci **ret, MusterError **ret_error)
{
        CLEANUP(Pci) Pci *pci = NULL;
        int r;

        r = pci_new(domain->machine, &pci);
        for (int indexed = 1; r == 0 && indexed >= 0; indexed--)
                for (size_t i = 0; r == 0 && i < domain->n_controllers; i++)
                        if ((domain->controllers[i].index >= 0) == indexed)
                                r = pci_add_controller(pci, &domain->controllers[i], NULL, ret_error);
        if (r == 0)
                r = reserve_all(domain, pci, ret_error);
        if (r == 0)
                *ret = TAKE(pci);
        return r;
}
