/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/device/graphics.h"

#include <ctype.h>
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/device/audio.h"
#include "domain/device/graphics-private.h"
#include "domain/value.h"

#define VNC_PASSWORD_MAX 8 /* of RFC 6143; what is longer is cut */

static const Part *find_type(const Domain *domain, GraphicsType type)
{
        for (Part *part = NULL; (part = domain_next(domain, &device_graphics, part));)
                if (graphics_of(part)->type == type)
                        return part;
        return NULL;
}

bool graphics_any(const Domain *domain)
{
        for (Part *part = NULL; (part = domain_next(domain, &device_graphics, part));)
                if (graphics_of(part)->type != GRAPHICS_EGL_HEADLESS)
                        return true;
        return false;
}

bool graphics_spice(const Domain *domain)
{
        return find_type(domain, GRAPHICS_SPICE) != NULL;
}

bool graphics_gl(const Domain *domain)
{
        for (Part *part = NULL; (part = domain_next(domain, &device_graphics, part));)
                if (graphics_of(part)->gl > 0 || graphics_of(part)->type == GRAPHICS_EGL_HEADLESS)
                        return true;
        return false;
}

const char *graphics_audio(const Domain *domain)
{
        if (graphics_spice(domain))
                return "spice";
        if (find_type(domain, GRAPHICS_SDL))
                return "sdl";
        return find_type(domain, GRAPHICS_DBUS) ? "dbus" : "none";
}

int graphics_plan_none(Plan *plan)
{
        return domain_next(plan->domain, &device_graphics, NULL) ? 0 : plan_option(plan, "-display", "none");
}

/* --- reading ------------------------------------------------------------------------------------- */

/* 1: a number; 0: none, or -1, which is libvirt's word for none. */
static int read_port(Domain *domain, Part *part, const char *attribute, uint64_t *ret)
{
        const char *text = xml_attribute(part->element, attribute);

        if (!text || streq(text, "-1"))
                return 0;
        return read_uint(domain->xml, part->element, attribute, UINT16_MAX, ret) > 0 && *ret > 0;
}

static int read_flag(Domain *domain, XmlElement *element, const char *attribute)
{
        bool value;

        return element && read_switch(domain->xml, element, attribute, &value) > 0 ? value : -1;
}

/* With autoport the number is the one of last time. */
static void read_ports(Domain *domain, Part *part)
{
        Graphics *graphics = part->data;
        bool given = read_port(domain, part, "port", &graphics->port) > 0;
        uint64_t tls_port = 0;
        bool autoport = !given;

        read_switch(domain->xml, part->element, "autoport", &autoport);
        graphics->autoport = autoport || !given;
        if (graphics->type == GRAPHICS_VNC && given && graphics->port < 5900)
                xml_fault(domain->xml, FAULT_ERROR, part->element, "port",
                          _("VNC counts its displays from port 5900 on; give 5900 or more."));
        if (graphics->type == GRAPHICS_SPICE && read_port(domain, part, "tlsPort", &tls_port) > 0)
                xml_fault(domain->xml, FAULT_ERROR, part->element, "tlsPort",
                          _("Muster gives SPICE no certificates, so there is no port with TLS; remove "
                            "tlsPort, and tunnel the connection if it leaves the host."));
}

static int read_websocket(Domain *domain, Part *part)
{
        Graphics *graphics = part->data;
        const char *text = xml_attribute(part->element, "websocket");

        if (text && streq(text, "-1"))
                graphics->websocket = UINT64_MAX;
        else
                read_uint(domain->xml, part->element, "websocket", UINT16_MAX, &graphics->websocket);
        if (graphics->websocket > 0 && graphics->listen != LISTEN_ADDRESS)
                xml_fault(domain->xml, FAULT_WARNING, part->element, "websocket",
                          _("There is a port for WebSockets only where VNC has a port of its own; with this "
                            "<listen> there is none."));
        return 0;
}

static void read_network_listen(Domain *domain, XmlElement *element)
{
        xml_attribute(element, "network");
        xml_fault(domain->xml, FAULT_ERROR, element, "type",
                  _("Muster cannot listen on a network by its name; give <listen type='address' "
                    "address=…> with the host's address there."));
}

static int read_listen_element(Domain *domain, Part *part, XmlElement *element)
{
        static const char *const types[] = {"address", "socket", "none", "network", NULL};
        Graphics *graphics = part->data;
        const char *address;
        int type = LISTEN_ADDRESS, r;

        graphics->listen_element = element;
        if (read_word(domain->xml, element, "type", types, &type) < 0)
                return 0;
        if (type > LISTEN_NONE) {
                read_network_listen(domain, element);
                return 0;
        }
        graphics->listen = (ListenType)type;
        address = type == LISTEN_ADDRESS ? xml_attribute(element, "address") : NULL;
        if (address && graphics->address && !streq(address, graphics->address))
                xml_fault(domain->xml, FAULT_ERROR, element, "address",
                          _("This is not the address that the attribute \"listen\" of <graphics> has; "
                            "remove one of the two."));
        r = type == LISTEN_ADDRESS  ? read_text(domain->xml, element, "address", &graphics->address)
            : type == LISTEN_SOCKET ? read_text(domain->xml, element, "socket", &graphics->socket)
                                    : 0;
        return r < 0 ? r : 0;
}

static int read_listen(Domain *domain, Part *part)
{
        XmlElement *element = xml_next(part->element, "listen", NULL), *second;
        Graphics *graphics = part->data;
        int r;

        r = read_text(domain->xml, part->element, "listen", &graphics->address);
        if (r >= 0 && graphics->type == GRAPHICS_VNC)
                r = read_text(domain->xml, part->element, "socket", &graphics->socket);
        if (r >= 0 && graphics->socket)
                graphics->listen = LISTEN_SOCKET;
        if (r >= 0 && element)
                r = read_listen_element(domain, part, element);
        /* An empty one is none, as for libvirt: the emulator would listen on all of the host's. */
        if (graphics->address && !*graphics->address)
                free(TAKE(graphics->address));
        second = element ? xml_next(part->element, "listen", element) : NULL;
        if (second) {
                xml_mark_all(second);
                xml_fault(domain->xml, FAULT_ERROR, second, /* attribute= */ NULL,
                          _("The emulator listens in one place only; keep one <listen>."));
        }
        if (graphics->socket && graphics->socket[0] != '/')
                xml_fault(domain->xml, FAULT_ERROR, element ?: part->element, "socket",
                          _("A socket's path is absolute; write it from / on."));
        return r < 0 ? r : 0;
}

static void read_password(Domain *domain, Part *part)
{
        static const char *const connected[] = {"keep", "disconnect", "fail", NULL};
        Graphics *graphics = part->data;
        const char *password = xml_attribute(part->element, "passwd");
        int what = 0;

        graphics->has_password = password != NULL;
        if (password && graphics->type == GRAPHICS_VNC && strlen(password) > VNC_PASSWORD_MAX)
                xml_fault(domain->xml, FAULT_ERROR, part->element, "passwd",
                          _("A password of VNC has at most %d bytes, and what is behind them would not "
                            "count."),
                          VNC_PASSWORD_MAX);
        if (xml_attribute(part->element, "passwdValidTo"))
                xml_fault(domain->xml, FAULT_ERROR, part->element, "passwdValidTo",
                          _("Muster lets no password expire; remove passwdValidTo."));
        /* What becomes of clients when the password changes; there are none at the start. */
        if (read_word(domain->xml, part->element, "connected", connected, &what) > 0 && what > 0 &&
            graphics->type == GRAPHICS_VNC)
                xml_fault(domain->xml, FAULT_COSMETIC, part->element, "connected",
                          _("VNC keeps its clients when the password changes; give connected='keep'."));
}

static int read_keymap(Domain *domain, Part *part)
{
        Graphics *graphics = part->data;
        int r;

        r = read_text(domain->xml, part->element, "keymap", &graphics->keymap);
        for (const char *p = r > 0 ? graphics->keymap : ""; *p; p++)
                if (!isascii(*p) || (!isalnum((unsigned char)*p) && *p != '-' && *p != '_')) {
                        xml_fault(domain->xml, FAULT_ERROR, part->element, "keymap",
                                  _("A keymap is one of the emulator's words: \"en-us\", \"de\", …"));
                        break;
                }
        return r < 0 ? r : 0;
}

static int read_server(Domain *domain, Part *part)
{
        static const char *const policies[] = {"allow-exclusive", "force-shared", "ignore", NULL};
        Graphics *graphics = part->data;
        int r;

        read_ports(domain, part);
        r = read_listen(domain, part);
        if (r >= 0)
                r = read_keymap(domain, part);
        if (r < 0)
                return r;
        read_password(domain, part);
        if (graphics->type == GRAPHICS_SPICE) {
                graphics_read_spice(domain, part);
                return 0;
        }
        read_word(domain->xml, part->element, "sharePolicy", policies, &graphics->share);
        graphics->power_control = read_flag(domain, part->element, "powerControl");
        return read_websocket(domain, part);
}

static int read_gl(Domain *domain, Part *part)
{
        XmlElement *gl = xml_child(part->element, "gl");
        Graphics *graphics = part->data;
        int r = 0;

        if (!gl)
                return 0;
        if (graphics->type != GRAPHICS_EGL_HEADLESS)
                graphics->gl = read_flag(domain, gl, "enable");
        if (graphics->type != GRAPHICS_SDL)
                r = read_text(domain->xml, gl, "rendernode", &graphics->rendernode);
        return r < 0 ? r : 0;
}

static int read_window(Domain *domain, Part *part)
{
        static const char *const names[] = {"display", "xauth"};
        Graphics *graphics = part->data;
        int r;

        for (size_t i = 0; graphics->type == GRAPHICS_SDL && i < ELEMENTSOF(names); i++)
                if (xml_attribute(part->element, names[i]))
                        xml_fault(domain->xml, FAULT_COSMETIC, part->element, names[i],
                                  _("The window opens where the environment says (DISPLAY, XAUTHORITY, "
                                    "WAYLAND_DISPLAY); set it there and remove this."));
        if (graphics->type == GRAPHICS_SDL)
                read_switch(domain->xml, part->element, "fullscreen", &graphics->fullscreen);
        if (graphics->type != GRAPHICS_DBUS)
                return 0;
        read_switch(domain->xml, part->element, "p2p", &graphics->p2p);
        r = read_text(domain->xml, part->element, "address", &graphics->dbus_address);
        if (r == 0 && !graphics->p2p)
                xml_fault(domain->xml, FAULT_ERROR, part->element, /* attribute= */ NULL,
                          _("On which bus? Give address='unix:path=…', or p2p='yes' for a connection of "
                            "each client's own."));
        return r < 0 ? r : 0;
}

static void check_alone(Domain *domain, Part *part)
{
        const Graphics *graphics = graphics_of(part);

        for (Part *other = NULL; (other = domain_next(domain, &device_graphics, other)) && other != part;)
                if (graphics_of(other)->type == _GRAPHICS_TYPES)
                        continue; /* reported already */
                else if (graphics_of(other)->type == graphics->type)
                        xml_fault(domain->xml, FAULT_ERROR, part->element, "type",
                                  _("A domain has no two <graphics> of one type; keep one."));
                else if (graphics_of(other)->type >= GRAPHICS_SDL && graphics->type >= GRAPHICS_SDL)
                        xml_fault(domain->xml, FAULT_ERROR, part->element, "type",
                                  _("The emulator has one display of its own: sdl, egl-headless or dbus; "
                                    "keep one (vnc and spice go with each of them)."));
}

static int read_graphics(Domain *domain, Part *part)
{
        static const char *const types[] = {"vnc", "spice", "sdl", "egl-headless", "dbus", NULL};
        XmlElement *audio = xml_child(part->element, "audio");
        Graphics *graphics = part->data;
        int type = GRAPHICS_VNC, r;

        graphics->share = graphics->power_control = graphics->gl = -1;
        memset(graphics->spice, -1, sizeof(graphics->spice));
        r = read_word(domain->xml, part->element, "type", types, &type);
        if (r <= 0) {
                if (r == 0)
                        xml_fault(domain->xml, FAULT_ERROR, part->element, "type",
                                  _("Of which type? Give type='vnc', spice, sdl, egl-headless or dbus."));
                xml_mark_all(part->element);
                graphics->type = _GRAPHICS_TYPES;
                return 0;
        }
        graphics->type = (GraphicsType)type;
        check_alone(domain, part);
        if (audio && graphics->type != GRAPHICS_SPICE)
                read_uint(domain->xml, audio, "id", UINT32_MAX, &graphics->audio);
        r = graphics->type <= GRAPHICS_SPICE ? read_server(domain, part) : read_window(domain, part);
        if (r >= 0 && graphics->type != GRAPHICS_VNC)
                r = read_gl(domain, part);
        return r;
}

/* --- completing ---------------------------------------------------------------------------------- */

static int write_listen(Part *part)
{
        static const char *const types[] = {"address", "socket", "none"};
        Graphics *graphics = part->data;
        XmlElement *element = graphics->listen_element;
        int r = 0;

        if (!element)
                r = xml_add(part->element, "listen", /* text= */ NULL, &element);
        if (r >= 0)
                r = xml_set(element, "type", types[graphics->listen]);
        if (r >= 0 && graphics->listen == LISTEN_ADDRESS && graphics->address)
                r = xml_set(element, "address", graphics->address);
        if (r >= 0 && graphics->listen == LISTEN_ADDRESS && graphics->address)
                r = xml_set(part->element, "listen", graphics->address);
        if (r >= 0 && graphics->listen == LISTEN_SOCKET && graphics->socket)
                r = xml_set(element, "socket", graphics->socket);
        return r;
}

static int write_ports(Part *part)
{
        const Graphics *graphics = graphics_of(part);
        int r = 0;

        if (graphics->listen != LISTEN_ADDRESS)
                return 0;
        if (graphics->type == GRAPHICS_VNC && !xml_attribute(part->element, "port"))
                r = xml_set(part->element, "port", "-1");
        if (r >= 0 && !xml_attribute(part->element, "autoport"))
                r = xml_set(part->element, "autoport", graphics->autoport ? "yes" : "no");
        return r;
}

static int complete(Domain *domain, Part *part)
{
        const Graphics *graphics = graphics_of(part);
        int r;

        if (graphics->type > GRAPHICS_SPICE)
                return 0;
        r = write_listen(part);
        return r < 0 ? r : write_ports(part);
}

/* -k is one for all. */
static void check_keymap(Domain *domain, Part *part)
{
        const Graphics *graphics = graphics_of(part);

        for (Part *other = NULL; (other = domain_next(domain, &device_graphics, other)) && other != part;)
                if (graphics->keymap && graphics_of(other)->keymap &&
                    !streq(graphics->keymap, graphics_of(other)->keymap))
                        xml_fault(domain->xml, FAULT_ERROR, part->element, "keymap",
                                  _("The emulator has one keymap for all <graphics>; keep one."));
}

static int check(Domain *domain, Part *part)
{
        const Graphics *graphics = graphics_of(part);

        check_keymap(domain, part);
        if (graphics->audio > 0 && !audio_id(domain, (unsigned)graphics->audio))
                xml_fault(domain->xml, FAULT_ERROR, part->element, /* attribute= */ NULL,
                          _("There is no <audio> with the ID %llu; add it, or name another."),
                          (unsigned long long)graphics->audio);
        return 0;
}

/* --- planning ------------------------------------------------------------------------------------ */

int graphics_plan_password(Plan *plan, const Part *part, const char *name, json_object *options)
{
        CLEANUP(free) char *file = text_format("%s.password", name), *id = text_format("%s-password", name);
        CLEANUP(free) char *path = file ? plan_run_path(plan, file) : NULL;
        CLEANUP(free) char *from = xml_path(part->element, "passwd");
        json_object *secret = json_object_new_object();
        int r;

        if (!id || !path || !from || !secret || json_add_string(secret, "file", path) < 0) {
                json_object_put(secret);
                return -ENOMEM;
        }
        r = plan_object(plan, part, "secret", id, secret);
        if (r >= 0)
                r = plan_file(plan, PLAN_FILE_SECRET, path, from, _("the password that clients must give"));
        return r < 0 ? r : json_add_string(options, "password-secret", id);
}

int graphics_plan_audio(Plan *plan, const Part *part, json_object *options)
{
        const char *id = audio_id(plan->domain, (unsigned)graphics_of(part)->audio);

        return id ? json_add_string(options, "audiodev", id) : 0;
}

int graphics_plan_socket(Plan *plan, const Part *part, const char *file, char **ret_path)
{
        const Graphics *graphics = graphics_of(part);
        CLEANUP(free) char *path = graphics->socket ? strdup(graphics->socket) : plan_run_path(plan, file);
        int r;

        if (!path)
                return -ENOMEM;
        r = plan_file(plan, PLAN_FILE_CREATE, path, /* from= */ NULL,
                      _("the socket that clients connect to"));
        if (r >= 0)
                *ret_path = TAKE(path);
        return r;
}

static int plan_keymap(Plan *plan, const Part *part)
{
        const Graphics *graphics = graphics_of(part);

        for (Part *other = NULL;
             (other = domain_next(plan->domain, &device_graphics, other)) && other != part;)
                if (graphics_of(other)->keymap)
                        return 0;
        return graphics->keymap ? plan_option(plan, "-k", graphics->keymap) : 0;
}

static int plan(Plan *plan, Part *part)
{
        int r;

        if (graphics_of(part)->type > GRAPHICS_SPICE)
                return graphics_plan_display(plan, part);
        r = graphics_of(part)->type == GRAPHICS_VNC ? graphics_plan_vnc(plan, part)
                                                    : graphics_plan_spice(plan, part);
        return r < 0 ? r : plan_keymap(plan, part);
}

static void clear(Part *part)
{
        Graphics *graphics = part->data;

        free(graphics->address);
        free(graphics->socket);
        free(graphics->keymap);
        free(graphics->rendernode);
        free(graphics->dbus_address);
}

const PartKind device_graphics = {
        .name = "graphics",
        .size = sizeof(Graphics),
        .read = read_graphics,
        .complete = complete,
        .check = check,
        .plan = plan,
        .clear = clear,
};
