/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/device/graphics-private.h"

#define VNC_PORT     5900
#define VNC_DISPLAYS 99 /* how many further ones are tried */

/* "127.0.0.1:0", "unix:/path", "none". */
static int add_place(Plan *plan, const Part *part, json_object *vnc)
{
        const Graphics *graphics = graphics_of(part);
        const char *address = graphics->address ?: "127.0.0.1";
        uint64_t display = graphics->port >= VNC_PORT ? graphics->port - VNC_PORT : 0;
        CLEANUP(free) char *path = NULL;
        int r;

        if (graphics->listen == LISTEN_NONE)
                return json_add_string(vnc, "vnc", "none");
        if (graphics->listen == LISTEN_SOCKET) {
                r = graphics_plan_socket(plan, part, "vnc.sock", &path);
                return r < 0 ? r : json_add_stringf(vnc, "vnc", "unix:%s", path);
        }
        r = json_add_stringf(vnc, "vnc", strchr(address, ':') ? "[%s]:%llu" : "%s:%llu", address,
                             (unsigned long long)display);
        if (r >= 0 && graphics->autoport)
                r = json_add_int(vnc, "to", (int64_t)display + VNC_DISPLAYS);
        return r;
}

static int add_websocket(const Graphics *graphics, json_object *vnc)
{
        if (graphics->websocket == 0 || graphics->listen != LISTEN_ADDRESS)
                return 0;
        if (graphics->websocket == UINT64_MAX)
                return json_add_string(vnc, "websocket", "on");
        return json_add_stringf(vnc, "websocket", "%llu", (unsigned long long)graphics->websocket);
}

static int add_password(Plan *plan, const Part *part, json_object *vnc)
{
        if (!graphics_of(part)->has_password)
                return 0;
        if (plan_has(plan, part, "vnc-password-secret", NULL, _("the password is read from a file"), NULL))
                return graphics_plan_password(plan, part, "vnc", vnc);
        plan_fault(
                plan, part->element, "passwd",
                _("%s takes a password for VNC only where everybody on the host can read it (QEMU 6.0 and "
                  "newer take a secret); use <listen type='socket'> and its file's permissions."),
                domain_emulator_text(plan->domain));
        return 0;
}

static int add_power_control(Plan *plan, const Part *part, json_object *vnc)
{
        int power_control = graphics_of(part)->power_control;

        if (power_control < 0)
                return 0;
        if (plan_has(plan, part, "vnc-power-control", NULL, NULL, _("clients cannot control the power")))
                return json_add_bool(vnc, "power-control", power_control != 0);
        if (power_control > 0)
                plan_fault(plan, part->element, "powerControl",
                           _("%s lets no client of VNC control the power: the option vnc has no "
                             "power-control (QEMU 6.0 or newer); remove powerControl."),
                           domain_emulator_text(plan->domain));
        return 0;
}

int graphics_plan_vnc(Plan *plan, Part *part)
{
        static const char *const policies[] = {"allow-exclusive", "force-shared", "ignore"};
        const Graphics *graphics = graphics_of(part);
        CLEANUP(json) json_object *vnc = json_object_new_object();
        int r;

        if (!vnc)
                return -ENOMEM;
        if (!plan_has(plan, part, "vnc", NULL, NULL, NULL)) {
                plan_fault(plan, part->element, "type",
                           _("%s was built without VNC; take another type of <graphics>, or another "
                             "emulator."),
                           domain_emulator_text(plan->domain));
                return 0;
        }
        r = add_place(plan, part, vnc);
        if (r >= 0)
                r = add_websocket(graphics, vnc);
        if (r >= 0)
                r = add_password(plan, part, vnc);
        if (r >= 0 && graphics->share >= 0)
                r = json_add_string(vnc, "share", policies[graphics->share]);
        if (r >= 0)
                r = add_power_control(plan, part, vnc);
        if (r >= 0)
                r = graphics_plan_audio(plan, part, vnc);
        return r < 0 ? r : plan_properties(plan, part, "-vnc", TAKE(vnc));
}
