/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* <shmem>: memory shared with other guests, ivshmem. */

#include "domain/part.h"

extern const PartKind device_shmem;
