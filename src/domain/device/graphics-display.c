/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/device/graphics-private.h"

/* What -display may be besides none: a window by SDL, OpenGL without one, D-Bus. */

static const struct {
        const char *type, *feature, *since;
} displays[_GRAPHICS_TYPES] = {
        [GRAPHICS_SDL] = {"sdl", "display-sdl", "3.1"},
        [GRAPHICS_EGL_HEADLESS] = {"egl-headless", "display-egl-headless", "3.1"},
        [GRAPHICS_DBUS] = {"dbus", "display-dbus", "7.0"},
};

static int add_gl(Plan *plan, const Part *part, json_object *display)
{
        const Graphics *graphics = graphics_of(part);
        int r = 0;

        if (graphics->gl >= 0)
                r = json_add_string(display, "gl", graphics->gl > 0 ? "on" : "off");
        if (r < 0 || !graphics->rendernode)
                return r;
        if (graphics->type == GRAPHICS_EGL_HEADLESS &&
            !plan_has(plan, part, "display-egl-headless-rendernode", NULL, NULL, NULL))
                plan_fault(plan, part->element, /* attribute= */ NULL,
                           _("%s chooses the GPU that it renders with by itself; remove rendernode."),
                           domain_emulator_text(plan->domain));
        return json_add_string(display, "rendernode", graphics->rendernode);
}

static int add_dbus(Plan *plan, const Part *part, json_object *display)
{
        const Graphics *graphics = graphics_of(part);
        int r = 0;

        if (graphics->dbus_address)
                r = json_add_string(display, "addr", graphics->dbus_address);
        if (r >= 0 && graphics->p2p)
                r = json_add_bool(display, "p2p", true);
        /* Any other audio backend than its own makes it refuse to start. */
        if (r >= 0 && graphics->audio > 0)
                r = graphics_plan_audio(plan, part, display);
        return r;
}

int graphics_plan_display(Plan *plan, Part *part)
{
        const Graphics *graphics = graphics_of(part);
        CLEANUP(json) json_object *display = json_object_new_object();
        int r;

        if (!display || json_add_string(display, "type", displays[graphics->type].type) < 0)
                return -ENOMEM;
        if (!plan_has(plan, part, displays[graphics->type].feature, NULL, NULL, NULL)) {
                plan_fault(plan, part->element, "type",
                           _("%s has no display of type \"%s\": it is not in query-display-options (QEMU %s "
                             "or newer, if built with it); take vnc, or another emulator."),
                           domain_emulator_text(plan->domain), displays[graphics->type].type,
                           displays[graphics->type].since);
                return 0;
        }
        r = add_gl(plan, part, display);
        if (r >= 0 && graphics->fullscreen)
                r = json_add_bool(display, "full-screen", true);
        if (r >= 0 && graphics->type == GRAPHICS_DBUS)
                r = add_dbus(plan, part, display);
        return r < 0 ? r : plan_properties(plan, part, "-display", TAKE(display));
}
