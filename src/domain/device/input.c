/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/device/input.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/section/os.h"
#include "domain/value.h"
#include "domain/virtio.h"

typedef enum InputType {
        INPUT_MOUSE,
        INPUT_TABLET,
        INPUT_KEYBOARD,
        INPUT_PASSTHROUGH,
        INPUT_EVDEV,
} InputType;

typedef enum InputBus {
        INPUT_BUS_PS2,
        INPUT_BUS_USB,
        INPUT_BUS_VIRTIO,
        INPUT_BUS_NONE, /* of evdev, which feeds the other devices */
} InputBus;

typedef struct Input {
        InputType type;
        InputBus bus;
        bool bus_said;
        VirtioModel model;
        VirtioOptions virtio;
        char *device;          /* of the host: passthrough's and evdev's */
        bool grab_all, repeat; /* of evdev */
        int grab_toggle;       /* index in its words; -1: not said */
} Input;

static const char *const toggles[] = {"ctrl-ctrl",  "alt-alt",         "shift-shift", "meta-meta",
                                      "scrolllock", "ctrl-scrolllock", NULL};
static const char *const buses[] = {"ps2", "usb", "virtio", NULL};

/* --- reading ------------------------------------------------------------------------------------- */

static void read_evdev(Domain *domain, XmlElement *source, Input *input)
{
        static const char *const grabs[] = {"all", NULL};
        int grab = -1;

        if (read_word(domain->xml, source, "grab", grabs, &grab) > 0)
                input->grab_all = true;
        read_word(domain->xml, source, "grabToggle", toggles, &input->grab_toggle);
        read_switch(domain->xml, source, "repeat", &input->repeat);
}

static int read_source(Domain *domain, Part *part)
{
        XmlElement *source = xml_child(part->element, "source");
        Input *input = part->data;
        int r = 0;

        if (source)
                r = read_text(domain->xml, source, input->type == INPUT_EVDEV ? "dev" : "evdev",
                              &input->device);
        if (r < 0)
                return r;
        if (!input->device || input->device[0] != '/')
                xml_fault(
                        domain->xml, FAULT_ERROR, source ?: part->element, /* attribute= */ NULL,
                        input->type == INPUT_EVDEV
                                ? _("Which device of the host? Give <source dev='/dev/input/by-id/…'/>.")
                                : _("Which device of the host? Give <source evdev='/dev/input/by-id/…'/>."));
        if (source && input->type == INPUT_EVDEV)
                read_evdev(domain, source, input);
        return 0;
}

static void read_model(Domain *domain, Part *part)
{
        Input *input = part->data;
        const char *model = xml_attribute(part->element, "model");

        if (model && virtio_model_parse(model, &input->model) < 0)
                xml_fault(domain->xml, FAULT_ERROR, part->element, "model",
                          _("There is no <input> of model \"%s\"; virtio, virtio-transitional and "
                            "virtio-non-transitional there are."),
                          model);
        virtio_read(domain, xml_child(part->element, "driver"), &input->virtio);
}

static int read_input(Domain *domain, Part *part)
{
        static const char *const types[] = {"mouse", "tablet", "keyboard", "passthrough", "evdev", NULL};
        Input *input = part->data;
        int type = INPUT_MOUSE, bus = INPUT_BUS_USB;

        input->grab_toggle = -1;
        if (read_word(domain->xml, part->element, "type", types, &type) == 0)
                xml_fault(domain->xml, FAULT_ERROR, part->element, "type",
                          _("What is it? Give type='tablet', mouse, keyboard, passthrough or evdev."));
        input->type = (InputType)type;
        if (type != INPUT_EVDEV)
                input->bus_said = read_word(domain->xml, part->element, "bus", buses, &bus) > 0;
        input->bus = type == INPUT_EVDEV ? INPUT_BUS_NONE : (InputBus)bus;
        if (input->bus == INPUT_BUS_VIRTIO || (type == INPUT_PASSTHROUGH && !input->bus_said))
                read_model(domain, part);
        return type >= INPUT_PASSTHROUGH ? read_source(domain, part) : 0;
}

/* --- completing ---------------------------------------------------------------------------------- */

static bool has_ps2(const Domain *domain, InputType type)
{
        for (Part *part = NULL; (part = domain_next(domain, &device_input, part));) {
                const Input *input = part->data;

                if (input->type == type &&
                    (input->bus_said ? input->bus == INPUT_BUS_PS2 : os_is_x86(domain)))
                        return true;
        }
        return false;
}

static int add_ps2(Domain *domain, InputType type, const char *name)
{
        XmlElement *element;
        int r;

        if (has_ps2(domain, type))
                return 0;
        r = domain_new_element(domain, "input", &element);
        if (r >= 0)
                r = xml_set(element, "type", name);
        if (r >= 0)
                r = xml_set(element, "bus", "ps2");
        return r < 0 ? r : domain_add_device(domain, element, /* ret= */ NULL);
}

static int imply(Domain *domain)
{
        int r;

        if (!os_is_x86(domain) || startswith(os_machine(domain), "microvm"))
                return 0;
        r = add_ps2(domain, INPUT_MOUSE, "mouse");
        return r < 0 ? r : add_ps2(domain, INPUT_KEYBOARD, "keyboard");
}

static InputBus default_bus(const Domain *domain, const Input *input)
{
        if (input->type == INPUT_PASSTHROUGH)
                return INPUT_BUS_VIRTIO;
        return os_is_x86(domain) && input->type != INPUT_TABLET ? INPUT_BUS_PS2 : INPUT_BUS_USB;
}

static void check_ps2(Domain *domain, Part *part)
{
        const Input *input = part->data;

        if (!os_is_x86(domain))
                xml_fault(domain->xml, FAULT_ERROR, part->element, "bus",
                          _("Only PCs have PS/2; give bus='usb' or bus='virtio'."));
        else if (input->type != INPUT_MOUSE && input->type != INPUT_KEYBOARD)
                xml_fault(domain->xml, FAULT_ERROR, part->element, "bus",
                          _("Only a mouse and a keyboard are on PS/2; give bus='usb' or bus='virtio'."));
        for (Part *other = NULL; (other = domain_next(domain, &device_input, other)) && other != part;) {
                const Input *that = other->data;

                if (that->bus == INPUT_BUS_PS2 && that->type == input->type)
                        xml_fault(domain->xml, FAULT_ERROR, part->element, "bus",
                                  _("A PC has one such device on PS/2; give bus='usb', or keep one."));
        }
}

static int complete(Domain *domain, Part *part)
{
        Input *input = part->data;

        if (input->bus == INPUT_BUS_NONE)
                return 0;
        if (!input->bus_said)
                input->bus = default_bus(domain, input);
        input->bus_said = true;
        if (xml_set(part->element, "bus", buses[input->bus]) < 0)
                return -ENOMEM;
        if (input->bus == INPUT_BUS_PS2) {
                check_ps2(domain, part);
                return 0;
        }
        if (input->bus == INPUT_BUS_VIRTIO)
                return virtio_want_place(domain, part, input->model, /* hotplug= */ true);
        if (input->type == INPUT_PASSTHROUGH) {
                xml_fault(domain->xml, FAULT_ERROR, part->element, "bus",
                          _("A device of the host is passed through on bus='virtio' only."));
                return 0;
        }
        return place_want_usb(domain, part);
}

/* --- planning ------------------------------------------------------------------------------------ */

static int plan_evdev(Plan *plan, const Part *part)
{
        const Input *input = part->data;
        CLEANUP(json) json_object *object = json_object_new_object();
        int r;

        r = object ? json_add_string(object, "evdev", input->device) : -ENOMEM;
        if (r >= 0 && input->repeat)
                r = json_add_bool(object, "repeat", true);
        if (r >= 0 && input->grab_all)
                r = json_add_bool(object, "grab_all", true);
        if (r >= 0 && input->grab_toggle >= 0)
                r = json_add_string(object, "grab-toggle", toggles[input->grab_toggle]);
        return r < 0 ? r : plan_object(plan, part, "input-linux", part->alias, TAKE(object));
}

static int plan_virtio(Plan *plan, const Part *part)
{
        static const char *const names[] = {"virtio-mouse", "virtio-tablet", "virtio-keyboard",
                                            "virtio-input-host"};
        const Input *input = part->data;
        CLEANUP(json) json_object *device = NULL;
        int r;

        device = virtio_device(plan, part, names[input->type], input->model, &input->virtio, &r);
        if (!device)
                return r;
        if (input->type == INPUT_PASSTHROUGH)
                r = json_add_string(device, "evdev", input->device);
        return r < 0 ? r : plan_device(plan, part, TAKE(device));
}

static int plan_usb(Plan *plan, const Part *part)
{
        static const char *const names[] = {"usb-mouse", "usb-tablet", "usb-kbd"};
        const char *driver = names[((const Input *)part->data)->type];
        CLEANUP(json) json_object *device = json_object_new_object();

        if (!device || json_add_string(device, "driver", driver) < 0)
                return -ENOMEM;
        if (domain_has_type(plan->domain, driver))
                return plan_device(plan, part, TAKE(device));
        plan_fault(plan, part->element, "bus",
                   _("%s has no device '%s'; take another bus, or another emulator."),
                   domain_emulator_text(plan->domain), driver);
        return 0;
}

static int plan(Plan *plan, Part *part)
{
        const Input *input = part->data;
        int r;

        if (input->device) {
                r = plan_file(plan, PLAN_FILE_EXISTS, input->device, /* from= */ NULL,
                              _("a device that the guest's input comes from"));
                if (r < 0)
                        return r;
        }
        switch (input->bus) {
        case INPUT_BUS_NONE:
                return plan_evdev(plan, part);
        case INPUT_BUS_USB:
                return plan_usb(plan, part);
        case INPUT_BUS_VIRTIO:
                return plan_virtio(plan, part);
        case INPUT_BUS_PS2:
                return 0; /* the machine has it */
        }
        return 0;
}

static void clear(Part *part)
{
        Input *input = part->data;

        free(input->device);
}

const PartKind device_input = {
        .name = "input",
        .alias = "input",
        .flags = PART_ADDRESS,
        .places = 1 << PLACE_PCI | 1 << PLACE_USB | 1 << PLACE_VIRTIO_MMIO,
        .size = sizeof(Input),
        .read = read_input,
        .imply = imply,
        .complete = complete,
        .plan = plan,
        .clear = clear,
};
