/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/chardev-private.h"
#include "domain/device/graphics.h"

/* The backend's name for -chardev. */
static const char *backend_of(const Part *part, const Chardev *chardev)
{
        switch ((ChardevType)chardev->type) {
        case CHARDEV_UNIX:
        case CHARDEV_TCP:
                return "socket";
        case CHARDEV_DEV:
                return streq(part->kind->name, "parallel") ? "parallel" : "serial";
        default:
                return chardev_type(chardev);
        }
}

/* What a spicevmc port is for, of which the server and its clients know these. */
static const char *spice_name(const Part *part)
{
        if (streq(part->kind->name, "redirdev"))
                return "usbredir";
        return streq(part->kind->name, "smartcard") ? "smartcard" : "vdagent";
}

/* The schema declares what this emulator was built for, its types what is installed: modules may be missing.
 */
static bool need_backend(Plan *plan, const Chardev *chardev)
{
        CLEANUP(free) char *type = text_format("chardev-%s", chardev_type(chardev));

        if (!type) {
                plan->domain->faults->out_of_memory = true;
                return false;
        }
        if (domain_has_type(plan->domain, type))
                return true;
        plan_fault(
                plan, chardev->element, /* attribute= */ NULL,
                _("%s has no character device \"%s\" (there is no type %s); install the emulator's module "
                  "for it, or give another type."),
                domain_emulator_text(plan->domain), chardev_type(chardev), type);
        return false;
}

/* What needs a spice server gets one from <graphics>, or the emulator would wait for it in vain. */
static bool need_spice(Plan *plan, const Chardev *chardev)
{
        if (!need_backend(plan, chardev))
                return false;
        if (graphics_spice(plan->domain))
                return true;
        plan_fault(plan, chardev->element, /* attribute= */ NULL,
                   _("A character device of type \"%s\" ends at a spice server, and there is none; add "
                     "<graphics type='spice'/>, or remove this."),
                   chardev_type(chardev));
        return false;
}

/* --- sockets ------------------------------------------------------------------------------------- */

static int add_reconnect(Plan *plan, const Part *part, const Chardev *chardev, json_object *object)
{
        int64_t seconds = (int64_t)chardev->source->reconnect;

        if (!chardev->source->reconnects)
                return 0;
        if (plan_has(plan, part, "chardev-reconnect-ms", /* driver= */ NULL,
                     _("reconnecting is counted in milliseconds"), NULL))
                return json_add_int(object, "reconnect-ms", seconds * 1000);
        if (plan_has(plan, part, "chardev-reconnect", /* driver= */ NULL,
                     _("reconnecting is counted in seconds"), NULL))
                return json_add_int(object, "reconnect", seconds);
        plan_fault(plan, chardev->element, /* attribute= */ NULL,
                   _("%s cannot reconnect a socket; remove <reconnect>."),
                   domain_emulator_text(plan->domain));
        return 0;
}

/* wait=off: the guest starts, whoever listens or not. */
static int add_server(const Chardev *chardev, json_object *object)
{
        int r;

        if (!chardev->source->bind)
                return 0;
        r = json_add_bool(object, "server", true);
        return r < 0 ? r : json_add_bool(object, "wait", false);
}

static char *own_socket(Plan *plan, const Part *part, const char *file)
{
        CLEANUP(free) char *name = file ? strdup(file) : text_format("%s.sock", part->alias);

        return name ? plan_run_path(plan, name) : NULL;
}

static int plan_socket_file(Plan *plan, const ChardevSource *source, const char *path)
{
        if (source->bind)
                return plan_file(plan, PLAN_FILE_CREATE, path, /* from= */ NULL, "socket");
        /* What reconnects does so until somebody listens. */
        return source->reconnects ? 0 : plan_file(plan, PLAN_FILE_EXISTS, path, /* from= */ NULL, "socket");
}

static int add_unix(Plan *plan, const Part *part, const Chardev *chardev, const char *file,
                    json_object *object)
{
        const ChardevSource *source = chardev->source;
        CLEANUP(free) char *path = source->path ? strdup(source->path) : own_socket(plan, part, file);
        int r;

        if (!path)
                return -ENOMEM;
        if (!chardev_check_socket(plan->domain, chardev->element, path))
                return 0;
        r = json_add_string(object, "path", path);
        if (r >= 0)
                r = add_server(chardev, object);
        if (r >= 0)
                r = add_reconnect(plan, part, chardev, object);
        return r < 0 ? r : plan_socket_file(plan, source, path);
}

static int add_tcp(Plan *plan, const Part *part, const Chardev *chardev, json_object *object)
{
        const ChardevSource *source = chardev->source;
        int r;

        r = json_add_string(object, "host", source->host);
        if (r >= 0)
                r = json_add_string(object, "port", source->service);
        if (r >= 0 && source->protocol == CHARDEV_TELNET)
                r = json_add_bool(object, "telnet", true);
        if (r >= 0)
                r = add_server(chardev, object);
        return r < 0 ? r : add_reconnect(plan, part, chardev, object);
}

static int add_udp(const ChardevSource *source, json_object *object)
{
        int r = 0;

        if (source->host)
                r = json_add_string(object, "host", source->host);
        if (r >= 0)
                r = json_add_string(object, "port", source->service);
        if (r >= 0 && source->bind_host)
                r = json_add_string(object, "localaddr", source->bind_host);
        if (r >= 0 && source->bind_service)
                r = json_add_string(object, "localport", source->bind_service);
        return r;
}

/* --- the rest ------------------------------------------------------------------------------------ */

static int add_vdagent(Plan *plan, const Part *part, const Chardev *chardev, json_object *object)
{
        const ChardevSource *source = chardev->source;
        int r;

        if (!plan_has(plan, part, "chardev-vdagent", /* driver= */ NULL,
                      _("the emulator is the agent's other side itself"), NULL)) {
                plan_fault(plan, chardev->element, /* attribute= */ NULL,
                           _("%s has no qemu-vdagent (QEMU 6.1 or newer); give type='spicevmc' and "
                             "<graphics type='spice'/>."),
                           domain_emulator_text(plan->domain));
                return 0;
        }
        r = json_add_string(object, "name", "vdagent");
        if (r >= 0 && source->has_clipboard)
                r = json_add_bool(object, "clipboard", source->clipboard);
        if (r >= 0 && source->has_mouse)
                r = json_add_bool(object, "mouse", source->mouse_of_client);
        return r;
}

static int add_pty(Plan *plan, const Chardev *chardev, json_object *object)
{
        const char *path = chardev->source->path;

        if (!path)
                return 0;
        if (domain_schema_has(plan->domain, "chardev-add/arg-type/backend/+pty/data/path"))
                return json_add_string(object, "path", path);
        plan_fault(
                plan, chardev->element, /* attribute= */ NULL,
                _("%s cannot name a pty (chardev-add/arg-type/backend/+pty/data/path is not declared; QEMU "
                  "9.2 has it); remove the path, and ask for the pty's name when the domain runs."),
                domain_emulator_text(plan->domain));
        return 0;
}

static int add_file(const ChardevSource *source, json_object *object)
{
        int r;

        r = json_add_string(object, "path", source->path);
        if (r >= 0 && source->append >= 0)
                r = json_add_bool(object, "append", source->append != 0);
        return r;
}

static int add_path(Plan *plan, const Chardev *chardev, json_object *object)
{
        const char *path = chardev->source->path;
        int r;

        if (chardev->type == CHARDEV_FILE)
                return add_file(chardev->source, object);
        r = json_add_string(object, "path", path);
        /* Of a pipe it is PATH.in and PATH.out, or PATH. */
        if (r >= 0 && chardev->type == CHARDEV_DEV)
                r = plan_file(plan, PLAN_FILE_EXISTS, path, /* from= */ NULL, "device");
        return r;
}

static int add_source(Plan *plan, const Part *part, const Chardev *chardev, const char *file,
                      json_object *object)
{
        switch ((ChardevType)chardev->type) {
        case CHARDEV_PTY:
                return add_pty(plan, chardev, object);
        case CHARDEV_FILE:
        case CHARDEV_DEV:
        case CHARDEV_PIPE:
                return add_path(plan, chardev, object);
        case CHARDEV_UNIX:
                return add_unix(plan, part, chardev, file, object);
        case CHARDEV_TCP:
                return add_tcp(plan, part, chardev, object);
        case CHARDEV_UDP:
                return add_udp(chardev->source, object);
        case CHARDEV_SPICEVMC:
                return need_spice(plan, chardev) ? json_add_string(object, "name", spice_name(part)) : 0;
        case CHARDEV_SPICEPORT:
                return need_spice(plan, chardev) ? json_add_string(object, "name", chardev->source->channel)
                                                 : 0;
        case CHARDEV_DBUS:
                return need_backend(plan, chardev)
                               ? json_add_string(object, "name", chardev->source->channel)
                               : 0;
        case CHARDEV_VDAGENT:
                return add_vdagent(plan, part, chardev, object);
        case CHARDEV_NULL:
        case CHARDEV_STDIO:
        case CHARDEV_VC:
        case CHARDEV_NMDM:
                return 0;
        }
        return 0;
}

int chardev_plan(Plan *plan, Part *part, const Chardev *chardev, const char *id, const char *file)
{
        CLEANUP(json) json_object *object = json_object_new_object();
        const ChardevSource *source = chardev->source;
        int r;

        if (!object)
                return -ENOMEM;
        r = json_add_string(object, "backend", backend_of(part, chardev));
        if (r >= 0)
                r = json_add_string(object, "id", id);
        if (r >= 0)
                r = add_source(plan, part, chardev, file, object);
        if (r >= 0 && source->log)
                r = json_add_string(object, "logfile", source->log);
        if (r >= 0 && source->log && source->log_append >= 0)
                r = json_add_bool(object, "logappend", source->log_append != 0);
        return r < 0 ? r : plan_properties(plan, part, "-chardev", TAKE(object));
}

int chardev_plan_alias(Plan *plan, Part *part, const Chardev *chardev, char **ret_id)
{
        CLEANUP(free) char *id = text_format("char%s", part->alias);
        int r;

        if (!id)
                return -ENOMEM;
        r = chardev_plan(plan, part, chardev, id, /* file= */ NULL);
        if (r >= 0)
                *ret_id = TAKE(id);
        return r;
}
