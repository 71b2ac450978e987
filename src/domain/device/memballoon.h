/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* <memballoon>: virtio-balloon; one is implied where libvirt does, unless model='none' says that there is
 * none. */

#include "domain/part.h"

extern const PartKind device_memballoon;
