/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* <sysinfo>: strings for the guest's SMBIOS tables, and entries of fw_cfg. */

#include "domain/part.h"

extern const PartKind section_sysinfo;
