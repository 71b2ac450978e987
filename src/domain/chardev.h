/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Character devices of the host: what <serial>, <console>, <channel>, <redirdev>, <smartcard>, <rng
 * model='egd'> and vhost-user interfaces have as their other end. One reader, one writer for all types: pty,
 * file, dev, pipe, unix, tcp, udp, null, stdio, vc, spicevmc, spiceport, dbus, qemu-vdagent, nmdm.
 */

#include "domain/plan.h"

typedef struct Chardev {
        int type; /* of chardev.c's own list */
        XmlElement *element;
        struct ChardevSource *source;
} Chardev;

/*
 * Reads `element` (its attribute `attribute`, "type" or "mode", says which; its <source>, <protocol>, <log>,
 * <target>'s are the caller's). `allowed`: NULL for all types, or a NULL-terminated list.
 */
int chardev_read(Domain *domain, XmlElement *element, const char *attribute, const char *const *allowed,
                 Chardev *ret);

/* "-chardev" of this ID; `file` names a socket of the domain's own where a unix source has no path
 * ("channel0.sock").
 */
int chardev_plan(Plan *plan, Part *part, const Chardev *chardev, const char *id, const char *file);

const char *chardev_type(const Chardev *chardev); /* "pty" */

void chardev_clear(Chardev *chardev);
