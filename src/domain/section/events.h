/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* <on_poweroff>, <on_reboot>, <on_crash>, <on_lockfailure>: what becomes of a domain that stops. */

#include "domain/part.h"

extern const PartKind section_events;
