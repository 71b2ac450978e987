/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* <audio>: a backend for sound on the host; one is implied for those who need it. */

#include "domain/part.h"

extern const PartKind device_audio;

/* "audio1" for <audio id=1>, the first one for 0; NULL: there is none of this ID. Borrowed. From `check` on.
 */
const char *audio_id(const Domain *domain, unsigned id);
