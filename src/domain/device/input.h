/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* <input>: mouse, tablet, keyboard; a PC has a mouse and a keyboard of its own, which are written down. */

#include "domain/part.h"

extern const PartKind device_input;
