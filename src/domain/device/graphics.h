/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* <graphics>: VNC, SPICE, SDL, egl-headless, D-Bus. */

#include "domain/part.h"

extern const PartKind device_graphics;

bool graphics_any(const Domain *domain);   /* other than egl-headless */
bool graphics_spice(const Domain *domain); /* so that spicevmc channels have a server */
bool graphics_gl(const Domain *domain);    /* one of them renders with OpenGL */
