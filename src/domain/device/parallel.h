/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* <parallel>: printer ports, which are on an ISA bus. */

#include "domain/part.h"

extern const PartKind device_parallel;
