/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* <channel>: a named port of virtio-serial: the guest agent's, the spice agent's. */

#include "domain/part.h"

extern const PartKind device_channel;
