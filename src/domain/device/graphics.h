/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * <graphics>: VNC, SPICE, SDL, egl-headless, D-Bus; at most one of each, and one of the last three at all,
 * since they are what -display may be.
 *
 * Ports without a number: VNC looks for the first free one from 5900 on by itself. SPICE cannot, and a plan
 * must be one that can be started as it is; so there SPICE listens on a socket of the domain's own, which
 * the plan's files name. A definition that wants other machines to connect has to give its number.
 */

#include "domain/part.h"

extern const PartKind device_graphics;

bool graphics_any(const Domain *domain);   /* other than egl-headless */
bool graphics_spice(const Domain *domain); /* so that spicevmc channels have a server */
bool graphics_gl(const Domain *domain);    /* one of them renders with OpenGL */

/* What sound without a backend of its own goes to: "spice", "sdl", "dbus" or "none". */
const char *graphics_audio(const Domain *domain);

/* "-display none" if there is nothing to show anything on. */
int graphics_plan_none(Plan *plan);
