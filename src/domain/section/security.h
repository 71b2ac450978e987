/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* <seclabel>: how the domain is confined. */

#include "domain/part.h"

extern const PartKind section_security;
