/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <sys/un.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/chardev-private.h"
#include "domain/value.h"

static const char *const types[] = {
        [CHARDEV_PTY] = "pty",           [CHARDEV_FILE] = "file",
        [CHARDEV_DEV] = "dev",           [CHARDEV_PIPE] = "pipe",
        [CHARDEV_UNIX] = "unix",         [CHARDEV_TCP] = "tcp",
        [CHARDEV_UDP] = "udp",           [CHARDEV_NULL] = "null",
        [CHARDEV_STDIO] = "stdio",       [CHARDEV_VC] = "vc",
        [CHARDEV_SPICEVMC] = "spicevmc", [CHARDEV_SPICEPORT] = "spiceport",
        [CHARDEV_DBUS] = "dbus",         [CHARDEV_VDAGENT] = "qemu-vdagent",
        [CHARDEV_NMDM] = "nmdm",         NULL,
};

const char *const chardev_plain[] = {"pty",  "file",  "dev", "pipe",      "unix", "tcp",  "udp",
                                     "null", "stdio", "vc",  "spiceport", "dbus", "nmdm", NULL};

static const char *const protocols[] = {[CHARDEV_RAW] = "raw",
                                        [CHARDEV_TELNET] = "telnet",
                                        [CHARDEV_TELNETS] = "telnets",
                                        [CHARDEV_TLS] = "tls",
                                        NULL};

static const char *const modes[] = {"connect", "bind", NULL};

const char *chardev_type(const Chardev *chardev)
{
        return types[chardev->type];
}

bool chardev_check_socket(Domain *domain, const XmlElement *element, const char *path)
{
        const size_t max = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1;

        if (strlen(path) <= max)
                return true;
        xml_fault(
                domain->xml, FAULT_ERROR, element, /* attribute= */ NULL,
                _("The path of its socket, %s, has %zu bytes, and the kernel takes no more than %zu; give a "
                  "shorter one, or the domain a shorter name."),
                path, strlen(path), max);
        return false;
}

/* --- what a source says -------------------------------------------------------------------------- */

/* Reads what must be there. `example` is the attribute as it could be written. */
static int need(Domain *domain, const Chardev *chardev, XmlElement *source, const char *attribute,
                const char *example, char **ret)
{
        int r = source ? read_text(domain->xml, source, attribute, ret) : 0;

        if (r < 0 || (r > 0 && **ret))
                return r;
        xml_fault(domain->xml, FAULT_ERROR, source ?: chardev->element, /* attribute= */ NULL,
                  _("A character device of type \"%s\" needs <source %s/>."), chardev_type(chardev),
                  example);
        return r;
}

static void check_absolute(Domain *domain, XmlElement *source, const char *path)
{
        if (path && *path && *path != '/')
                xml_fault(domain->xml, FAULT_ERROR, source, "path",
                          _("The path is not absolute; write it from / on."));
}

static int read_path(Domain *domain, const Chardev *chardev, XmlElement *source)
{
        int r;

        r = need(domain, chardev, source, "path", "path='/…'", &chardev->source->path);
        check_absolute(domain, source, chardev->source->path);
        return r;
}

/* Muster labels nothing, so what says that nothing is to be labelled is honoured. */
static void read_labels(Domain *domain, XmlElement *source)
{
        for (XmlElement *label = NULL; (label = xml_next(source, "seclabel", label));) {
                bool relabel = true;

                read_switch(domain->xml, label, "relabel", &relabel);
                xml_mark_all(label);
                if (relabel)
                        xml_fault(domain->xml, FAULT_COSMETIC, label, /* attribute= */ NULL,
                                  _("Muster gives files no security labels; remove <seclabel>, or say "
                                    "relabel='no'."));
        }
}

static void read_reconnect(Domain *domain, XmlElement *source, ChardevSource *chardev)
{
        XmlElement *reconnect = xml_child(source, "reconnect");

        if (!reconnect)
                return;
        read_switch(domain->xml, reconnect, "enabled", &chardev->reconnects);
        if (read_uint(domain->xml, reconnect, "timeout", UINT32_MAX / 1000, &chardev->reconnect) == 0 &&
            chardev->reconnects)
                xml_fault(domain->xml, FAULT_ERROR, reconnect, "timeout",
                          _("After how many seconds shall it connect again? Add timeout='…'."));
        if (chardev->reconnects && chardev->bind)
                xml_fault(domain->xml, FAULT_ERROR, reconnect, /* attribute= */ NULL,
                          _("With mode='bind' the other side connects, so there is nothing to reconnect; "
                            "remove <reconnect> or give mode='connect'."));
}

static void read_mode(Domain *domain, XmlElement *source, ChardevSource *chardev)
{
        int mode = 0;

        read_word(domain->xml, source, "mode", modes, &mode);
        chardev->bind = mode == 1;
}

static void refuse_second(Domain *domain, const Chardev *chardev, XmlElement *source)
{
        XmlElement *second = source ? xml_next(chardev->element, "source", source) : NULL;

        if (!second)
                return;
        xml_mark_all(second);
        xml_fault(domain->xml, FAULT_ERROR, second, /* attribute= */ NULL,
                  _("A character device of type \"%s\" either listens or connects, so it has one <source>; "
                    "remove one of the two."),
                  chardev_type(chardev));
}

/* Those that libvirt makes itself, and writes into the dump of a running domain. */
static bool is_path_of_libvirt(const char *path)
{
        return startswith(path, "/var/lib/libvirt/qemu/channel/") || startswith(path, "/run/libvirt/qemu/");
}

static int read_unix(Domain *domain, const Chardev *chardev, XmlElement *source)
{
        ChardevSource *self = chardev->source;
        int r;

        self->bind = true;
        if (!source)
                return 0;
        read_mode(domain, source, self);
        read_reconnect(domain, source, self);
        if (!self->bind)
                return read_path(domain, chardev, source);
        r = read_text(domain->xml, source, "path", &self->path);
        if (r <= 0)
                return r;
        check_absolute(domain, source, self->path);
        if (!is_path_of_libvirt(self->path))
                return 0;
        xml_fault(domain->xml, FAULT_WARNING, source, "path",
                  _("This path is one that libvirt made for itself; the domain gets a socket of its own in "
                    "muster's directory."));
        free(TAKE(self->path));
        return xml_set(source, "path", NULL);
}

static void refuse_tls(Domain *domain, XmlElement *source, const ChardevSource *chardev)
{
        XmlElement *element = source->parent;
        bool tls = false;

        read_switch(domain->xml, source, "tls", &tls);
        if (tls)
                xml_fault(domain->xml, FAULT_ERROR, source, "tls",
                          _("Muster has no certificates for character devices; remove tls='yes', and put a "
                            "TLS proxy in front, or take a unix socket and ssh."));
        else if (chardev->protocol >= CHARDEV_TELNETS)
                xml_fault(domain->xml, FAULT_ERROR, xml_child(element, "protocol"), "type",
                          _("The emulator speaks \"%s\" only with certificates, and muster has none for "
                            "character devices; give raw or telnet."),
                          protocols[chardev->protocol]);
}

static int read_tcp(Domain *domain, const Chardev *chardev, XmlElement *source)
{
        XmlElement *protocol = xml_child(chardev->element, "protocol");
        ChardevSource *self = chardev->source;
        int r;

        if (protocol)
                read_word(domain->xml, protocol, "type", protocols, &self->protocol);
        if (source) {
                read_mode(domain, source, self);
                read_reconnect(domain, source, self);
                refuse_tls(domain, source, self);
        }
        r = need(domain, chardev, source, "host", "host='…' service='…'", &self->host);
        return r > 0 ? need(domain, chardev, source, "service", "host='…' service='…'", &self->service) : r;
}

/* Up to two: <source mode='connect'>, to where it sends, and <source mode='bind'>, from where. */
static int read_udp(Domain *domain, const Chardev *chardev)
{
        ChardevSource *self = chardev->source;
        bool seen[ELEMENTSOF(modes)] = {false};
        int r = 0;

        for (XmlElement *source = NULL; r >= 0 && (source = xml_next(chardev->element, "source", source));) {
                int mode = 0;

                read_word(domain->xml, source, "mode", modes, &mode);
                if (seen[mode])
                        xml_fault(domain->xml, FAULT_ERROR, source, "mode",
                                  _("There are two of mode '%s'; remove one of the two."), modes[mode]);
                seen[mode] = true;
                r = read_text(domain->xml, source, "host", mode == 1 ? &self->bind_host : &self->host);
                if (r >= 0)
                        r = read_text(domain->xml, source, "service",
                                      mode == 1 ? &self->bind_service : &self->service);
        }
        if (r >= 0 && !self->service)
                xml_fault(domain->xml, FAULT_ERROR, chardev->element, /* attribute= */ NULL,
                          _("To where shall it send? Add <source mode='connect' host='…' service='…'/>."));
        return r;
}

static void read_vdagent(Domain *domain, const Chardev *chardev, XmlElement *source)
{
        static const char *const sides[] = {"server", "client", NULL};
        XmlElement *clipboard = source ? xml_child(source, "clipboard") : NULL;
        XmlElement *mouse = source ? xml_child(source, "mouse") : NULL;
        ChardevSource *self = chardev->source;
        int side = 0;

        if (clipboard)
                self->has_clipboard = read_switch(domain->xml, clipboard, "copypaste", &self->clipboard) > 0;
        if (mouse)
                self->has_mouse = read_word(domain->xml, mouse, "mode", sides, &side) > 0;
        self->mouse_of_client = side == 1;
}

/* The name that a pty has got in a running domain is in its dump, and means nothing to the next one. */
static int read_pty(Domain *domain, const Chardev *chardev, XmlElement *source)
{
        ChardevSource *self = chardev->source;
        int r = source ? read_text(domain->xml, source, "path", &self->path) : 0;

        if (r > 0 && startswith(self->path, "/dev/pts/"))
                free(TAKE(self->path));
        check_absolute(domain, source, self->path);
        return r;
}

static int read_file_source(Domain *domain, const Chardev *chardev, XmlElement *source)
{
        bool append = false;

        if (source && read_switch(domain->xml, source, "append", &append) > 0)
                chardev->source->append = append;
        return read_path(domain, chardev, source);
}

static int read_source(Domain *domain, const Chardev *chardev)
{
        XmlElement *source = chardev->type == CHARDEV_UDP ? NULL : xml_child(chardev->element, "source");

        if (source)
                read_labels(domain, source);
        refuse_second(domain, chardev, source);
        switch ((ChardevType)chardev->type) {
        case CHARDEV_PTY:
                return read_pty(domain, chardev, source);
        case CHARDEV_FILE:
                return read_file_source(domain, chardev, source);
        case CHARDEV_DEV:
        case CHARDEV_PIPE:
                return read_path(domain, chardev, source);
        case CHARDEV_UNIX:
                return read_unix(domain, chardev, source);
        case CHARDEV_TCP:
                return read_tcp(domain, chardev, source);
        case CHARDEV_UDP:
                return read_udp(domain, chardev);
        case CHARDEV_SPICEPORT:
        case CHARDEV_DBUS:
                return need(domain, chardev, source, "channel", "channel='…'", &chardev->source->channel);
        case CHARDEV_VDAGENT:
                read_vdagent(domain, chardev, source);
                return 0;
        case CHARDEV_NMDM:
                xml_mark_all(chardev->element);
                xml_fault(domain->xml, FAULT_ERROR, chardev->element, /* attribute= */ NULL,
                          _("Only FreeBSD has nmdm, pairs of null modems; give type='pty' or type='unix'."));
                return 0;
        case CHARDEV_NULL:
        case CHARDEV_STDIO:
        case CHARDEV_VC:
        case CHARDEV_SPICEVMC:
                return 0;
        }
        return 0;
}

/* --- reading ------------------------------------------------------------------------------------- */

static int read_log(Domain *domain, const Chardev *chardev)
{
        XmlElement *log = xml_child(chardev->element, "log");
        ChardevSource *self = chardev->source;
        bool append;
        int r;

        if (!log)
                return 0;
        if (read_switch(domain->xml, log, "append", &append) > 0)
                self->log_append = append;
        r = read_text(domain->xml, log, "file", &self->log);
        if (r < 0)
                return r;
        if (!self->log || *self->log != '/')
                xml_fault(domain->xml, FAULT_ERROR, log, "file",
                          _("Into which file shall it write? Give an absolute path, file='/…'."));
        return 0;
}

static void read_type(Domain *domain, XmlElement *element, const char *attribute, const char *const *allowed,
                      Chardev *chardev)
{
        const char *const *words = allowed ?: types;
        int word = streq(words[0], "pty") ? 0 : -EINVAL;

        if (read_word(domain->xml, element, attribute, words, &word) == 0 && word < 0)
                xml_fault(domain->xml, FAULT_ERROR, element, attribute,
                          _("What is at its other end? Give a type, for instance %s='%s'."), attribute,
                          words[0]);
        chardev->type = word < 0 ? CHARDEV_NULL : value_word(words[word], types);
}

int chardev_read(Domain *domain, XmlElement *element, const char *attribute, const char *const *allowed,
                 Chardev *ret)
{
        int r;

        ret->element = element;
        ret->source = calloc(1, sizeof(*ret->source));
        if (!ret->source)
                return -ENOMEM;
        ret->source->append = -1;
        ret->source->log_append = -1;
        read_type(domain, element, attribute, allowed, ret);
        r = read_source(domain, ret);
        if (r >= 0)
                r = read_log(domain, ret);
        return r < 0 ? r : 0;
}

int chardev_complete(const Chardev *chardev, const char *attribute)
{
        XmlElement *source = xml_child(chardev->element, "source"), *protocol;
        int r;

        r = xml_set(chardev->element, attribute, chardev_type(chardev));
        if (r >= 0 && source && (chardev->type == CHARDEV_TCP || chardev->type == CHARDEV_UNIX))
                r = xml_set(source, "mode", modes[chardev->source->bind]);
        if (r < 0 || chardev->type != CHARDEV_TCP)
                return r;
        r = xml_ensure(chardev->element, "protocol", &protocol);
        return r < 0 ? r : xml_set(protocol, "type", protocols[chardev->source->protocol]);
}

void chardev_clear(Chardev *chardev)
{
        ChardevSource *source = chardev->source;

        if (!source)
                return;
        free(source->path);
        free(source->host);
        free(source->service);
        free(source->bind_host);
        free(source->bind_service);
        free(source->channel);
        free(source->log);
        free(source);
        chardev->source = NULL;
}
