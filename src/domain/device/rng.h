/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* <rng>: virtio-rng, fed from a file of the host, the emulator itself, or an EGD socket. */

#include "domain/part.h"

extern const PartKind device_rng;
