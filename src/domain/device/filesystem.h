/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* <filesystem>: directories of the host within the guest, by virtiofs or 9p. */

#include "domain/part.h"

extern const PartKind device_filesystem;
