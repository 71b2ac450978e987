/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* <qemu:commandline> and its like: the user's own words to the emulator. */

#include "domain/plan.h"

extern const PartKind section_qemu;

#define QEMU_NAMESPACE "http://libvirt.org/schemas/domain/qemu/1.0"

/* What <qemu:capabilities> says of a feature, by libvirt's name or muster's own: 1 or 0; -1: nothing. */
int qemu_forced(const Domain *domain, const char *feature);

/* Whether <qemu:commandline> adds a -device that is no JSON. The emulator makes those first (QEMU 6.2 and
 * newer), so that they would take the places of ours if ours were JSON. */
bool qemu_adds_devices(const Domain *domain);

/* Changes the properties of a device as <qemu:override> says for its alias. */
int qemu_override(Plan *plan, const Part *part, json_object *properties);

/* The arguments of <qemu:commandline>, for the end of the argv. */
int qemu_plan_last(Plan *plan);
