/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* <lease>: refused, since muster has no lock manager. */

#include "domain/part.h"

extern const PartKind device_lease;
