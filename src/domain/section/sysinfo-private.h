/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A type of SMBIOS tables: what <sysinfo> has of it, and where Linux shows the host's own. */

#include "domain/plan.h"

#define SYSINFO_NAMES_MAX 8

typedef struct SysinfoGroup {
        const char *name; /* the element */
        int type;
        const char *names[SYSINFO_NAMES_MAX]; /* of entries, and -smbios's own; ends with NULL */
        const char *files[SYSINFO_NAMES_MAX]; /* below /sys/class/dmi/id, one for each name; NULL: none */
} SysinfoGroup;

extern const SysinfoGroup sysinfo_groups[]; /* ends with a NULL name */

/* The tables of this host: sysinfo-host.c. */
int sysinfo_plan_host(Plan *plan, const Part *part);
