/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* <nvram> among devices: where pseries has its NVRAM. The firmware's file is <os><nvram>. */

#include "domain/part.h"

extern const PartKind device_nvram;
