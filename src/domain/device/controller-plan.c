/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/device/controller-private.h"
#include "domain/section/os.h"

/*
 * A bus must be there before what is plugged into it, and QEMU makes devices in the order of its arguments:
 * so all controllers are planned at the first one, PCI from the root outwards, USB's masters before their
 * companions, and CCID, which is a USB device, last. Otherwise they stay in the order of the definition.
 */

static int add_positive(json_object *device, const char *name, uint64_t value)
{
        return value > 0 ? json_add_int(device, name, (int64_t)value) : 0;
}

static int add_given(json_object *device, const char *name, int value)
{
        return value >= 0 ? json_add_int(device, name, value) : 0;
}

static int add_flag(json_object *device, const char *name, int value)
{
        return value >= 0 ? json_add_bool(device, name, value != 0) : 0;
}

static json_object *new_device(const char *driver)
{
        CLEANUP(json) json_object *device = json_object_new_object();

        return device && json_add_string(device, "driver", driver) >= 0 ? TAKE(device) : NULL;
}

/* --- PCI ----------------------------------------------------------------------------------------- */

static int plan_hole(Plan *plan, const Part *part)
{
        const Controller *controller = part->data;
        PciMachine machine = os_pci_machine(plan->domain);
        const char *bridge = machine == PCI_MACHINE_Q35      ? "q35-pcihost"
                             : machine == PCI_MACHINE_I440FX ? "i440FX-pcihost"
                                                             : NULL;
        CLEANUP(free) char *text = NULL;

        if (!controller->target.has_hole)
                return 0;
        if (!bridge) {
                plan_fault(plan, xml_child(part->element, "pcihole64"), /* attribute= */ NULL,
                           _("Only the host bridges of pc and q35 have a 64-bit window whose size can be "
                             "given; remove <pcihole64>."));
                return 0;
        }
        text = text_format("%s.pci-hole64-size=%lluK", bridge, (unsigned long long)controller->target.hole);
        return text ? plan_option(plan, "-global", text) : -ENOMEM;
}

static bool can_switch_hotplug(Plan *plan, const Part *part)
{
        const Controller *controller = part->data;

        if (controller->target.hotplug < 0)
                return false;
        if (plan_has(plan, part, "pcie-root-port-hotplug", /* driver= */ NULL,
                     _("the port is told whether it takes devices while the guest runs"), NULL))
                return true;
        if (controller->target.hotplug == 0)
                plan_fault(plan, xml_child(part->element, "target"), "hotplug",
                           _("%s cannot switch off the hotplug of a port; remove hotplug='off', or take "
                             "QEMU 5.0 or newer."),
                           domain_emulator_text(plan->domain));
        return false;
}

static int add_target(Plan *plan, const Part *part, json_object *device)
{
        const Controller *controller = part->data;
        const ControllerTarget *target = &controller->target;
        int r;

        r = add_given(device, "port", target->port);
        if (r >= 0)
                r = add_given(device, "chassis", target->chassis);
        if (r >= 0)
                r = add_given(device, "chassis_nr", target->chassis_nr);
        if (r >= 0)
                r = add_given(device, "bus_nr", target->bus_nr);
        if (r >= 0)
                r = add_given(device, "numa_node", target->node);
        if (r >= 0)
                r = add_given(device, "index", target->index);
        if (r >= 0 && can_switch_hotplug(plan, part))
                r = json_add_bool(device, "hotplug", target->hotplug != 0);
        return r;
}

static int plan_pci_controller(Plan *plan, const Part *part)
{
        const Controller *controller = part->data;
        const char *driver = controller->target.driver ?: controller->model->driver;
        CLEANUP(json) json_object *device = NULL;
        int r;

        if (controller->index == 0)
                return plan_hole(plan, part);
        device = new_device(driver ?: "spapr-pci-host-bridge");
        if (!device)
                return -ENOMEM;
        r = add_target(plan, part, device);
        return r < 0 ? r : plan_device(plan, part, TAKE(device));
}

/* How many bridges are between it and a host bridge. */
static unsigned depth_of(const Domain *domain, const Part *part)
{
        unsigned depth = 0;

        while (part && part->place.type == PLACE_PCI && depth < PCI_BUSES_MAX) {
                part = controller_get(domain, CONTROLLER_PCI, part->place.pci.address.bus);
                depth++;
        }
        return depth;
}

/* --- the others ---------------------------------------------------------------------------------- */

static int add_driver(const Controller *controller, json_object *device)
{
        const ControllerDriver *driver = &controller->driver;
        CLEANUP(free) char *iothread = NULL;
        int r = 0;

        if (driver->iothread > 0) {
                iothread = text_format("iothread%llu", (unsigned long long)driver->iothread);
                r = iothread ? json_add_string(device, "iothread", iothread) : -ENOMEM;
        }
        if (r >= 0)
                r = add_positive(device, "num_queues", driver->queues);
        if (r >= 0)
                r = add_positive(device, "cmd_per_lun", driver->cmd_per_lun);
        if (r >= 0)
                r = add_positive(device, "max_sectors", driver->max_sectors);
        if (r >= 0)
                r = add_flag(device, "ioeventfd", driver->ioeventfd);
        return r < 0 ? r : add_flag(device, "event_idx", driver->event_idx);
}

static int plan_virtio(Plan *plan, const Part *part)
{
        const Controller *controller = part->data;
        CLEANUP(json) json_object *device = NULL;
        int r;

        device = virtio_device(plan, part, controller->model->driver, controller->model->flavour,
                               &controller->driver.virtio, &r);
        if (!device)
                return r;
        if (controller->type == CONTROLLER_VIRTIO_SERIAL)
                r = add_given(device, "max_ports", controller->ports);
        if (r >= 0)
                r = add_given(device, "vectors", controller->vectors);
        if (r >= 0)
                r = add_driver(controller, device);
        return r < 0 ? r : plan_device(plan, part, TAKE(device));
}

static int add_usb(const Domain *domain, const Controller *controller, json_object *device)
{
        CLEANUP(free) char *master = NULL;
        int r;

        if (controller->type != CONTROLLER_USB)
                return 0;
        if (controller->ports >= 0) {
                r = json_add_int(device, "p2", controller->ports);
                return r < 0 ? r : json_add_int(device, "p3", controller->ports);
        }
        if (controller->start_port < 0)
                return 0;
        master = controller_bus(domain, "usb", (unsigned)controller->index, 0, 0);
        if (!master)
                return -ENOMEM;
        r = json_add_string(device, "masterbus", master);
        return r < 0 ? r : json_add_int(device, "firstport", controller->start_port);
}

static int plan_one(Plan *plan, const Part *part)
{
        const Controller *controller = part->data;
        CLEANUP(json) json_object *device = NULL;
        int r;

        if (controller->type == CONTROLLER_PCI)
                return plan_pci_controller(plan, part);
        if (!controller->model->driver || controller_is_built_in(plan->domain, controller))
                return 0;
        if (controller->model->virtio)
                return plan_virtio(plan, part);
        device = new_device(controller->model->driver);
        if (!device)
                return -ENOMEM;
        r = add_usb(plan->domain, controller, device);
        return r < 0 ? r : plan_device(plan, part, TAKE(device));
}

static bool is_behind_hub(const Part *part)
{
        const Controller *controller = part->data;

        return controller->type == CONTROLLER_CCID && strchr(part->place.usb_port, '.');
}

/* What is planned one step later than others of its type. */
static unsigned step_of(const Domain *domain, const Part *part)
{
        const Controller *controller = part->data;

        if (controller->type == CONTROLLER_PCI)
                return depth_of(domain, part);
        return controller_is_companion(controller);
}

static int plan_type(Plan *plan, ControllerType type)
{
        unsigned last = 0;
        int r = 0;

        for (unsigned step = 0; step <= last; step++)
                for (Part *part = NULL; r >= 0 && (part = controller_next(plan->domain, type, part));) {
                        unsigned own = step_of(plan->domain, part);

                        last = own > last ? own : last;
                        if (own == step && !is_behind_hub(part))
                                r = plan_one(plan, part);
                }
        return r;
}

int controller_plan(Plan *plan, Part *part)
{
        int r = 0;

        /* One at a time, in their order: what others are plugged into runs already. */
        if (plan->additions)
                return plan_one(plan, part);
        if (part != domain_next(plan->domain, &device_controller, NULL))
                return 0;
        for (ControllerType type = 0; r >= 0 && type < _CONTROLLER_TYPES; type++)
                r = plan_type(plan, type);
        return r;
}

int controller_plan_behind_hubs(Plan *plan)
{
        int r = 0;

        for (Part *part = NULL; r >= 0 && (part = controller_next(plan->domain, CONTROLLER_CCID, part));)
                if (is_behind_hub(part))
                        r = plan_one(plan, part);
        return r;
}
