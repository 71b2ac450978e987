/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What muster needs of every emulator, and no definition says: the directory of its sockets, QMP there, and
 * a guest that waits for "cont". */

#include "domain/part.h"

extern const PartKind section_monitor;
