/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* <launchSecurity>, <keywrap>: encrypted guests; refused. */

#include "domain/part.h"

extern const PartKind section_launch_security;
