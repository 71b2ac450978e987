/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The settings of <audio>: audio-backend.c has a table of each backend's. */

#include "domain/domain.h"

typedef struct Audio {
        const char *driver; /* -audiodev's word */
        uint64_t id;
        json_object *settings; /* what goes into -audiodev besides "id" and "driver" */
} Audio;

/* Reads type and settings; audio->driver is NULL if the type makes no sense. */
int audio_read_backend(Domain *domain, Part *part, Audio *audio);
