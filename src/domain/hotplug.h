/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Devices that come and go while the guest runs: from the live definition and one device to the steps that
 * carry it out (block/step.h) and the definition as it is afterwards. Pure, as all of this layer.
 *
 * A live definition is one that was completed, with every address in it and, since an alias is an ID in the
 * emulator and must not move when another device goes, every alias: live_definition() makes it of the domain
 * that was started.
 *
 * Whatever is wrong is a MusterError: its message is the first sentence, its detail all faults, one a line.
 */

#include "domain/chain.h"
#include "domain/host.h"

/* The canonical text of a completed domain with <alias> in every device that has one; to free(). */
int live_definition(Domain *domain, char **ret_xml);

/*
 * The same text with <target dev=…> of interfaces as the host has named its devices: {"net0": "vnet3"}, by
 * alias; to free().
 */
int live_name_targets(const char *xml, size_t size, const json_object *names, char **ret_xml,
                      MusterError **ret_error);

typedef struct LiveDomain {
        const char *xml;
        size_t size;
        MusterVerdicts *verdicts;
        const DomainHost *host;
        json_object *chains; /* what chains_of_plan() made and operations changed; NULL: none were kept */
        bool evidence;       /* whether it is wanted in decisions */
} LiveDomain;

typedef struct DeviceChange {
        char *xml;          /* the live definition afterwards */
        char *device;       /* the element as it is there, or as it was */
        char *alias;        /* its own; of an attached device the one that it got */
        json_object *steps; /* block/step.h, in order */
        json_object *files; /* Plan's: to prepare before the steps */
        json_object
                *processes; /* Plan's: to start before the steps; those of an attached device end with it */
        json_object *fds;
        json_object *affinity;
        json_object *decisions;
        json_object *warnings; /* array of sentences */
        char *disk;            /* target of a disk; NULL: it is none */
        json_object *chain;    /* its chain afterwards; NULL: it is gone, or an empty drive */
} DeviceChange;

DeviceChange *device_change_free(DeviceChange *change);
json_object *device_change_to_json(const DeviceChange *change);

/*
 * `device` is the XML text of one device. It gets a free address and an alias, and controllers that it needs
 * are added before it, where they can be (a SCSI controller; behind PCI Express nothing more than the root
 * ports that were there as the guest started).
 *
 * -EINVAL: the definition's fault (its target, alias or address is taken, …); -EOPNOTSUPP: such a
 * device cannot be added to a running guest; -ENOSPC: no free place that can be plugged.
 */
int device_attach(const LiveDomain *live, const char *device, size_t size, DeviceChange **ret,
                  MusterError **ret_error);

/*
 * `which`: an alias ("net1"), a target ("vdb"; of an interface its host device, "vnet1"), an interface's MAC
 * address, or a device's XML, of which alias, target, MAC, address or source must single one out. The first
 * step is device_del, which asks the guest and waits for DEVICE_DELETED; all that comes after is the host's
 * side. -ENOENT, -ENOTUNIQ, -EOPNOTSUPP.
 */
int device_detach(const LiveDomain *live, const char *which, DeviceChange **ret, MusterError **ret_error);

/*
 * Another medium for a CD-ROM or floppy drive. `source`: the XML of the <disk> as it should be, of which
 * <source>, <driver>, <readonly> and <backingStore> are taken, or NULL: the drive is emptied. A guest that
 * holds the tray locked is overruled with `force` only; else the first step fails while it does.
 */
int device_change_media(const LiveDomain *live, const char *which, const char *source, size_t size,
                        bool force, DeviceChange **ret, MusterError **ret_error);

/*
 * The same on a definition that does not run: text to text, read and judged without an emulator. An attached
 * device stays as it was given. To free().
 */
int definition_attach(const char *xml, size_t size, const char *device, size_t device_size, char **ret_xml,
                      MusterError **ret_error);
int definition_detach(const char *xml, size_t size, const char *which, char **ret_xml,
                      MusterError **ret_error);
int definition_change_media(const char *xml, size_t size, const char *which, const char *source,
                            size_t source_size, char **ret_xml, MusterError **ret_error);

DEFINE_CLEANUP(DeviceChange, device_change_free);
