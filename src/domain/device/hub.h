/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* <hub>: eight more USB ports. */

#include "domain/part.h"

#define HUB_PORTS 8

extern const PartKind device_hub;

/* One more, to be given a port. */
int hub_add(Domain *domain);
