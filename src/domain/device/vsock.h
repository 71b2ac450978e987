/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* <vsock>: sockets between guest and host, by context ID. */

#include "domain/part.h"

extern const PartKind device_vsock;
