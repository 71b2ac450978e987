/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* <sound>: cards, with their codecs; the PC speaker is the machine's own. */

#include "domain/part.h"

extern const PartKind device_sound;

/* The audio backend of <sound model='pcspk'>, for the machine's property pcspk-audiodev; NULL: there is
 * none. Borrowed. From `check` on. */
const char *sound_pc_speaker(const Domain *domain);
