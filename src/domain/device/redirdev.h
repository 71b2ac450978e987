/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* <redirdev>: a USB device of a client, over spice or a socket. */

#include "domain/part.h"

extern const PartKind device_redirdev;
