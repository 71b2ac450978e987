/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What all virtio devices have in common. */

#include "domain/plan.h"

typedef enum VirtioModel {
        VIRTIO_PLAIN, /* "virtio": whatever the bus makes of it */
        VIRTIO_TRANSITIONAL,
        VIRTIO_NON_TRANSITIONAL,
} VirtioModel;

/* Members of <driver iommu= ats= packed= page_per_vq=>; -1: not said. */
typedef struct VirtioOptions {
        int iommu, ats, packed, page_per_vq;
} VirtioOptions;

/* "virtio", "virtio-transitional", "virtio-non-transitional" -> model; -EINVAL. */
int virtio_model_parse(const char *name, VirtioModel *ret);

/* Reads them off `driver` (NULL: none there). */
void virtio_read(Domain *domain, XmlElement *driver, VirtioOptions *ret);

/* In `complete`: PCI, or MMIO where the machine has no PCI (Arm's virt with an address of that type,
 * microvm). */
int virtio_want_place(Domain *domain, Part *part, VirtioModel model, bool hotplug);

/*
 * A new object of properties for `-device`, with "driver" ("virtio-rng" -> "virtio-rng-pci-transitional",
 * "virtio-rng-device") and the options; a fault where the emulator has no such type. NULL then, or when out
 * of memory (*ret_r).
 */
json_object *virtio_device(Plan *plan, const Part *part, const char *name, VirtioModel model,
                           const VirtioOptions *options, int *ret_r);

/* The same for a type whose name says its bus already: "virtio-vga". NULL: out of memory. */
json_object *virtio_device_of(const char *type, const VirtioOptions *options);
