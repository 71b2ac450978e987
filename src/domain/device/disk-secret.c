/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/device/disk-private.h"

/*
 * libvirt keeps secrets in a store of its own and hands them to the emulator encrypted. Muster has no such
 * store: the secret of a UUID is the file STATE/secrets/UUID, which the administrator makes, and which only
 * the emulator reads. Of ceph it holds what `ceph auth get-key` prints; else the password's bytes, and no
 * line break behind them.
 */

/* Where libvirt, too, looks for certificates that no configuration places elsewhere. */
#define TLS_FOLDER "/etc/pki/qemu"

static void read_secret(Domain *domain, XmlElement *owner, DiskSecret *ret)
{
        XmlElement *element = xml_child(owner, "secret");
        const char *uuid = element ? xml_attribute(element, "uuid") : NULL;

        if (!element)
                xml_fault(domain->xml, FAULT_ERROR, owner, /* attribute= */ NULL,
                          _("Which secret? Add <secret uuid='…'/>."));
        else if (!uuid)
                xml_fault(domain->xml, FAULT_ERROR, element, "usage",
                          _("Muster finds a secret by its UUID only, as a file below its state directory "
                            "(secrets/UUID); give <secret uuid='…'/>."));
        else if (value_uuid(uuid, ret->uuid) < 0)
                xml_fault(domain->xml, FAULT_ERROR, element, "uuid", _("\"%s\" is no UUID."), uuid);
        if (element) {
                xml_attribute(element, "type");
                xml_attribute(element, "usage");
        }
}

int disk_read_auth(Domain *domain, XmlElement *owner, DiskImage *image)
{
        XmlElement *auth = xml_child(owner, "auth");
        const char *user;
        int r;

        if (!auth)
                return 0;
        user = xml_attribute(auth, "username");
        if (!image->storage || !user || (image->auth_member == NULL)) {
                xml_mark_all(auth);
                xml_fault(domain->xml, FAULT_ERROR, auth, /* attribute= */ NULL,
                          user ? _("The emulator logs in nowhere to reach this source; remove <auth>.")
                               : _("Who logs in? Add username='…'."));
                return 0;
        }
        xml_attribute(auth, "type"); /* "chap", "ceph": older definitions; the protocol says it */
        read_secret(domain, auth, &image->auth);
        image->auth.base64 = streq(image->auth_member, "key-secret");
        r = json_add_string(image->storage,
                            startswith(json_get_string(image->storage, "driver"), "http") ||
                                            startswith(json_get_string(image->storage, "driver"), "ftp")
                                    ? "username"
                                    : "user",
                            user);
        if (r >= 0 && image->auth.base64) {
                json_object *list = json_object_new_array();

                if (list &&
                    (json_append_string(list, "cephx") < 0 || json_append_string(list, "none") < 0)) {
                        json_object_put(list);
                        return -ENOMEM;
                }
                r = json_add(image->storage, "auth-client-required", list);
        }
        return r;
}

int disk_read_encryption(Domain *domain, XmlElement *owner, DiskImage *image)
{
        XmlElement *encryption = xml_child(owner, "encryption");
        const char *format, *engine;

        if (!encryption)
                return 0;
        format = xml_attribute(encryption, "format");
        engine = xml_attribute(encryption, "engine");
        if (!format || !streq(format, "luks") || (engine && !streq(engine, "qemu"))) {
                xml_mark_all(encryption);
                xml_fault(domain->xml, FAULT_ERROR, encryption, /* attribute= */ NULL,
                          _("Muster opens encrypted images of format='luks' by the emulator itself only."));
                return 0;
        }
        read_secret(domain, encryption, &image->key);
        return 0;
}

/* --- the plan ------------------------------------------------------------------------------------ */

static int plan_secret(Plan *plan, Part *part, const DiskSecret *secret, const char *id)
{
        CLEANUP(free)
        char *path = text_format("%s/secrets/%s", plan->domain->host->state_directory, secret->uuid);
        json_object *object = json_object_new_object();

        if (!path || !object || json_add_string(object, "file", path) < 0 ||
            (secret->base64 && json_add_string(object, "format", "base64") < 0)) {
                json_object_put(object);
                return -ENOMEM;
        }
        if (plan_file(plan, PLAN_FILE_EXISTS, path, /* from= */ NULL, "secret") < 0) {
                json_object_put(object);
                return -ENOMEM;
        }
        return plan_object(plan, part, "secret", id, object);
}

static int plan_tls(Plan *plan, Part *part, const char *id)
{
        json_object *object = json_object_new_object();

        if (!object || json_add_string(object, "dir", TLS_FOLDER) < 0 ||
            json_add_string(object, "endpoint", "client") < 0 ||
            json_add_bool(object, "verify-peer", true) < 0 ||
            plan_file(plan, PLAN_FILE_EXISTS, TLS_FOLDER, /* from= */ NULL, "certificates") < 0) {
                json_object_put(object);
                return -ENOMEM;
        }
        return plan_object(plan, part, "tls-creds-x509", id, object);
}

static int add_key(const DiskImage *image, const char *id, json_object *format)
{
        CLEANUP(json) json_object *encrypt = NULL;

        if (!streq(image->format, "qcow2"))
                return json_add_string(format, "key-secret", id);
        encrypt = json_object_new_object();
        if (!encrypt || json_add_string(encrypt, "format", "luks") < 0 ||
            json_add_string(encrypt, "key-secret", id) < 0)
                return -ENOMEM;
        return json_add(format, "encrypt", TAKE(encrypt));
}

int disk_plan_secrets(Plan *plan, Part *part, size_t index, json_object *storage, json_object *format)
{
        const Disk *disk = part->data;
        const DiskImage *image = disk->images[index];
        CLEANUP(free) char *auth = text_format("%s-auth-secret%zu", part->alias, index);
        CLEANUP(free) char *key = text_format("%s-encryption-secret%zu", part->alias, index);
        CLEANUP(free) char *tls = text_format("obj%s-tls%zu", part->alias, index);
        int r = 0;

        if (!auth || !key || !tls)
                return -ENOMEM;
        if (*image->auth.uuid) {
                r = plan_secret(plan, part, &image->auth, auth);
                if (r >= 0)
                        r = json_add_string(storage, image->auth_member, auth);
        }
        if (r >= 0 && *image->key.uuid) {
                r = plan_secret(plan, part, &image->key, key);
                if (r >= 0)
                        r = add_key(image, key, format);
        }
        if (r >= 0 && image->tls) {
                r = plan_tls(plan, part, tls);
                if (r >= 0)
                        r = json_add_string(storage, "tls-creds", tls);
        }
        return r;
}
