/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/device/graphics-private.h"
#include "domain/value.h"

static const char *const switches[] = {"on", "off", "yes", "no", NULL};
static const char *const images[] = {"auto_glz", "auto_lz", "quic", "glz", "lz", "off", NULL};
static const char *const wan[] = {"auto", "never", "always", NULL};
static const char *const streams[] = {"filter", "all", "off", NULL};
static const char *const mice[] = {"client", "server", NULL};

/* Children of <graphics> with one attribute each, and what of -spice they set. */
static const struct {
        const char *element, *attribute;
        const char *const *words;
        const char *option;
} options[] = {
        [SPICE_IMAGE] = {"image", "compression", images, "image-compression"},
        [SPICE_JPEG] = {"jpeg", "compression", wan, "jpeg-wan-compression"},
        [SPICE_ZLIB] = {"zlib", "compression", wan, "zlib-glz-wan-compression"},
        [SPICE_PLAYBACK] = {"playback", "compression", switches, "playback-compression"},
        [SPICE_STREAMING] = {"streaming", "mode", streams, "streaming-video"},
        [SPICE_MOUSE] = {"mouse", "mode", mice, "agent-mouse"},
        [SPICE_CLIPBOARD] = {"clipboard", "copypaste", switches, "disable-copy-paste"},
        [SPICE_FILETRANSFER] = {"filetransfer", "enable", switches, "disable-agent-file-xfer"},
};

/* --- reading ------------------------------------------------------------------------------------- */

static void read_mode(Domain *domain, XmlElement *element, const char *attribute, int *ret)
{
        static const char *const modes[] = {"any", "insecure", "secure", NULL};

        *ret = 0;
        if (read_word(domain->xml, element, attribute, modes, ret) > 0 && *ret == 2)
                xml_fault(domain->xml, FAULT_ERROR, element, attribute,
                          _("Muster gives SPICE no certificates, so no channel is secure; give \"any\", and "
                            "tunnel the connection if it leaves the host."));
}

static void read_channels(Domain *domain, Part *part)
{
        static const char *const names[] = {"main",   "display",   "inputs",   "cursor", "playback",
                                            "record", "smartcard", "usbredir", NULL};
        Graphics *graphics = part->data;
        int mode, name = 0;

        read_mode(domain, part->element, "defaultMode", &mode);
        if (mode > 0)
                graphics->channels[graphics->n_channels++] = part->element;
        for (XmlElement *channel = NULL; (channel = xml_next(part->element, "channel", channel));) {
                read_mode(domain, channel, "mode", &mode);
                if (read_word(domain->xml, channel, "name", names, &name) > 0 && mode > 0 &&
                    graphics->n_channels < ELEMENTSOF(graphics->channels))
                        graphics->channels[graphics->n_channels++] = channel;
        }
}

void graphics_read_spice(Domain *domain, Part *part)
{
        Graphics *graphics = part->data;

        read_channels(domain, part);
        for (size_t i = 0; i < _SPICE_OPTIONS; i++) {
                XmlElement *element = xml_child(part->element, options[i].element);

                if (element)
                        read_word(domain->xml, element, options[i].attribute, options[i].words,
                                  &graphics->spice[i]);
        }
}

/* --- planning ------------------------------------------------------------------------------------ */

static bool is_local(const char *address)
{
        return !address || streq(address, "localhost") || streq(address, "::1") ||
               startswith(address, "127.");
}

static int add_socket(Plan *plan, const Part *part, json_object *spice)
{
        CLEANUP(free) char *path = NULL;
        int r;

        r = graphics_plan_socket(plan, part, "spice.sock", &path);
        if (r >= 0)
                r = json_add_bool(spice, "unix", true);
        return r < 0 ? r : json_add_string(spice, "addr", path);
}

static int add_place(Plan *plan, const Part *part, json_object *spice)
{
        const Graphics *graphics = graphics_of(part);

        if (graphics->listen == LISTEN_NONE)
                return 0;
        if (graphics->listen == LISTEN_SOCKET)
                return add_socket(plan, part, spice);
        if (graphics->port > 0 && graphics->gl > 0)
                plan_fault(plan, part->element, "port",
                           _("SPICE renders with OpenGL for clients on the same host only, without a port; "
                             "give <listen type='socket'/> or <listen type='none'/>."));
        if (graphics->port > 0) {
                if (json_add_int(spice, "port", (int64_t)graphics->port) < 0)
                        return -ENOMEM;
                return json_add_string(spice, "addr", graphics->address ?: "127.0.0.1");
        }
        if (is_local(graphics->address))
                return add_socket(plan, part, spice);
        plan_fault(plan, part->element, "port",
                   _("SPICE cannot choose a port by itself, and clients of other hosts need one; give "
                     "port='5900' or another that is free."));
        return 0;
}

/* "seamless-migration" is for the client, which follows the guest. */
static int add_password(Plan *plan, const Part *part, json_object *spice)
{
        if (!graphics_of(part)->has_password)
                return json_add_bool(spice, "disable-ticketing", true);
        if (plan_has(plan, part, "spice-password-secret", NULL, _("the password is read from a file"), NULL))
                return graphics_plan_password(plan, part, "spice", spice);
        plan_fault(plan, part->element, "passwd",
                   _("%s takes a password for SPICE only where everybody on the host can read it (QEMU 6.0 "
                     "and newer take a secret); use <listen type='socket'> and its file's permissions."),
                   domain_emulator_text(plan->domain));
        return 0;
}

static int add_channels(const Part *part, json_object *spice)
{
        const Graphics *graphics = graphics_of(part);
        CLEANUP(json) json_object *names = json_object_new_array();
        int r = 0;

        if (!names)
                return -ENOMEM;
        for (size_t i = 0; r >= 0 && i < graphics->n_channels; i++)
                r = json_append_string(names, graphics->channels[i] == part->element
                                                      ? "default"
                                                      : xml_attribute(graphics->channels[i], "name"));
        if (r < 0 || graphics->n_channels == 0)
                return r;
        return json_add(spice, "plaintext-channel", TAKE(names));
}

static bool is_on(const char *word)
{
        return streq(word, "on") || streq(word, "yes");
}

static int add_option(json_object *spice, SpiceOption option, const char *word)
{
        const char *name = options[option].option;

        switch (option) {
        case SPICE_PLAYBACK:
                return json_add_bool(spice, name, is_on(word));
        case SPICE_MOUSE:
                return json_add_bool(spice, name, streq(word, "client"));
        case SPICE_CLIPBOARD:
        case SPICE_FILETRANSFER:
                return is_on(word) ? 0 : json_add_bool(spice, name, true);
        default:
                return json_add_string(spice, name, word);
        }
}

static int add_gl(Plan *plan, const Part *part, json_object *spice)
{
        const Graphics *graphics = graphics_of(part);
        int r;

        if (graphics->gl < 0)
                return 0;
        if (!plan_has(plan, part, "spice-gl", NULL, NULL, NULL)) {
                if (graphics->gl > 0)
                        plan_fault(plan, part->element, /* attribute= */ NULL,
                                   _("%s was built without OpenGL; remove <gl>."),
                                   domain_emulator_text(plan->domain));
                return 0;
        }
        r = json_add_bool(spice, "gl", graphics->gl != 0);
        return r < 0 || !graphics->rendernode ? r
                                              : json_add_string(spice, "rendernode", graphics->rendernode);
}

int graphics_plan_spice(Plan *plan, Part *part)
{
        const Graphics *graphics = graphics_of(part);
        CLEANUP(json) json_object *spice = json_object_new_object();
        int r;

        if (!spice)
                return -ENOMEM;
        if (!plan_has(plan, part, "spice", NULL, NULL, NULL)) {
                plan_fault(plan, part->element, "type",
                           _("%s has no SPICE, neither built in nor as a module; install it (Debian's "
                             "package is qemu-system-modules-spice), or give type='vnc'."),
                           domain_emulator_text(plan->domain));
                return 0;
        }
        r = add_place(plan, part, spice);
        if (r >= 0)
                r = add_password(plan, part, spice);
        if (r >= 0)
                r = add_channels(part, spice);
        for (size_t i = 0; r >= 0 && i < _SPICE_OPTIONS; i++)
                if (graphics->spice[i] >= 0)
                        r = add_option(spice, (SpiceOption)i, options[i].words[graphics->spice[i]]);
        if (r >= 0)
                r = add_gl(plan, part, spice);
        if (r >= 0)
                r = json_add_bool(spice, "seamless-migration", true);
        return r < 0 ? r : plan_properties(plan, part, "-spice", TAKE(spice));
}
