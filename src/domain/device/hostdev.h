/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* <hostdev>: devices of the host handed to the guest: PCI, USB, mediated. */

#include "domain/part.h"

extern const PartKind device_hostdev;
