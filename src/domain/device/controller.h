/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* <controller>: what makes buses. PCI, USB, SCSI, SATA, IDE, floppy, virtio-serial, CCID. */

#include "domain/part.h"

extern const PartKind device_controller;

/* The controller of a type ("usb", "scsi") and index, of USB's companions the one that they serve; NULL. */
Part *controller_find(const Domain *domain, const char *type, unsigned index);

/* Its bus as -device names it: "scsi0.0", "ide.1", "pci.3", "usb.0"; `unit` is that of an IDE or SATA drive,
 * whose bus has one place only on SATA. To free(). NULL: out of memory, or there is none. */
char *controller_bus(const Domain *domain, const char *type, unsigned index, unsigned bus, unsigned unit);

/*
 * Its model, as completed ("virtio-scsi", "lsilogic", "qemu-xhci"); of one that is not there (yet) the model
 * that it would be given. NULL for types without, and where the machine can have none. Borrowed. From
 * `complete` of devices on.
 */
const char *controller_model(const Domain *domain, const char *type, unsigned index);
