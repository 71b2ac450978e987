/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/device/controller.h"

#include "base/util.h"
#include "domain/device/controller-private.h"
#include "domain/section/os.h"
#include "domain/value.h"

/* What others ask of controllers: which there are, and what their buses are called. */

static const char *const types[] = {
        [CONTROLLER_PCI] = "pci", [CONTROLLER_USB] = "usb",   [CONTROLLER_SCSI] = "scsi",
        [CONTROLLER_IDE] = "ide", [CONTROLLER_SATA] = "sata", [CONTROLLER_VIRTIO_SERIAL] = "virtio-serial",
        [CONTROLLER_FDC] = "fdc", [CONTROLLER_CCID] = "ccid", NULL,
};

const char *controller_type_name(ControllerType type)
{
        return types[type];
}

Controller *controller_of(const Part *part)
{
        Controller *controller = part->kind == &device_controller ? part->data : NULL;

        return controller && controller->type < _CONTROLLER_TYPES ? controller : NULL;
}

bool controller_is_companion(const Controller *controller)
{
        return controller->type == CONTROLLER_USB && controller->start_port >= 0;
}

Part *controller_next(const Domain *domain, ControllerType type, const Part *last)
{
        for (Part *part = domain_next(domain, &device_controller, last); part;
             part = domain_next(domain, &device_controller, part)) {
                const Controller *controller = controller_of(part);

                if (controller && controller->type == type)
                        return part;
        }
        return NULL;
}

Part *controller_get(const Domain *domain, ControllerType type, unsigned index)
{
        for (size_t i = 0; i < domain->n_devices; i++) {
                const Controller *controller = controller_of(domain->devices[i]);

                if (controller && controller->type == type && controller->index == (int)index &&
                    !controller_is_companion(controller))
                        return domain->devices[i];
        }
        return NULL;
}

Part *controller_find(const Domain *domain, const char *type, unsigned index)
{
        int found = value_word(type, types);

        return found < 0 ? NULL : controller_get(domain, (ControllerType)found, index);
}

bool controller_is_built_in(const Domain *domain, const Controller *controller)
{
        PciMachine machine = os_pci_machine(domain);

        if (controller->index != 0)
                return false;
        switch (controller->type) {
        case CONTROLLER_PCI:
                return true;
        case CONTROLLER_IDE:
        case CONTROLLER_FDC:
                return machine == PCI_MACHINE_I440FX;
        case CONTROLLER_SATA:
                return machine == PCI_MACHINE_Q35;
        default:
                return false;
        }
}

/* A bridge's bus is called what the bridge is called; only host bridges have names of their own for it. */
static char *pci_bus(const Domain *domain, const Part *part)
{
        const Controller *controller = part->data;

        if (controller->index == 0)
                return text_format("%s.0", controller->pci == PCI_MODEL_PCIE_ROOT ? "pcie" : "pci");
        return text_format(controller->pci == PCI_MODEL_PCI_ROOT ? "%s.0" : "%s", part->alias);
}

char *controller_bus(const Domain *domain, const char *type, unsigned index, unsigned bus, unsigned unit)
{
        const Part *part = controller_find(domain, type, index);
        const Controller *controller = part ? part->data : NULL;

        if (!controller || (!part->alias && !controller_is_built_in(domain, controller)))
                return NULL;
        switch (controller->type) {
        case CONTROLLER_PCI:
                return pci_bus(domain, part);
        case CONTROLLER_IDE:
                return text_format("ide.%u", bus);
        case CONTROLLER_SATA:
                return controller_is_built_in(domain, controller) ? text_format("ide.%u", unit)
                                                                  : text_format("%s.%u", part->alias, unit);
        default:
                return text_format("%s.0", part->alias);
        }
}

const char *controller_model(const Domain *domain, const char *type, unsigned index)
{
        int found = value_word(type, types);
        const Part *part = found < 0 ? NULL : controller_get(domain, (ControllerType)found, index);
        const Controller *controller = part ? part->data : NULL;
        const ControllerModel *model = NULL;

        if (controller)
                model = controller->model;
        else if (found >= 0)
                model = controller_default_model(domain, (ControllerType)found);
        return model && !streq(model->name, type) ? model->name : NULL;
}

const PartKind device_controller = {
        .name = "controller",
        .flags = PART_ADDRESS | PART_CARRIES,
        .places = 1 << PLACE_PCI | 1 << PLACE_USB | 1 << PLACE_VIRTIO_MMIO | 1 << PLACE_SPAPR_VIO,
        .size = sizeof(Controller),
        .read = controller_read,
        .imply = controller_imply,
        .complete = controller_complete,
        .plan = controller_plan,
};
