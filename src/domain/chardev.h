/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Character devices of the host: what <serial>, <console>, <channel>, <redirdev>, <smartcard>, <rng
 * model='egd'> and vhost-user interfaces have as their other end. One reader, one writer for all types: pty,
 * file, dev, pipe, unix, tcp, udp, null, stdio, vc, spicevmc, spiceport, dbus, qemu-vdagent, nmdm.
 */

#include "domain/plan.h"

typedef struct Chardev {
        int type; /* of chardev-private.h's list */
        XmlElement *element;
        struct ChardevSource *source;
} Chardev;

/* For `allowed`: what makes sense behind a port of any kind, so neither spicevmc nor qemu-vdagent. */
extern const char *const chardev_plain[];

/*
 * Reads `element` (its attribute `attribute`, "type" or "mode", says which; its <source>, <protocol>, <log>,
 * <target>'s are the caller's). `allowed`: NULL for all types, or a NULL-terminated list; a type that is not
 * given is "pty" if that is the first of them, else a fault.
 */
int chardev_read(Domain *domain, XmlElement *element, const char *attribute, const char *const *allowed,
                 Chardev *ret);

/* In `complete`: writes the defaults of type, mode and protocol into the XML. Not needed for a plan. */
int chardev_complete(const Chardev *chardev, const char *attribute);

/*
 * "-chardev" of this ID. Where a unix source has no path it is a socket of the domain's own in its run
 * directory, where the emulator listens: `file`, or if that is NULL the part's alias with ".sock".
 */
int chardev_plan(Plan *plan, Part *part, const Chardev *chardev, const char *id, const char *file);

/* The same, called "char" and the part's alias as libvirt does. The ID is to free(). */
int chardev_plan_alias(Plan *plan, Part *part, const Chardev *chardev, char **ret_id);

const char *chardev_type(const Chardev *chardev); /* "pty" */

/* Whether `twin` says nothing that `element` does not say as well: type, <source>, <protocol>, <log>. */
bool chardev_agrees(XmlElement *element, XmlElement *twin);

/* Makes all of that in `twin` what it is in `element`. */
int chardev_copy(XmlElement *element, XmlElement *twin);

/*
 * A socket's path may have 107 bytes. Returns whether it is short enough; else a fault of the element is
 * reported.
 */
bool chardev_check_socket(Domain *domain, const XmlElement *element, const char *path);

void chardev_clear(Chardev *chardev);
