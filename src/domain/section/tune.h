/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * <cputune>, <blkiotune>, <memtune>, <resource>, <idmap>: which processors threads run on and how they are
 * scheduled is honoured; shares and limits need control groups, which muster leaves to whoever starts it.
 */

#include "domain/part.h"

extern const PartKind section_tune;
