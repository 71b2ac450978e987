/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/chain.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "block/request.h"
#include "domain/canonical.h"
#include "domain/device/disk-private.h"

/*
 * What a chain says in a definition: <source> and <driver type> of the disk are the topmost image's, and
 * each lower one is a <backingStore> within the one above it, the last of which is empty. The elements of
 * images that stay are moved, not written anew, since they may say more than where the image is.
 */

/* --- as it begins -------------------------------------------------------------------------------- */

static const char *drive_of(const Plan *plan, const char *prefix)
{
        for (size_t i = 0; i < json_object_array_length(plan->blockdev); i++) {
                const char *name =
                        json_get_string(json_object_array_get_idx(plan->blockdev, i), "node-name");

                /* The disk's own name is the topmost node's, whatever is below. */
                if (streq_ptr(name, prefix))
                        return name;
        }
        return NULL;
}

static int add_chain(const Plan *plan, const Part *part, json_object *chains, MusterError **ret_error)
{
        const Disk *disk = part->data;
        CLEANUP(free) char *wanted = text_format("muster-%s", part->alias);
        CLEANUP(free)
        char *device = text_format("%s%s", part->alias,
                                   disk->bus == DISK_USB && disk->device == DISK_CDROM ? "-device" : "");
        CLEANUP(json) json_object *chain = NULL;
        char prefix[NODE_NAME_MAX + 1];
        const char *top;
        int r;

        if (!wanted || !device || node_name_derive(wanted, "", prefix) < 0)
                return error_oom(ret_error);
        top = drive_of(plan, prefix);
        if (!top)
                return 0;
        r = chain_new(plan->blockdev, disk->target, device, prefix, top, &chain, ret_error);
        if (r < 0)
                return r;
        if ((disk->shareable && json_add_bool(chain, "shared", true) < 0) ||
            (disk->transient && json_add_bool(chain, "transient", true) < 0) ||
            json_add(chains, disk->target, TAKE(chain)) < 0)
                return error_oom(ret_error);
        return 0;
}

int chains_of_plan(const Plan *plan, json_object **ret, MusterError **ret_error)
{
        CLEANUP(json) json_object *chains = json_object_new_object();
        int r = chains ? 0 : error_oom(ret_error);

        for (const Part *part = NULL; r >= 0 && (part = domain_next(plan->domain, &device_disk, part));)
                r = add_chain(plan, part, chains, ret_error);
        if (r >= 0)
                *ret = TAKE(chains);
        return r;
}

/* --- writing ------------------------------------------------------------------------------------- */

/* Where an image of a chain is in the definition. */
typedef struct Entry {
        XmlElement *source;
        const char *format, *type; /* of elements that live as long as the tree */
        char *file;
        bool used;
} Entry;

typedef struct Entries {
        Entry *items;
        size_t n;
} Entries;

static void entries_clear(Entries *entries)
{
        for (size_t i = 0; i < entries->n; i++)
                free(entries->items[i].file);
        free(entries->items);
}

static inline void cleanup_entries(Entries *entries)
{
        entries_clear(entries);
}

static const char *file_of(XmlElement *source)
{
        return xml_attribute(source, "file") ?: xml_attribute(source, "dev");
}

static int take_entry(XmlElement *owner, XmlElement *format, XmlElement *keep, Entries *entries)
{
        XmlElement *source = xml_child(owner, "source");
        Entry *grown;

        if (!source)
                return 0;
        grown = reallocarray(entries->items, entries->n + 1, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        entries->items = grown;
        entries->items[entries->n] =
                (Entry){.source = source, .format = format ? xml_attribute(format, "type") : NULL};
        if (file_of(source)) {
                entries->items[entries->n].file = strdup(file_of(source));
                if (!entries->items[entries->n].file)
                        return -ENOMEM;
        }
        entries->n++;
        xml_move_into(source, keep);
        return 0;
}

/* All <source>s of the chain, put below `keep`; its <backingStore> goes. */
static int take_entries(XmlElement *disk, XmlElement *keep, Entries *entries)
{
        XmlElement *owner = disk, *first = xml_child(disk, "backingStore");
        int r;

        r = take_entry(disk, xml_child(disk, "driver"), keep, entries);
        while (r >= 0 && (owner = xml_child(owner, "backingStore")))
                r = take_entry(owner, xml_child(owner, "format"), keep, entries);
        if (r >= 0 && first)
                xml_move_into(first, keep);
        return r;
}

static Entry *find_entry(Entries *entries, const json_object *image)
{
        const char *file = json_get_string(image, "file");

        for (size_t i = 0; i < entries->n; i++)
                if (!entries->items[i].used && streq_ptr(entries->items[i].file, file))
                        return &entries->items[i];
        return NULL;
}

static bool is_block(const json_object *image)
{
        const char *driver = json_get_string(image, "driver");

        return streq_ptr(driver, "host_device") || streq_ptr(driver, "host_cdrom");
}

static const char *type_of(const Entry *entry, const json_object *image)
{
        if (json_get_string(image, "file"))
                return is_block(image) ? "block" : "file";
        return entry && xml_attribute(entry->source, "protocol") ? "network" : NULL;
}

static int put_source(XmlElement *owner, Entry *entry, const json_object *image, bool top)
{
        const char *file = json_get_string(image, "file");
        XmlElement *source;
        int r = 0;

        if (entry) {
                entry->used = true;
                xml_move_into(entry->source, owner);
                /* What is done where the disk's own image is missing; a lower one may not be. */
                return top ? 0 : xml_set(entry->source, "startupPolicy", NULL);
        }
        if (!file)
                return -ENOENT;
        r = xml_add(owner, "source", /* text= */ NULL, &source);
        return r < 0 ? r : xml_set(source, is_block(image) ? "dev" : "file", file);
}

static int put_image(XmlElement *owner, Entry *entry, const json_object *image, bool top)
{
        const char *type = type_of(entry, image);
        XmlElement *format;
        int r;

        r = type ? xml_set(owner, "type", type) : 0;
        if (r >= 0)
                r = xml_ensure(owner, top ? "driver" : "format", &format);
        if (r >= 0 && top)
                r = xml_set(format, "name", "qemu");
        /* The emulator's name of a format is libvirt's, but for a key's layer that is none. */
        if (r >= 0 && !streq(json_get_string(image, "format"), "luks"))
                r = xml_set(format, "type", json_get_string(image, "format"));
        else if (r >= 0)
                r = xml_set(format, "type", "raw");
        return r < 0 ? r : put_source(owner, entry, image, top);
}

static int put_chain(XmlElement *disk, Entries *entries, const json_object *chain)
{
        XmlElement *owner = disk;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < chain_length(chain); i++) {
                const json_object *image = chain_image(chain, i);

                r = put_image(owner, find_entry(entries, image), image, i == 0);
                if (r >= 0 && (i + 1 < chain_length(chain) || !json_get_bool(chain, "open", false)))
                        r = xml_add(owner, "backingStore", /* text= */ NULL, &owner);
        }
        return r;
}

static XmlElement *find_disk(Xml *xml, const char *target)
{
        XmlElement *devices = xml_child(xml->root, "devices"), *disk = NULL;

        while (devices && (disk = xml_next(devices, "disk", disk))) {
                XmlElement *element = xml_child(disk, "target");

                if (element && streq_ptr(xml_attribute(element, "dev"), target))
                        return disk;
        }
        return NULL;
}

static int write_chain(Domain *domain, XmlElement *disk, const json_object *chain, MusterError **ret_error)
{
        CLEANUP(entries) Entries entries = {0};
        XmlElement *keep;
        int r;

        r = xml_add(disk, "muster", /* text= */ NULL, &keep);
        if (r >= 0)
                r = take_entries(disk, keep, &entries);
        if (r >= 0)
                r = put_chain(disk, &entries, chain);
        if (r == -ENOENT)
                return error_set(ret_error, r,
                                 _("An image of disk %s that is no file is not in the definition."),
                                 chain_disk(chain));
        if (r < 0)
                return error_oom(ret_error);
        xml_remove(keep);
        return domain_sort(domain) < 0 ? error_oom(ret_error) : 0;
}

int chain_write_xml(const char *xml, size_t size, const json_object *chain, char **ret_xml,
                    MusterError **ret_error)
{
        CLEANUP(faults) Faults faults = {0};
        CLEANUP(Domain) Domain *domain = NULL;
        XmlElement *disk;
        int r;

        r = chain_check(chain, ret_error);
        if (r < 0)
                return r;
        r = domain_read(xml, size, &faults, &domain);
        if (r < 0)
                return error_errno(ret_error, r, _("The definition cannot be read"));
        if (!domain)
                return error_set(ret_error, -EBADMSG, "%s",
                                 faults.n_items > 0 ? faults.items[0].message : "?");
        disk = find_disk(domain->xml, chain_disk(chain));
        if (!disk)
                return error_set(ret_error, -ENOENT, _("The definition has no disk %s."), chain_disk(chain));
        r = write_chain(domain, disk, chain, ret_error);
        if (r < 0)
                return r;
        *ret_xml = xml_to_text(domain->xml);
        return *ret_xml ? 0 : error_oom(ret_error);
}

/* --- what headers said --------------------------------------------------------------------------- */

static int write_found(XmlElement *owner, const DiskImage *image, XmlElement **ret)
{
        bool block = streq_ptr(json_get_string(image->storage, "driver"), "host_device");
        XmlElement *store, *format, *source;

        if (xml_ensure(owner, "backingStore", &store) < 0 ||
            xml_set(store, "type", block ? "block" : "file") < 0 ||
            xml_ensure(store, "format", &format) < 0 || xml_set(format, "type", image->format) < 0 ||
            xml_ensure(store, "source", &source) < 0 ||
            xml_set(source, block ? "dev" : "file", image->path) < 0)
                return -ENOMEM;
        *ret = store;
        return 0;
}

int chain_write_found(Part *part)
{
        const Disk *disk = part->data;
        XmlElement *owner = part->element;
        int r = 0;

        if (!disk->images[0]->storage || disk->absent || !disk->chain_known)
                return 0;
        for (size_t i = 1; r >= 0 && i < disk->n_images; i++) {
                if (disk->images[i]->found)
                        r = write_found(owner, disk->images[i], &owner);
                else
                        owner = disk->images[i]->element;
        }
        /* The end, so that nobody reads a header again that the guest may have changed. */
        return r < 0 ? r : xml_ensure(owner, "backingStore", &owner);
}
