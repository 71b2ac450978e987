/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "block/request.h"
#include "domain/device/disk-private.h"
#include "domain/hotplug-private.h"

/*
 * A medium is changed by its nodes, below the drive that stays. The new nodes are there before the old
 * medium goes, so that an image that cannot be opened leaves the drive as it was; hence they have names of
 * their own, and a fresh plan's names are put into these.
 */

/* --- the definition ------------------------------------------------------------------------------ */

int media_check(XmlElement *disk, MusterError **ret_error)
{
        const char *device = xml_attribute(disk, "device");

        if (streq(xml_name(disk), "disk") && device && (streq(device, "cdrom") || streq(device, "floppy")))
                return 0;
        return error_set(ret_error, -EINVAL,
                         _("Only CD-ROM and floppy drives have a medium to change; detach this device, and "
                           "attach another one."));
}

static void drop(XmlElement *disk, const char *name)
{
        XmlElement *element;

        while ((element = xml_child(disk, name)))
                xml_remove(element);
}

/* The format, which is a word of <driver>'s among others of the drive. */
static int replace_format(XmlElement *disk, XmlElement *from)
{
        XmlElement *driver = xml_child(disk, "driver"), *its = from ? xml_child(from, "driver") : NULL;
        const char *format = its ? xml_attribute(its, "type") : NULL;

        if (!driver && !format)
                return 0;
        if (xml_ensure(disk, "driver", &driver) < 0)
                return -ENOMEM;
        return xml_set(driver, "type", format ?: "raw");
}

int media_replace(Edit *edit, XmlElement *disk, XmlElement *from)
{
        static const char *const names[] = {"source", "backingStore", "encryption", "auth"};
        const char *type = from ? xml_attribute(from, "type") : NULL;
        int r;

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                XmlElement *its = from ? xml_child(from, names[i]) : NULL, *copy;

                drop(disk, names[i]);
                if (its && xml_adopt(edit->domain->xml, disk, its, &copy) < 0)
                        return -ENOMEM;
        }
        r = replace_format(disk, from);
        return r < 0 ? r : xml_set(disk, "type", type ?: "file");
}

/* The definition as text, with the other medium. */
static int edit_medium(const char *xml, size_t size, const char *which, const char *source,
                       size_t source_size, char **ret_xml, char **ret_device, MusterError **ret_error)
{
        CLEANUP(edit) Edit edit = {0};
        CLEANUP(xml) Xml *from = NULL;
        XmlElement *disk;
        int r;

        r = edit_read(xml, size, &edit, ret_error);
        if (r >= 0)
                r = find_device(edit.domain->devices_element, which, &disk, ret_error);
        if (r >= 0)
                r = media_check(disk, ret_error);
        if (r >= 0 && source && xml_parse(source, source_size, "disk", &edit.faults, &from) < 0)
                return error_oom(ret_error);
        if (r < 0)
                return r;
        if (source && !from)
                return edit_error(&edit, -EINVAL, ret_error);
        if (from && !xml_child(from->root, "source"))
                return error_set(
                        ret_error, -EINVAL,
                        _("Which medium? Add <source> to the <disk>, or empty the drive (--eject)."));
        if (media_replace(&edit, disk, from ? from->root : NULL) < 0)
                return error_oom(ret_error);
        if (ret_device) {
                XmlElement *target = xml_child(disk, "target");

                *ret_device = strdup(target ? xml_attribute(target, "dev") ?: "" : "");
                if (!*ret_device)
                        return error_oom(ret_error);
        }
        return edit_text(&edit, ret_xml, ret_error);
}

int definition_change_media(const char *xml, size_t size, const char *which, const char *source,
                            size_t source_size, char **ret_xml, MusterError **ret_error)
{
        CLEANUP(edit) Edit edit = {0};
        CLEANUP(free) char *text = NULL;
        int r;

        r = edit_medium(xml, size, which, source, source_size, &text, /* ret_device= */ NULL, ret_error);
        /* What it became is judged as a whole. */
        if (r >= 0)
                r = edit_read(text, strlen(text), &edit, ret_error);
        if (r == -EBADMSG && source)
                r = -EINVAL;
        if (r >= 0)
                *ret_xml = TAKE(text);
        return r;
}

/* --- names --------------------------------------------------------------------------------------- */

/* `name`, which begins with `prefix`, beginning with `other` instead. */
static int rename_one(json_object *node, const char *key, const char *prefix, const char *other)
{
        const char *name = json_get_string(node, key);
        const char *suffix = name ? startswith(name, prefix) : NULL;
        char made[NODE_NAME_MAX + 1];
        int r;

        if (!name)
                return 0;
        /* Long names were cut, each to its own digest. */
        r = node_name_derive(other, suffix && strlen(suffix) <= 20 ? suffix : name + strlen(name) / 2, made);
        return r < 0 ? r : json_add_string(node, key, made);
}

static int rename_nodes(json_object *nodes, const char *prefix, const char *other)
{
        static const char *const keys[] = {"node-name", "file", "backing"};
        int r = 0;

        for (size_t i = 0; i < json_object_array_length(nodes); i++)
                for (size_t k = 0; r >= 0 && k < ELEMENTSOF(keys); k++)
                        r = rename_one(json_object_array_get_idx(nodes, i), keys[k], prefix, other);
        return r;
}

/* A drive without a chain has no nodes, so the first further name is free. */
static int new_name(const json_object *old, const char *prefix, json_object **ret_counter,
                    char ret[static CHAIN_NODE_NAME_MAX + 1])
{
        CLEANUP(json) json_object *counter = step_named("prefix", prefix);
        int r;

        if (!counter || json_add_int(counter, "serial", json_get_int(old, "serial", 0)) < 0)
                return -ENOMEM;
        r = chain_new_name(counter, ret);
        if (r >= 0)
                *ret_counter = TAKE(counter);
        return r;
}

/* --- the steps ----------------------------------------------------------------------------------- */

static char *drive_id(const Part *part)
{
        const Disk *disk = part->data;

        /* behind its bridge */
        return disk->bus == DISK_USB ? text_format("%s-device", part->alias) : strdup(part->alias);
}

static int add_nodes(const json_object *nodes, json_object *steps)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < json_object_array_length(nodes); i++) {
                json_object *node = json_object_array_get_idx(nodes, i);

                r = step_add(steps, "blockdev-add", json_object_get(node), "blockdev-del",
                             step_named("node-name", json_get_string(node, "node-name")), /* ret= */ NULL);
        }
        return r;
}

/* The guest may close it between any two commands, or be reset, which closes it as well. */
static int add_retry(json_object *step, const char *id)
{
        CLEANUP(json)
        json_object *retry = step_named("execute", "blockdev-open-tray"), *arguments = step_named("id", id);

        if (!retry || !arguments || json_add_bool(arguments, "force", true) < 0 ||
            json_add(retry, "arguments", TAKE(arguments)) < 0)
                return -ENOMEM;
        return json_add(step, "retry", TAKE(retry));
}

static int add_tray(json_object *steps, const char *id, bool force)
{
        CLEANUP(json) json_object *arguments = step_named("id", id);

        if (!arguments || json_add_bool(arguments, "force", force) < 0)
                return -ENOMEM;
        return step_add(steps, "blockdev-open-tray", TAKE(arguments), "blockdev-close-tray",
                        step_named("id", id), /* ret= */ NULL);
}

static int add_insertion(json_object *steps, const char *id, const char *top)
{
        CLEANUP(json) json_object *arguments = step_named("id", id);
        json_object *step;
        int r;

        if (!top)
                return 0;
        if (!arguments || json_add_string(arguments, "node-name", top) < 0)
                return -ENOMEM;
        r = step_add(steps, "blockdev-insert-medium", TAKE(arguments), /* undo= */ NULL,
                     /* undo_arguments= */ NULL, &step);
        return r < 0 ? r : add_retry(step, id);
}

/* To be undone: the old medium goes back in. */
static int add_removal(json_object *steps, const char *id, const json_object *old)
{
        CLEANUP(json) json_object *back = step_named("id", id);
        json_object *step;
        int r;

        if (!back || (old && json_add_string(back, "node-name", chain_top(old)) < 0))
                return -ENOMEM;
        r = step_add(steps, "blockdev-remove-medium", step_named("id", id),
                     old ? "blockdev-insert-medium" : NULL, old ? TAKE(back) : NULL, &step);
        if (r >= 0 && old)
                r = add_retry(json_get(step, "undo", json_type_object), id);
        return r < 0 ? r : add_retry(step, id);
}

static int add_steps(const json_object *nodes, const json_object *old, const char *id, bool force,
                     json_object *steps)
{
        size_t n = json_object_array_length(nodes);
        const char *top =
                n > 0 ? json_get_string(json_object_array_get_idx(nodes, n - 1), "node-name") : NULL;
        int r;

        r = add_nodes(nodes, steps);
        if (r >= 0)
                r = add_tray(steps, id, force);
        if (r >= 0)
                r = add_removal(steps, id, old);
        if (r >= 0)
                r = add_insertion(steps, id, top);
        if (r >= 0)
                r = step_add_named(steps, "blockdev-close-tray", "id", id);
        return r < 0 || !old ? r : chain_add_removal_all(old, steps);
}

static int check_additions(const Plan *plan, MusterError **ret_error)
{
        for (size_t i = 0; i < json_object_array_length(plan->additions); i++) {
                const char *option =
                        json_get_string(json_object_array_get_idx(plan->additions, i), "option");

                if (!streq_ptr(option, "-blockdev") && !streq_ptr(option, "-device"))
                        return error_set(
                                ret_error, -EOPNOTSUPP,
                                _("A medium with passwords, keys or limits of its own cannot be put "
                                  "into a drive of a running guest; do it while the domain is shut "
                                  "off."));
        }
        return 0;
}

static int take_nodes(const Plan *plan, const Part *part, const json_object *old, const char *id,
                      json_object **ret_nodes, json_object **ret_chain, MusterError **ret_error)
{
        CLEANUP(free) char *long_prefix = text_format("muster-%s", part->alias);
        CLEANUP(json) json_object *counter = NULL, *nodes = NULL, *chain = NULL;
        const Disk *disk = part->data;
        char prefix[NODE_NAME_MAX + 1], name[CHAIN_NODE_NAME_MAX + 1];
        size_t n = json_object_array_length(plan->blockdev);
        int r;

        if (!long_prefix || node_name_derive(long_prefix, "", prefix) < 0 ||
            new_name(old, prefix, &counter, name) < 0 ||
            json_object_deep_copy(plan->blockdev, &nodes, NULL) < 0 || rename_nodes(nodes, prefix, name) < 0)
                return error_oom(ret_error);
        if (n > 0) {
                const char *top = json_get_string(json_object_array_get_idx(nodes, n - 1), "node-name");

                r = chain_new(nodes, disk->target, id, prefix, top, &chain, ret_error);
                if (r < 0)
                        return r;
                if (json_add_int(chain, "serial", json_get_int(counter, "serial", 1)) < 0)
                        return error_oom(ret_error);
        }
        *ret_nodes = TAKE(nodes);
        *ret_chain = TAKE(chain);
        return 0;
}

static json_object *old_chain(const LiveDomain *live, const char *target)
{
        return live->chains ? json_get(live->chains, target, json_type_object) : NULL;
}

static Part *find_target(const Domain *domain, const char *target)
{
        Part *part = NULL;

        while ((part = domain_next(domain, &device_disk, part))) {
                const Disk *disk = part->data;

                if (streq_ptr(disk->target, target))
                        return part;
        }
        return NULL;
}

static int finish(Edit *edit, const LiveDomain *live, Part *part, bool force, DeviceChange *change,
                  MusterError **ret_error)
{
        const Disk *disk = part->data;
        CLEANUP(Plan) Plan *plan = NULL;
        CLEANUP(json) json_object *nodes = NULL;
        CLEANUP(free) char *id = drive_id(part);
        json_object *old = old_chain(live, disk->target);
        int r;

        if (!id || plan_new_parts(edit->domain, &part, /* n= */ 1, live->evidence, &plan) < 0)
                return error_oom(ret_error);
        if (!plan)
                return edit_error(edit, -EINVAL, ret_error);
        r = check_additions(plan, ret_error);
        if (r >= 0)
                r = take_nodes(plan, part, old, id, &nodes, &change->chain, ret_error);
        if (r < 0)
                return r;
        if (add_steps(nodes, old, id, force, change->steps) < 0 || device_change_take(change, plan) < 0 ||
            chain_write_found(part) < 0)
                return error_oom(ret_error);
        return step_check_all(live->verdicts, change->steps, ret_error);
}

int device_change_media(const LiveDomain *live, const char *which, const char *source, size_t size,
                        bool force, DeviceChange **ret, MusterError **ret_error)
{
        CLEANUP(edit) Edit edit = {0};
        CLEANUP(DeviceChange) DeviceChange *change = NULL;
        CLEANUP(free) char *text = NULL, *target = NULL;
        Part *part;
        int r;

        if (device_change_new(&change) < 0)
                return error_oom(ret_error);
        r = edit_medium(live->xml, live->size, which, source, size, &text, &target, ret_error);
        if (r >= 0)
                r = edit_read(text, strlen(text), &edit, ret_error);
        if (r == -EBADMSG && source)
                r = -EINVAL;
        if (r >= 0)
                r = edit_complete(&edit, live, ret_error);
        if (r < 0)
                return r;
        part = find_target(edit.domain, target);
        if (!part || edit.faults.n_errors > 0)
                return edit_error(&edit, -EINVAL, ret_error);
        r = finish(&edit, live, part, force, change, ret_error);
        if (r < 0)
                return r;
        change->alias = strdup(part->alias);
        change->disk = TAKE(target);
        change->device = xml_element_to_text(edit.domain->xml, part->element);
        if (!change->alias || !change->device)
                return error_oom(ret_error);
        r = edit_text(&edit, &change->xml, ret_error);
        if (r >= 0)
                *ret = TAKE(change);
        return r;
}
