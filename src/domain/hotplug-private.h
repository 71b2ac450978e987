/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of device changes share; hotplug.c has the essay. */

#include "block/step.h"
#include "domain/hotplug.h"

/* A definition under change, with all that was said of it. */
typedef struct Edit {
        Faults faults;
        Domain *domain;
        size_t n_before; /* devices that were there */
} Edit;

void edit_clear(Edit *edit);

static inline void cleanup_edit(Edit *edit)
{
        edit_clear(edit);
}

/* Reads the definition; -EBADMSG with a sentence if it has faults. */
int edit_read(const char *xml, size_t size, Edit *ret, MusterError **ret_error);

/* Adds a device to it, not completed. -EINVAL. */
int edit_add(Edit *edit, const char *device, size_t size, Part **ret, MusterError **ret_error);

/* Completes it as of `live`. Faults are the caller's to judge. */
int edit_complete(Edit *edit, const LiveDomain *live, MusterError **ret_error);

/* The first error as an error, all of them as its detail. */
int edit_error(const Edit *edit, int r, MusterError **ret_error);

/* <alias> of each device that has one. */
int edit_write_aliases(const Domain *domain);

/* Canonical text. */
int edit_text(Edit *edit, char **ret_xml, MusterError **ret_error);

int device_change_new(DeviceChange **ret);
/* What the plan says besides its steps, into the change. */
int device_change_take(DeviceChange *change, const Plan *plan);

/* hotplug-find.c: the element of the one device that is meant. -ENOENT, -ENOTUNIQ. */
int find_device(XmlElement *devices, const char *which, XmlElement **ret, MusterError **ret_error);
Part *part_of_element(const Domain *domain, const XmlElement *element);

/* hotplug-plug.c: -EOPNOTSUPP with what would help. */
int plug_check(const Domain *domain, const Part *part, MusterError **ret_error);
/* Whether it takes a PCI controller that is not there: -ENOSPC. */
int plug_check_implied(const Edit *edit, const Part *attached, MusterError **ret_error);

/* hotplug-steps.c: a plan's additions as steps. -EOPNOTSUPP: one is none that a running emulator takes. */
int steps_of_plan(const Plan *plan, json_object *steps, MusterError **ret_error);

/* hotplug-chardev.c: the arguments of chardev-add from the properties of -chardev. */
int chardev_arguments(const json_object *properties, json_object **ret, MusterError **ret_error);

/* hotplug-media.c: <source> and its like of `from` (NULL: none) take the place of the disk's. */
int media_replace(Edit *edit, XmlElement *disk, XmlElement *from);
/* -EINVAL: it is no drive of media. */
int media_check(XmlElement *disk, MusterError **ret_error);
