/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* <video>: graphics cards. One is implied if anything shows it. */

#include "domain/part.h"

extern const PartKind device_video;
