/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* <watchdog>: a card, or the chip set's own, and what is done when the guest does not feed it. */

#include "domain/part.h"

extern const PartKind device_watchdog;
