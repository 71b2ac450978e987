/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/device/disk-private.h"

typedef struct NetworkHost {
        XmlElement *element;
        const char *name, *port, *socket;
        int transport;
} NetworkHost;

static const char *const transports[] = {"tcp", "unix", "rdma", NULL};

enum {
        TRANSPORT_TCP,
        TRANSPORT_UNIX,
        TRANSPORT_RDMA,
};

/* A name or an address, of which no character has a meaning in a URL, a portal or a list of monitors. */
static bool is_host(const char *text)
{
        if (!*text)
                return false;
        for (; *text; text++)
                if (!isascii(*text) || (!isalnum((unsigned char)*text) && !strchr("-._:", *text)))
                        return false;
        return true;
}

/* 1: there is such a host; 0: none, or a fault was reported. */
static int read_host(Domain *domain, XmlElement *element, NetworkHost *ret)
{
        uint64_t port = 0;

        *ret = (NetworkHost){.element = element, .transport = TRANSPORT_TCP};
        if (!element)
                return 0;
        read_word(domain->xml, element, "transport", transports, &ret->transport);
        ret->name = xml_attribute(element, "name");
        ret->port = xml_attribute(element, "port");
        ret->socket = xml_attribute(element, "socket");
        read_uint(domain->xml, element, "port", UINT16_MAX, &port);
        if (ret->transport == TRANSPORT_UNIX) {
                if (ret->socket && ret->socket[0] == '/')
                        return 1;
                xml_fault(domain->xml, FAULT_ERROR, element, "socket",
                          _("Transport unix wants the absolute path of a socket: socket='/run/…'."));
                return 0;
        }
        if (ret->name && is_host(ret->name))
                return 1;
        xml_fault(domain->xml, FAULT_ERROR, element, "name", _("This is no name or address of a host."));
        return 0;
}

/* The one host of a protocol that has one. As libvirt does, the usual port is written down. */
static int read_one_host(Domain *domain, const DiskImage *image, const char *port, NetworkHost *ret)
{
        XmlElement *element = xml_child(image->source, "host");
        int r;

        if (!element)
                xml_fault(domain->xml, FAULT_ERROR, image->source, /* attribute= */ NULL,
                          _("On which host is it? Add <host name='…'/>."));
        r = read_host(domain, element, ret);
        if (r <= 0 || ret->port || ret->transport == TRANSPORT_UNIX)
                return r;
        if (xml_set(element, "port", port) < 0)
                return -ENOMEM;
        ret->port = port;
        return 1;
}

static bool refuse_transport(Domain *domain, const NetworkHost *host, const char *protocol, int other)
{
        if (host->transport == TRANSPORT_TCP || host->transport == other)
                return false;
        xml_fault(domain->xml, FAULT_ERROR, host->element, "transport",
                  _("The emulator does not speak %s over %s; leave transport out for tcp."), protocol,
                  transports[host->transport]);
        return true;
}

static int add_server(json_object *parent, const NetworkHost *host, bool typed)
{
        CLEANUP(json) json_object *server = json_object_new_object();
        bool is_unix = host->transport == TRANSPORT_UNIX;
        int r = server ? 0 : -ENOMEM;

        if (r >= 0 && typed)
                r = json_add_string(server, "type", is_unix ? "unix" : "inet");
        if (r >= 0 && is_unix)
                r = json_add_string(server, "path", host->socket);
        if (r >= 0 && !is_unix)
                r = json_add_string(server, "host", host->name);
        if (r >= 0 && !is_unix)
                /* 6789: a monitor of ceph; of other hosts it is always said */
                r = json_add_string(server, "port", host->port ?: "6789");
        return r < 0 ? r : json_add(parent, "server", TAKE(server));
}

static const char *need_name(Domain *domain, const DiskImage *image, const char *what)
{
        const char *name = xml_attribute(image->source, "name");

        if (!name || !*name)
                xml_fault(domain->xml, FAULT_ERROR, image->source, "name", _("The source has no name: %s."),
                          what);
        return name && *name ? name : NULL;
}

/* --- NBD ----------------------------------------------------------------------------------------- */

static int read_nbd(Domain *domain, DiskImage *image, json_object *storage)
{
        XmlElement *reconnect = xml_child(image->source, "reconnect");
        const char *name = xml_attribute(image->source, "name"),
                   *tls_host = xml_attribute(image->source, "tlsHostname");
        uint64_t delay = 0;
        NetworkHost host;
        int r;

        r = read_one_host(domain, image, "10809", &host);
        if (r <= 0)
                return r;
        if (refuse_transport(domain, &host, "NBD", TRANSPORT_UNIX))
                return 0;
        read_switch(domain->xml, image->source, "tls", &image->tls);
        r = add_server(storage, &host, /* typed= */ true);
        if (r >= 0 && name)
                r = json_add_string(storage, "export", name);
        if (r >= 0 && tls_host)
                r = json_add_string(storage, "tls-hostname", tls_host);
        if (reconnect && read_uint(domain->xml, reconnect, "delay", UINT32_MAX, &delay) > 0 && r >= 0)
                r = json_add_int(storage, "reconnect-delay", (int64_t)delay);
        if (tls_host && !image->tls)
                xml_fault(domain->xml, FAULT_ERROR, image->source, "tlsHostname",
                          _("A host name for TLS, but no TLS; add tls='yes'."));
        return r;
}

/* --- HTTP and FTP -------------------------------------------------------------------------------- */

/* What may stand in a URL as it is is kept, of a query also '%' and '?', since it comes encoded. */
static char *encode(const char *text, const char *keep)
{
        char *out = calloc(3, strlen(text) + 1), *at = out;

        for (; out && *text; text++) {
                if (isascii(*text) && (isalnum((unsigned char)*text) || strchr(keep, *text)))
                        *at++ = *text;
                else
                        at += sprintf(at, "%%%02X", (unsigned char)*text);
        }
        return out;
}

static char *make_url(const char *protocol, const NetworkHost *host, const char *name, const char *query)
{
        CLEANUP(free) char *path = encode(name, "-._~/:@!$&'()*+,;=");
        CLEANUP(free) char *search = encode(query ?: "", "-._~/:@!$&'()*+,;=?%");
        bool v6 = strchr(host->name, ':') != NULL;

        if (!path || !search)
                return NULL;
        return text_format("%s://%s%s%s:%s%s%s%s%s", protocol, v6 ? "[" : "", host->name, v6 ? "]" : "",
                           host->port, *path == '/' ? "" : "/", path, query ? "?" : "", search);
}

/* Names and values of cookies as RFC 6265 has them, so that none of them is several. */
static bool is_cookie(const char *text, bool name)
{
        for (; *text; text++)
                if (!isascii(*text) || !isgraph((unsigned char)*text) ||
                    strchr(name ? "()<>@,;:\\\"/[]?={}" : "\",;\\", *text))
                        return false;
        return true;
}

static int read_cookies(Domain *domain, const DiskImage *image, json_object *storage)
{
        XmlElement *cookies = xml_child(image->source, "cookies");
        CLEANUP(free) char *all = strdup("");

        if (!cookies || !all)
                return all ? 0 : -ENOMEM;
        for (XmlElement *cookie = NULL; (cookie = xml_next(cookies, "cookie", cookie));) {
                const char *name = xml_attribute(cookie, "name");
                CLEANUP(free) char *value = xml_text(cookie);
                char *longer;

                if (!value)
                        return -ENOMEM;
                if (!name || !*name || !is_cookie(name, true) || !is_cookie(value, false)) {
                        xml_fault(domain->xml, FAULT_ERROR, cookie, /* attribute= */ NULL,
                                  _("A cookie has a name and a value, without blanks, quotes, commas and "
                                    "semicolons."));
                        return 0;
                }
                longer = text_format("%s%s%s=%s", all, *all ? "; " : "", name, value);
                if (!longer)
                        return -ENOMEM;
                free(all);
                all = longer;
        }
        if (!*all)
                return 0;
        xml_fault(domain->xml, FAULT_WARNING, cookies, /* attribute= */ NULL,
                  _("Cookies stand in the emulator's arguments, which all users of this host can see."));
        return json_add_string(storage, "cookie", all);
}

/* <NAME ATTRIBUTE='number'/> as a member. */
static int read_setting(Domain *domain, const DiskImage *image, const char *name, const char *attribute,
                        const char *member, json_object *storage)
{
        XmlElement *element = xml_child(image->source, name);
        uint64_t number;

        if (!element || read_uint(domain->xml, element, attribute, INT32_MAX, &number) <= 0)
                return 0;
        return json_add_int(storage, member, (int64_t)number);
}

static const char *curl_port(const char *protocol)
{
        return streq(protocol, "https")  ? "443"
               : streq(protocol, "http") ? "80"
               : streq(protocol, "ftps") ? "990"
                                         : "21";
}

static int read_curl(Domain *domain, DiskImage *image, const char *protocol, json_object *storage)
{
        XmlElement *ssl = xml_child(image->source, "ssl");
        const char *name = need_name(domain, image, _("the path on the server"));
        CLEANUP(free) char *url = NULL;
        bool verify = true;
        NetworkHost host;
        int r;

        r = read_one_host(domain, image, curl_port(protocol), &host);
        if (r <= 0 || !name || refuse_transport(domain, &host, protocol, TRANSPORT_TCP))
                return r < 0 ? r : 0;
        url = make_url(protocol, &host, name, xml_attribute(image->source, "query"));
        r = url ? json_add_string(storage, "url", url) : -ENOMEM;
        if (r >= 0 && ssl && read_switch(domain->xml, ssl, "verify", &verify) > 0) {
                if (streq(protocol, "https") || streq(protocol, "ftps"))
                        r = json_add_bool(storage, "sslverify", verify);
                else
                        xml_fault(domain->xml, FAULT_ERROR, ssl, /* attribute= */ NULL,
                                  _("%s has no TLS whose certificate could be verified; remove <ssl>."),
                                  protocol);
        }
        if (r >= 0 && startswith(protocol, "http"))
                r = read_cookies(domain, image, storage);
        if (r >= 0)
                r = read_setting(domain, image, "readahead", "size", "readahead", storage);
        if (r >= 0)
                r = read_setting(domain, image, "timeout", "seconds", "timeout", storage);
        image->auth_member = "password-secret";
        return r;
}

/* --- iSCSI --------------------------------------------------------------------------------------- */

/* "iqn.2013-07.com.example:pool/1": the target, and its logical unit. */
static int add_target(Domain *domain, const DiskImage *image, const char *name, json_object *storage)
{
        const char *slash = strrchr(name, '/');
        CLEANUP(free) char *target = slash ? strndup(name, (size_t)(slash - name)) : strdup(name);
        uint64_t lun = 0;

        if (!target)
                return -ENOMEM;
        if (slash && value_uint(slash + 1, 16383, &lun) < 0)
                xml_fault(domain->xml, FAULT_ERROR, image->source, "name",
                          _("Behind the '/' stands the number of a logical unit, as in "
                            "iqn.2013-07.com.example:pool/1."));
        if (json_add_string(storage, "target", target) < 0)
                return -ENOMEM;
        return json_add_int(storage, "lun", (int64_t)lun);
}

static int read_iscsi(Domain *domain, DiskImage *image, json_object *storage)
{
        XmlElement *initiator = xml_child(image->source, "initiator"),
                   *iqn = initiator ? xml_child(initiator, "iqn") : NULL;
        const char *name = need_name(domain, image, _("the target's, with the unit's number behind a '/'")),
                   *own = iqn ? xml_attribute(iqn, "name") : NULL;
        NetworkHost host;
        bool v6;
        int r;

        r = read_one_host(domain, image, "3260", &host);
        if (r <= 0 || !name || refuse_transport(domain, &host, "iSCSI", TRANSPORT_RDMA))
                return r < 0 ? r : 0;
        v6 = strchr(host.name, ':') != NULL;
        r = json_add_string(storage, "transport", host.transport == TRANSPORT_RDMA ? "iser" : "tcp");
        if (r >= 0)
                r = json_add_stringf(storage, "portal", "%s%s%s:%s", v6 ? "[" : "", host.name, v6 ? "]" : "",
                                     host.port);
        if (r >= 0)
                r = add_target(domain, image, name, storage);
        if (r >= 0 && own)
                r = json_add_string(storage, "initiator-name", own);
        image->auth_member = "password-secret";
        return r;
}

/* --- RBD ----------------------------------------------------------------------------------------- */

/* "pool/image", "pool/namespace/image" */
static int add_image_name(Domain *domain, const DiskImage *image, const char *name, json_object *storage)
{
        CLEANUP(strv) char **parts = NULL;
        size_t n;

        if (strv_split(name, "/", &parts) < 0)
                return -ENOMEM;
        n = strv_length(parts);
        if (n < 2 || n > 3) {
                xml_fault(domain->xml, FAULT_ERROR, image->source, "name",
                          _("The name of an RBD image is pool/image, or pool/namespace/image."));
                return 0;
        }
        if (json_add_string(storage, "pool", parts[0]) < 0 ||
            (n == 3 && json_add_string(storage, "namespace", parts[1]) < 0))
                return -ENOMEM;
        return json_add_string(storage, "image", parts[n - 1]);
}

static int add_monitors(Domain *domain, const DiskImage *image, json_object *storage)
{
        CLEANUP(json) json_object *servers = json_object_new_array();
        NetworkHost host;
        int r = servers ? 0 : -ENOMEM;

        for (XmlElement *element = NULL; r >= 0 && (element = xml_next(image->source, "host", element));) {
                CLEANUP(json) json_object *holder = json_object_new_object();

                if (read_host(domain, element, &host) <= 0 ||
                    refuse_transport(domain, &host, "RBD", TRANSPORT_TCP))
                        return 0;
                r = holder ? add_server(holder, &host, /* typed= */ false) : -ENOMEM;
                if (r >= 0)
                        r = json_append(servers,
                                        json_object_get(json_get(holder, "server", json_type_object)));
        }
        if (r < 0 || json_object_array_length(servers) == 0)
                return r;
        return json_add(storage, "server", TAKE(servers));
}

/* With a name and a key cephx it is; without librados asks the configuration. */
static int read_rbd(Domain *domain, DiskImage *image, json_object *storage)
{
        const char *name = need_name(domain, image, _("pool/image"));
        XmlElement *snapshot = xml_child(image->source, "snapshot"),
                   *config = xml_child(image->source, "config");
        const char *snapshot_name = snapshot ? xml_attribute(snapshot, "name") : NULL,
                   *file = config ? xml_attribute(config, "file") : NULL;
        int r;

        if (!name)
                return 0;
        r = add_image_name(domain, image, name, storage);
        if (r >= 0)
                r = add_monitors(domain, image, storage);
        if (r >= 0 && snapshot_name)
                r = json_add_string(storage, "snapshot", snapshot_name);
        if (r >= 0 && file)
                r = json_add_string(storage, "conf", file);
        image->auth_member = "key-secret";
        return r;
}

/* --- SSH ----------------------------------------------------------------------------------------- */

static int read_ssh(Domain *domain, DiskImage *image, json_object *storage)
{
        const char *name = need_name(domain, image, _("the path on the server"));
        XmlElement *identity = xml_child(image->source, "identity");
        const char *user = identity ? xml_attribute(identity, "username") : NULL;
        NetworkHost host;
        int r;

        r = read_one_host(domain, image, "22", &host);
        if (r <= 0 || !name || refuse_transport(domain, &host, "SSH", TRANSPORT_TCP))
                return r < 0 ? r : 0;
        if (identity && (xml_attribute(identity, "keyfile") || xml_attribute(identity, "agentsock")))
                xml_fault(domain->xml, FAULT_ERROR, identity, /* attribute= */ NULL,
                          _("The emulator takes the keys of its user's agent only; remove keyfile and "
                            "agentsock."));
        r = json_add_string(storage, "path", name);
        if (r >= 0)
                r = add_server(storage, &host, /* typed= */ false);
        if (r >= 0 && user)
                r = json_add_string(storage, "user", user);
        return r;
}

/* ------------------------------------------------------------------------------------------------- */

static int read_protocol(Domain *domain, DiskImage *image, const char *protocol, json_object *storage)
{
        if (streq(protocol, "nbd"))
                return read_nbd(domain, image, storage);
        if (streq(protocol, "iscsi"))
                return read_iscsi(domain, image, storage);
        if (streq(protocol, "rbd"))
                return read_rbd(domain, image, storage);
        if (streq(protocol, "ssh"))
                return read_ssh(domain, image, storage);
        return read_curl(domain, image, protocol, storage);
}

int disk_read_network(Domain *domain, DiskImage *image)
{
        static const char *const protocols[] = {"nbd",   "http", "https", "ftp", "ftps",
                                                "iscsi", "rbd",  "ssh",   NULL};
        CLEANUP(json) json_object *storage = json_object_new_object();
        int protocol = -1, r;

        if (!storage)
                return -ENOMEM;
        if (read_word(domain->xml, image->source, "protocol", protocols, &protocol) <= 0) {
                if (!xml_attribute(image->source, "protocol"))
                        xml_fault(domain->xml, FAULT_ERROR, image->source, "protocol",
                                  _("Which protocol? Give one: nbd, http, https, ftp, ftps, iscsi, rbd or "
                                    "ssh."));
                xml_mark_all(image->source);
                return 0;
        }
        r = json_add_string(storage, "driver", protocols[protocol]);
        if (r >= 0)
                r = read_protocol(domain, image, protocols[protocol], storage);
        image->storage = TAKE(storage);
        return r;
}
