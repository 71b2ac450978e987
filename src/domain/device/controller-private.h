/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What controllers are made of, for their own files and for the assignment of places. */

#include "domain/device/controller.h"
#include "domain/virtio.h"

typedef enum ControllerType {
        CONTROLLER_PCI,
        CONTROLLER_USB,
        CONTROLLER_SCSI,
        CONTROLLER_IDE,
        CONTROLLER_SATA,
        CONTROLLER_VIRTIO_SERIAL,
        CONTROLLER_FDC,
        CONTROLLER_CCID,
        _CONTROLLER_TYPES,
} ControllerType;

typedef struct ControllerModel {
        ControllerType type;
        const char *name;   /* libvirt's; of types without models the type's */
        const char *driver; /* QEMU's; of virtio's what virtio_device() completes; NULL: none is needed */
        const char *qom;    /* the type that the driver is another name of; NULL */
        PciPlug plug;
        VirtioModel flavour;
        unsigned ports; /* of USB: without <controller ports=…> */
        int companion;  /* of USB: 1 + the function that it has in the slot of ich9-ehci1 */
        /* Of SCSI: the highest numbers. `narrow`: a drive's unit is its SCSI ID, and there is no LUN. */
        unsigned max_channel, max_target, max_unit;
        bool narrow, virtio;
} ControllerModel;

typedef struct ControllerDriver {
        uint64_t iothread, queues, cmd_per_lun, max_sectors; /* 0: not said */
        int ioeventfd, event_idx;                            /* -1: not said */
        VirtioOptions virtio;
} ControllerDriver;

/* Of PCI controllers alone; -1: not said. */
typedef struct ControllerTarget {
        int chassis, port, chassis_nr, bus_nr, index, node, hotplug;
        const char *driver; /* QEMU's, of <model name>; NULL: not said */
        uint64_t hole;      /* <pcihole64> in KiB */
        bool has_hole;
} ControllerTarget;

typedef struct Controller {
        ControllerType type; /* _CONTROLLER_TYPES: unusable, a fault was reported */
        int index;           /* -1: not said; from `imply` on it is there */
        const ControllerModel *model;
        PciModel pci; /* of type PCI */
        int ports, vectors, start_port;
        ControllerDriver driver;
        ControllerTarget target;
} Controller;

const char *controller_type_name(ControllerType type);
const ControllerModel *controller_model_find(ControllerType type, const char *name);

/* The model where none is said; NULL: such a controller cannot be on this machine. */
const ControllerModel *controller_default_model(const Domain *domain, ControllerType type);

/* Why this machine can have none of the type, as a fault says it; NULL: it can. */
const char *controller_refusal(const Domain *domain, ControllerType type);

/* NULL: the part is no controller, or unusable. */
Controller *controller_of(const Part *part);

/* Of ich9-ehci1, whose bus it serves. */
bool controller_is_companion(const Controller *controller);

/* The next one of a type behind `last` (NULL: the first); companions too. */
Part *controller_next(const Domain *domain, ControllerType type, const Part *last);
Part *controller_get(const Domain *domain, ControllerType type, unsigned index);

/* Whether the machine has it of its own, so that no -device makes it. */
bool controller_is_built_in(const Domain *domain, const Controller *controller);

/* One more, completed; the model may be NULL. *ret is NULL if that is a fault. */
int controller_add(Domain *domain, ControllerType type, unsigned index, const char *model, Part **ret);

/* The controller of this index, and all below it as libvirt has it, are there afterwards. */
int controller_ensure(Domain *domain, ControllerType type, unsigned index);

/* The lowest index that no controller of the type has. */
int controller_free_index(const Domain *domain, ControllerType type);

/* Of a USB controller: how many ports its bus has; companions have none of their own. */
unsigned controller_usb_ports(const Controller *controller);

int controller_read(Domain *domain, Part *part);
int controller_imply(Domain *domain);
int controller_complete(Domain *domain, Part *part);

/* All of them, at the first: in the order in which one is plugged into another. */
int controller_plan(Plan *plan, Part *part);

/* CCID readers that are plugged into a hub: after the hubs. */
int controller_plan_behind_hubs(Plan *plan);
