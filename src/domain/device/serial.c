/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/device/serial.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/section/os.h"
#include "domain/value.h"

#define ISA_PORTS_MAX   4
#define SPAPR_VTY_FIRST UINT64_C(0x30000000)

typedef enum SerialType {
        SERIAL_ISA,
        SERIAL_SYSTEM,
        SERIAL_SPAPR,
        SERIAL_PCI,
        SERIAL_USB,
        SERIAL_ISA_DEBUG,
        SERIAL_SCLP,
        _SERIAL_TYPES,
        SERIAL_UNSAID = _SERIAL_TYPES,
} SerialType;

static const char *const types[] = {
        [SERIAL_ISA] = "isa-serial",         [SERIAL_SYSTEM] = "system-serial",
        [SERIAL_SPAPR] = "spapr-vio-serial", [SERIAL_PCI] = "pci-serial",
        [SERIAL_USB] = "usb-serial",         [SERIAL_ISA_DEBUG] = "isa-debug",
        [SERIAL_SCLP] = "sclp-serial",       NULL,
};

/* The model that a type has, which is the emulator's type, too, but for SERIAL_SYSTEM. */
static const char *const models[] = {
        [SERIAL_ISA] = "isa-serial", [SERIAL_SPAPR] = "spapr-vty",        [SERIAL_PCI] = "pci-serial",
        [SERIAL_USB] = "usb-serial", [SERIAL_ISA_DEBUG] = "isa-debugcon", [SERIAL_SCLP] = NULL,
};

typedef struct Serial {
        SerialType type;
        bool has_port;
        uint64_t port;
        char *model; /* NULL: not said */
        Chardev chardev;
} Serial;

bool serial_has_console(const Part *part)
{
        const Serial *serial = part->data;

        if (serial->type == SERIAL_UNSAID)
                return part->place.type != PLACE_PCI && part->place.type != PLACE_USB;
        return serial->type == SERIAL_ISA || serial->type == SERIAL_SYSTEM || serial->type == SERIAL_SPAPR;
}

const Chardev *serial_chardev(const Part *part)
{
        return &((const Serial *)part->data)->chardev;
}

char *serial_alias(const Part *part)
{
        return part->alias ? strdup(part->alias) : text_format("%s%u", part->kind->alias, part->index);
}

static int read_target(Domain *domain, Part *part, Serial *serial)
{
        XmlElement *target = xml_child(part->element, "target"), *model;
        int type = SERIAL_UNSAID;

        if (!target)
                return 0;
        read_word(domain->xml, target, "type", types, &type);
        serial->type = (SerialType)type;
        serial->has_port = read_uint(domain->xml, target, "port", INT16_MAX, &serial->port) > 0;
        if (serial->type == SERIAL_SCLP)
                xml_fault(domain->xml, FAULT_ERROR, target, "type",
                          _("Only s390x has sclp-serial, and muster does not start that yet."));
        model = xml_child(target, "model");
        return model ? read_text(domain->xml, model, "name", &serial->model) : 0;
}

static int read_serial(Domain *domain, Part *part)
{
        Serial *serial = part->data;
        int r;

        serial->type = SERIAL_UNSAID;
        r = read_target(domain, part, serial);
        return r < 0 ? r : chardev_read(domain, part->element, "type", chardev_plain, &serial->chardev);
}

/* --- what it is ---------------------------------------------------------------------------------- */

static SerialType default_type(const Domain *domain, const Part *part)
{
        const char *arch = os_arch(domain);

        switch (part->place.type) {
        case PLACE_PCI:
                return SERIAL_PCI;
        case PLACE_USB:
                return SERIAL_USB;
        case PLACE_SPAPR_VIO:
                return SERIAL_SPAPR;
        case PLACE_ISA:
                return SERIAL_ISA;
        default:
                break;
        }
        if (os_is_x86(domain))
                return SERIAL_ISA;
        return streq(arch, "ppc64") ? SERIAL_SPAPR : SERIAL_SYSTEM;
}

static const char *system_model(const Domain *domain)
{
        return startswith(os_arch(domain), "riscv") || startswith(os_arch(domain), "loongarch") ? "16550a"
                                                                                                : "pl011";
}

static const char *model_of(const Domain *domain, SerialType type)
{
        return type == SERIAL_SYSTEM ? system_model(domain) : models[type];
}

/* What the machine has of its own is there or not; the rest is a matter of the emulator's types. */
static bool fits_machine(const Domain *domain, SerialType type)
{
        PciMachine machine = os_pci_machine(domain);

        switch (type) {
        case SERIAL_ISA:
        case SERIAL_ISA_DEBUG:
                return os_is_x86(domain);
        case SERIAL_SPAPR:
                return machine == PCI_MACHINE_PSERIES;
        case SERIAL_SYSTEM:
                return !os_is_x86(domain) && machine != PCI_MACHINE_PSERIES;
        default:
                return true;
        }
}

static void check_type(Domain *domain, Part *part)
{
        const Serial *serial = part->data;
        XmlElement *target = xml_child(part->element, "target");
        const char *model = model_of(domain, serial->type);

        if (!fits_machine(domain, serial->type)) {
                xml_fault(
                        domain->xml, FAULT_ERROR, target ?: part->element, target ? "type" : NULL,
                        _("Machine type \"%s\" has no %s; remove <target>, and it gets one that the machine "
                          "has."),
                        os_machine(domain), types[serial->type]);
                return;
        }
        if (serial->type != SERIAL_SYSTEM && !domain_has_type(domain, model))
                xml_fault(
                        domain->xml, FAULT_ERROR, target ?: part->element, /* attribute= */ NULL,
                        _("%s has no device \"%s\"; take another type of <target>, or an emulator that has "
                          "it."),
                        domain_emulator_text(domain), model);
        if (serial->model && !streq(serial->model, model))
                xml_fault(domain->xml, FAULT_ERROR, xml_child(target, "model"), "name",
                          _("A port of type %s has the model \"%s\" here; give that, or remove <model>."),
                          types[serial->type], model);
}

static int want_place(Domain *domain, Part *part)
{
        const Serial *serial = part->data;

        switch (serial->type) {
        case SERIAL_PCI:
                return place_want_pci(domain, part, PCI_PLUG_CONVENTIONAL, PCI_PART_NONE,
                                      /* hotplug= */ true);
        case SERIAL_USB:
                return place_want_usb(domain, part);
        case SERIAL_SPAPR:
                return place_want_spapr_vio(domain, part, SPAPR_VTY_FIRST);
        default:
                break;
        }
        if (part->place.type == PLACE_NONE ||
            (part->place.type == PLACE_ISA && serial->type != SERIAL_SYSTEM))
                return 0;
        xml_fault(domain->xml, FAULT_ERROR, part->place.element, "type",
                  _("A port of type %s has no address of type \"%s\"; remove <address>."),
                  types[serial->type], place_type_name(part->place.type));
        return 0;
}

/* Numbers are given out over all types. */
static int64_t port_of(const Part *part, int which)
{
        const Serial *serial = part->data;

        return serial->has_port ? (int64_t)serial->port : -1;
}

static int write_target(const Domain *domain, Part *part)
{
        const Serial *serial = part->data;
        XmlElement *target, *model;
        int r;

        r = xml_ensure(part->element, "target", &target);
        if (r >= 0)
                r = xml_set(target, "type", types[serial->type]);
        if (r >= 0)
                r = xml_setf(target, "port", "%llu", (unsigned long long)serial->port);
        if (r >= 0)
                r = xml_ensure(target, "model", &model);
        return r < 0 ? r : xml_set(model, "name", model_of(domain, serial->type));
}

static int complete(Domain *domain, Part *part)
{
        Serial *serial = part->data;
        int r;

        if (serial->type == SERIAL_UNSAID)
                serial->type = default_type(domain, part);
        if (!serial->has_port)
                serial->port =
                        domain_free_number(domain, &device_serial, /* least= */ 0, port_of, /* which= */ 0);
        serial->has_port = true;
        check_type(domain, part);
        r = chardev_complete(&serial->chardev, "type");
        if (r >= 0)
                r = write_target(domain, part);
        return r < 0 ? r : want_place(domain, part);
}

/* --- what is wrong only among several ------------------------------------------------------------ */

static int check(Domain *domain, Part *part)
{
        const Serial *serial = part->data;

        if (serial->type == SERIAL_ISA && serial->port >= ISA_PORTS_MAX)
                xml_fault(domain->xml, FAULT_ERROR, part->element, /* attribute= */ NULL,
                          _("A PC has %d ISA serial ports, 0 to %d; give this one <target "
                            "type='pci-serial'/>."),
                          ISA_PORTS_MAX, ISA_PORTS_MAX - 1);
        for (Part *other = NULL; (other = domain_next(domain, &device_serial, other)) && other != part;) {
                const Serial *before = other->data;

                if (before->port == serial->port)
                        xml_fault(domain->xml, FAULT_ERROR, part->element, /* attribute= */ NULL,
                                  _("Two serial ports have number %llu; give one of them another <target "
                                    "port=…>."),
                                  (unsigned long long)serial->port);
                if (before->type == SERIAL_SYSTEM && serial->type == SERIAL_SYSTEM)
                        xml_fault(domain->xml, FAULT_ERROR, part->element, /* attribute= */ NULL,
                                  _("The machine has one serial port of its own; give this one <target "
                                    "type='pci-serial'/>."));
        }
        return 0;
}

/* --- the plan ------------------------------------------------------------------------------------ */

static int plan_system(Plan *plan, const char *chardev)
{
        CLEANUP(free) char *argument = text_format("chardev:%s", chardev);

        return argument ? plan_option(plan, "-serial", argument) : -ENOMEM;
}

static int plan(Plan *plan, Part *part)
{
        const Serial *serial = part->data;
        CLEANUP(free) char *chardev = NULL;
        CLEANUP(json) json_object *device = NULL;
        int r;

        r = chardev_plan_alias(plan, part, &serial->chardev, &chardev);
        if (r < 0)
                return r;
        if (serial->type == SERIAL_SYSTEM)
                return plan_system(plan, chardev);
        device = json_object_new_object();
        if (!device)
                return -ENOMEM;
        r = json_add_string(device, "driver", models[serial->type]);
        if (r >= 0)
                r = json_add_string(device, "chardev", chardev);
        if (r >= 0 && serial->type == SERIAL_ISA)
                r = json_add_int(device, "index", (int64_t)serial->port);
        return r < 0 ? r : plan_device(plan, part, TAKE(device));
}

static void clear(Part *part)
{
        Serial *serial = part->data;

        free(serial->model);
        chardev_clear(&serial->chardev);
}

const PartKind device_serial = {
        .name = "serial",
        .alias = "serial",
        .flags = PART_ADDRESS,
        .places = 1 << PLACE_ISA | 1 << PLACE_PCI | 1 << PLACE_USB | 1 << PLACE_SPAPR_VIO,
        .size = sizeof(Serial),
        .read = read_serial,
        .complete = complete,
        .check = check,
        .plan = plan,
        .clear = clear,
};
