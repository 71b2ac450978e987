/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* <tpm>: emulated by swtpm, of the host, or of a server that runs already. */

#include "domain/part.h"

extern const PartKind device_tpm;
