/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MUSTER_MUSTER_H
#define MUSTER_MUSTER_H

/** All of libmuster. Start with muster/context.h, then muster/store.h for the facts of an emulator. */

#include <muster/blockdev.h>
#include <muster/context.h>
#include <muster/domain.h>
#include <muster/emulator.h>
#include <muster/error.h>
#include <muster/feature.h>
#include <muster/gate.h>
#include <muster/schema.h>
#include <muster/store.h>

#endif
