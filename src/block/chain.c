/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "block/chain.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "block/request.h"
#include "block/step.h"

#define CHAIN_IMAGES_MAX 200

static const char *const modes[] = {
        [CHAIN_STORAGE_AUTO] = "auto",
        [CHAIN_STORAGE_READ_ONLY] = "read-only",
        [CHAIN_STORAGE_WRITABLE] = "writable",
};

/* --- from nodes ---------------------------------------------------------------------------------- */

static json_object *find_node(const json_object *nodes, const char *name)
{
        for (size_t i = 0; name && i < json_object_array_length(nodes); i++) {
                json_object *node = json_object_array_get_idx(nodes, i);

                if (streq_ptr(json_get_string(node, "node-name"), name))
                        return node;
        }
        return NULL;
}

static json_object *below(const json_object *nodes, const json_object *node)
{
        return find_node(nodes, json_get_string(node, "file"));
}

static bool is_filter(const json_object *node)
{
        const char *driver = json_get_string(node, "driver");

        return streq_ptr(driver, "throttle") || streq_ptr(driver, "copy-on-read");
}

static bool is_local(const char *driver)
{
        return streq_ptr(driver, "file") || streq_ptr(driver, "host_device") ||
               streq_ptr(driver, "host_cdrom");
}

/* Whether an image of this format that is given no `backing` opens the one that its header names. */
static bool may_have_backing(const char *format)
{
        return streq(format, "qcow2") || streq(format, "qcow") || streq(format, "qed") ||
               streq(format, "vmdk");
}

/* What chains say by themselves. */
static bool is_own(const char *key)
{
        static const char *const own[] = {"driver",  "node-name", "file",
                                          "backing", "read-only", "auto-read-only"};

        for (size_t i = 0; i < ELEMENTSOF(own); i++)
                if (streq(own[i], key))
                        return true;
        return false;
}

/* What a node was given besides. */
static int copy_options(const json_object *node, bool local, json_object **ret)
{
        CLEANUP(json) json_object *options = json_object_new_object();

        if (!options)
                return -ENOMEM;
        json_object_object_foreach ((json_object *)node, key, value) {
                if (is_own(key) || (local && streq(key, "filename")))
                        continue;
                if (json_add(options, key, json_object_get(value)) < 0)
                        return -ENOMEM;
        }
        *ret = TAKE(options);
        return 0;
}

static ChainStorage mode_of(const json_object *storage)
{
        if (json_get_bool(storage, "read-only", false))
                return CHAIN_STORAGE_READ_ONLY;
        return json_get_bool(storage, "auto-read-only", false) ? CHAIN_STORAGE_AUTO : CHAIN_STORAGE_WRITABLE;
}

static int make_options(const json_object *format, const json_object *storage, bool local, json_object **ret)
{
        CLEANUP(json) json_object *options = json_object_new_object(), *upper = NULL, *lower = NULL;

        if (!options || copy_options(format, /* local= */ false, &upper) < 0 ||
            copy_options(storage, local, &lower) < 0 || json_add(options, "storage", TAKE(lower)) < 0 ||
            json_add(options, "format", TAKE(upper)) < 0)
                return -ENOMEM;
        *ret = TAKE(options);
        return 0;
}

static int make_image(const json_object *format, const json_object *slice, const json_object *storage,
                      json_object **ret)
{
        CLEANUP(json) json_object *image = json_object_new_object(), *options = NULL;
        const char *driver = json_get_string(storage, "driver");
        bool local = is_local(driver) && json_get_string(storage, "filename");

        if (!image || (local && json_add_string(image, "file", json_get_string(storage, "filename")) < 0) ||
            json_add_string(image, "driver", driver) < 0 ||
            json_add_string(image, "format", json_get_string(format, "driver")) < 0 ||
            json_add_string(image, "node", json_get_string(format, "node-name")) < 0 ||
            json_add_string(image, "storage", json_get_string(storage, "node-name")) < 0 ||
            (slice && json_add_string(image, "slice", json_get_string(slice, "node-name")) < 0) ||
            json_add_bool(image, "read-only", json_get_bool(format, "read-only", false)) < 0 ||
            json_add_string(image, "storage-mode", modes[mode_of(storage)]) < 0 ||
            make_options(format, storage, local, &options) < 0 ||
            json_add(image, "options", TAKE(options)) < 0)
                return -ENOMEM;
        *ret = TAKE(image);
        return 0;
}

static int bad(MusterError **ret_error, const char *disk, const char *what)
{
        return error_set(ret_error, -EBADMSG, _("The images of disk %s are no chain: %s."), disk, what);
}

/* One image; the node of the next one goes to *ret_next, NULL at the end. */
static int add_image(const json_object *nodes, const json_object *format, json_object *images,
                     const json_object **ret_next)
{
        const json_object *storage = below(nodes, format), *slice = NULL;
        json_object *image;
        int r;

        if (storage && below(nodes, storage)) {
                slice = storage;
                storage = below(nodes, slice);
        }
        if (!storage || !json_get_string(storage, "driver") || !json_get_string(format, "driver"))
                return -EBADMSG;
        r = make_image(format, slice, storage, &image);
        if (r >= 0)
                r = json_append(images, image);
        *ret_next = find_node(nodes, json_get_string(format, "backing"));
        return r;
}

static int walk(const json_object *nodes, const json_object *node, const char *disk, json_object *filters,
                json_object *images, bool *ret_open, MusterError **ret_error)
{
        const json_object *last = NULL;
        int r = 0;

        for (; node && is_filter(node); node = below(nodes, node))
                if (json_append_string(filters, json_get_string(node, "node-name")) < 0)
                        return error_oom(ret_error);
        while (r >= 0 && node) {
                if (json_object_array_length(images) >= CHAIN_IMAGES_MAX)
                        return bad(ret_error, disk, _("there are too many"));
                last = node;
                r = add_image(nodes, last, images, &node);
        }
        if (r == -ENOMEM)
                return error_oom(ret_error);
        if (r < 0 || !last)
                return bad(ret_error, disk, _("a node is missing"));
        *ret_open = !json_object_object_get_ex(last, "backing", NULL) &&
                    may_have_backing(json_get_string(last, "driver"));
        return 0;
}

int chain_new(const json_object *nodes, const char *disk, const char *device, const char *prefix,
              const char *top, json_object **ret, MusterError **ret_error)
{
        CLEANUP(json)
        json_object *chain = json_object_new_object(), *filters = json_object_new_array(),
                    *images = json_object_new_array();
        const json_object *node = find_node(nodes, top);
        bool open = false;
        int r;

        if (!chain || !filters || !images)
                return error_oom(ret_error);
        *ret = NULL;
        if (!node)
                return 0;
        r = walk(nodes, node, disk, filters, images, &open, ret_error);
        if (r < 0)
                return r;
        if (json_add_string(chain, "disk", disk) < 0 || json_add_string(chain, "device", device) < 0 ||
            json_add_string(chain, "prefix", prefix) < 0 || json_add_int(chain, "serial", 0) < 0 ||
            json_add(chain, "filters", TAKE(filters)) < 0 || json_add_bool(chain, "open", open) < 0 ||
            json_add(chain, "images", TAKE(images)) < 0)
                return error_oom(ret_error);
        *ret = TAKE(chain);
        return 0;
}

/* --- looking ------------------------------------------------------------------------------------- */

static json_object *images_of(const json_object *chain)
{
        return json_get(chain, "images", json_type_array);
}

size_t chain_length(const json_object *chain)
{
        json_object *images = images_of(chain);

        return images ? json_object_array_length(images) : 0;
}

json_object *chain_image(const json_object *chain, size_t index)
{
        return index < chain_length(chain) ? json_object_array_get_idx(images_of(chain), index) : NULL;
}

const char *chain_top(const json_object *chain)
{
        json_object *filters = json_get(chain, "filters", json_type_array);

        if (filters && json_object_array_length(filters) > 0)
                return json_object_get_string(json_object_array_get_idx(filters, 0));
        return json_get_string(chain_image(chain, 0), "node");
}

const char *chain_disk(const json_object *chain)
{
        return json_get_string(chain, "disk");
}

ChainStorage chain_storage_mode(const json_object *image)
{
        for (size_t i = 0; i < ELEMENTSOF(modes); i++)
                if (streq_ptr(json_get_string(image, "storage-mode"), modes[i]))
                        return (ChainStorage)i;
        return CHAIN_STORAGE_READ_ONLY;
}

static bool is_whole(const json_object *image)
{
        static const char *const needed[] = {"driver", "format", "node", "storage", "storage-mode"};

        for (size_t i = 0; i < ELEMENTSOF(needed); i++)
                if (!json_get_string(image, needed[i]))
                        return false;
        return true;
}

int chain_check(const json_object *chain, MusterError **ret_error)
{
        const char *disk = chain_disk(chain);

        if (!disk || !json_get_string(chain, "prefix") || !json_get_string(chain, "device") ||
            !json_get(chain, "filters", json_type_array))
                return bad(ret_error, disk ?: "?", _("a member is missing"));
        if (chain_length(chain) == 0 || chain_length(chain) > CHAIN_IMAGES_MAX)
                return bad(ret_error, disk, _("there are none, or too many"));
        for (size_t i = 0; i < chain_length(chain); i++)
                if (!is_whole(chain_image(chain, i)))
                        return bad(ret_error, disk, _("an image lacks a member"));
        return 0;
}

static int not_found(const json_object *chain, const char *which, MusterError **ret_error)
{
        CLEANUP(free) char *all = strdup("");

        for (size_t i = 0; all && i < chain_length(chain); i++) {
                const json_object *image = chain_image(chain, i);
                const char *file = json_get_string(image, "file") ?: json_get_string(image, "node");
                char *longer =
                        text_format("%s%s%s[%zu] %s", all, i > 0 ? ", " : "", chain_disk(chain), i, file);

                free(all);
                all = longer;
        }
        if (!all)
                return error_oom(ret_error);
        return error_set(ret_error, -ENOENT, _("\"%s\" is no image of disk %s, which has: %s."), which,
                         chain_disk(chain), all);
}

/* "vda[2]", "[2]" */
static bool find_by_index(const json_object *chain, const char *which, size_t *ret)
{
        const char *rest = startswith(which, chain_disk(chain)) ?: which;
        unsigned long index;
        char *end;

        if (*rest != '[' || rest[1] < '0' || rest[1] > '9')
                return false;
        index = strtoul(rest + 1, &end, 10);
        if (!streq(end, "]") || index >= chain_length(chain))
                return false;
        *ret = index;
        return true;
}

int chain_find(const json_object *chain, const char *which, size_t *ret, MusterError **ret_error)
{
        if (find_by_index(chain, which, ret))
                return 0;
        for (size_t i = 0; i < chain_length(chain); i++) {
                const json_object *image = chain_image(chain, i);

                if (streq_ptr(json_get_string(image, "file"), which) ||
                    streq_ptr(json_get_string(image, "node"), which)) {
                        *ret = i;
                        return 0;
                }
        }
        return not_found(chain, which, ret_error);
}

int chain_new_name(json_object *chain, char ret[static CHAIN_NODE_NAME_MAX + 1])
{
        int64_t serial = json_get_int(chain, "serial", 0) + 1;
        char suffix[24];

        if (json_add_int(chain, "serial", serial) < 0)
                return -ENOMEM;
        /* Bounded, so that with what the gate puts behind it it still fits. */
        snprintf(suffix, sizeof(suffix), "-s%lld", (long long)(serial % 1000000));
        return node_name_derive(json_get_string(chain, "prefix"), suffix, ret);
}

char *chain_backing_name(const json_object *image)
{
        const char *file = json_get_string(image, "file");
        json_object *options =
                json_get(json_get(image, "options", json_type_object), "storage", json_type_object);
        CLEANUP(json) json_object *where = NULL;
        CLEANUP(free) char *text = NULL;

        if (file)
                return strdup(file);
        where = step_named("driver", json_get_string(image, "driver"));
        if (!where)
                return NULL;
        json_object_object_foreach (options, key, value) {
                bool how = streq(key, "cache") || streq(key, "discard") || streq(key, "aio");

                if (!how && json_add(where, key, json_object_get(value)) < 0)
                        return NULL;
        }
        text = json_to_text(where);
        return text ? text_format("json:%s", text) : NULL;
}

const char *chains_find_user(const json_object *chains, const char *file, const char *disk)
{
        if (!chains || !file)
                return NULL;
        json_object_object_foreach ((json_object *)chains, its, chain) {
                for (size_t i = 0; !streq(its, disk) && i < chain_length(chain); i++)
                        if (streq_ptr(json_get_string(chain_image(chain, i), "file"), file))
                                return its;
        }
        return NULL;
}

/* --- removal ------------------------------------------------------------------------------------- */

static int remove_node(json_object *steps, const char *name)
{
        return name ? step_add_named(steps, "blockdev-del", "node-name", name) : 0;
}

int chain_add_removal(const json_object *chain, size_t first, size_t n, json_object *steps)
{
        int r = 0;

        for (size_t i = first; r >= 0 && i < first + n; i++) {
                const json_object *image = chain_image(chain, i);

                r = remove_node(steps, json_get_string(image, "node"));
                if (r >= 0)
                        r = remove_node(steps, json_get_string(image, "slice"));
                if (r >= 0)
                        r = remove_node(steps, json_get_string(image, "storage"));
        }
        return r;
}

int chain_add_removal_all(const json_object *chain, json_object *steps)
{
        json_object *filters = json_get(chain, "filters", json_type_array);
        int r = 0;

        for (size_t i = 0; r >= 0 && i < json_object_array_length(filters); i++)
                r = remove_node(steps, json_object_get_string(json_object_array_get_idx(filters, i)));
        return r < 0 ? r : chain_add_removal(chain, 0, chain_length(chain), steps);
}

/* --- edits --------------------------------------------------------------------------------------- */

static int copy(const json_object *from, json_object **ret)
{
        *ret = NULL;
        return json_object_deep_copy((json_object *)from, ret, NULL) < 0 ? -ENOMEM : 0;
}

static int set_read_only(json_object *image, bool value)
{
        return json_add_bool(image, "read-only", value);
}

/* `chain` with `image` (may be NULL; taken) in place of its images [first, first + n). */
static int splice(const json_object *chain, size_t first, size_t n, json_object *image, json_object **ret)
{
        CLEANUP(json) json_object *made = NULL, *owned = image, *images = json_object_new_array();
        size_t length = chain_length(chain);
        int r;

        if (!images || copy(chain, &made) < 0)
                return -ENOMEM;
        for (size_t i = 0; i <= length; i++) {
                if (i == first && owned) {
                        r = json_append(images, TAKE(owned));
                        if (r < 0)
                                return r;
                }
                if (i == length || (i >= first && i < first + n))
                        continue;
                r = json_append(images, json_object_get(chain_image(made, i)));
                if (r < 0)
                        return r;
        }
        /* The end that was not known has gone with what stood above it. */
        if (first + n == length && n > 0 && json_add_bool(made, "open", false) < 0)
                return -ENOMEM;
        r = json_add(made, "images", TAKE(images));
        if (r >= 0)
                *ret = TAKE(made);
        return r;
}

int chain_push(const json_object *chain, json_object *image, json_object **ret)
{
        CLEANUP(json) json_object *made = NULL;
        int r;

        if (!image)
                return -ENOMEM;
        r = splice(chain, 0, 0, image, &made);
        if (r >= 0)
                r = set_read_only(chain_image(made, 1), true);
        if (r >= 0)
                *ret = TAKE(made);
        return r;
}

int chain_drop(const json_object *chain, size_t first, size_t n, json_object **ret)
{
        bool read_only = json_get_bool(chain_image(chain, 0), "read-only", false);
        CLEANUP(json) json_object *made = NULL;
        int r;

        r = splice(chain, first, n, /* image= */ NULL, &made);
        if (r >= 0 && first == 0 && chain_length(made) > 0)
                r = set_read_only(chain_image(made, 0), read_only);
        if (r >= 0)
                *ret = TAKE(made);
        return r;
}

int chain_replace(const json_object *chain, size_t n, json_object *image, json_object **ret)
{
        return image ? splice(chain, 0, n, image, ret) : -ENOMEM;
}
