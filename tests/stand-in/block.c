/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Block nodes: what blockdev-add said, with children as names: a child that was given in place becomes a
 * node by itself. No image is opened for good; that it is there, and what its head says, is looked at.
 */

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "standin.h"

static json_object *nodes;
static unsigned n_anonymous;

json_object *block_nodes(void)
{
        if (!nodes)
                nodes = json_object_new_object();
        return nodes;
}

json_object *block_find(const char *node)
{
        return node ? json_get(block_nodes(), node, json_type_object) : NULL;
}

const char *block_backing(const char *node)
{
        return json_get_string(block_find(node), "backing");
}

const char *block_overlay_of(const char *name)
{
        json_object_object_foreach (block_nodes(), key, node) {
                if (streq_ptr(json_get_string(node, "backing"), name))
                        return key;
        }
        return NULL;
}

bool block_is_backed_by(const char *top, const char *base)
{
        for (const char *at = block_backing(top); at; at = block_backing(at))
                if (streq(at, base))
                        return true;
        return false;
}

/* By another node, as whatever child. */
static const char *find_parent(const char *name)
{
        json_object_object_foreach (block_nodes(), key, node) {
                if (streq_ptr(json_get_string(node, "file"), name) ||
                    streq_ptr(json_get_string(node, "backing"), name))
                        return key;
        }
        return NULL;
}

static int add_child(json_object *node, const char *member, char **ret_error)
{
        json_object *child, *name;

        if (!json_object_object_get_ex(node, member, &child) || !child)
                return 0;
        if (json_object_is_type(child, json_type_string)) {
                if (block_find(json_object_get_string(child)))
                        return 0;
                *ret_error = text_format("Cannot find device='%1$s' nor node-name='%1$s'",
                                         json_object_get_string(child));
                return -ENOENT;
        }
        if (!json_get_string(child, "node-name"))
                json_add_stringf(child, "node-name", "#block%03u", n_anonymous++);
        name = json_object_new_string(json_get_string(child, "node-name"));
        if (block_add(child, /* nested= */ true, ret_error) < 0) {
                json_object_put(name);
                return -EINVAL;
        }
        return json_add(node, member, name);
}

static bool is_driver(const char *driver)
{
        static const char *const drivers[] = {
                "file",
                "host_device",
                "host_cdrom",
                "raw",
                "qcow2",
                "qcow",
                "qed",
                "vmdk",
                "vdi",
                "vpc",
                "vhdx",
                "dmg",
                "nbd",
                "http",
                "https",
                "ftp",
                "ftps",
                "ssh",
                "iscsi",
                "rbd",
                "nvme",
                "nfs",
                "gluster",
                "luks",
                "null-co",
                "null-aio",
                "throttle",
                "copy-on-read",
                "blkdebug",
                "preallocate",
                "copy-before-write",
                "parallels",
                "bochs",
                "cloop",
                "quorum",
                "vvfat",
                "replication",
        };

        for (size_t i = 0; i < ELEMENTSOF(drivers); i++)
                if (streq(drivers[i], driver))
                        return true;
        return false;
}

static int check_file(json_object *node, char **ret_error)
{
        const char *driver = json_get_string(node, "driver"), *file = json_get_string(node, "filename");
        CLEANUP(fd) int fd = -1;

        if ((!streq(driver, "file") && !startswith(driver, "host_")) || !file ||
            startswith(file, "/dev/fdset/"))
                return 0;
        fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (fd >= 0)
                return 0;
        *ret_error = text_format("Could not open '%s': %s", file, strerror(errno));
        return -EINVAL;
}

static int check_node(json_object *arguments, char **ret_error)
{
        const char *driver = json_get_string(arguments, "driver"),
                   *name = json_get_string(arguments, "node-name");

        if (!driver)
                *ret_error = strdup("Parameter 'driver' is missing");
        else if (!is_driver(driver))
                *ret_error = text_format("Parameter 'driver' does not accept value '%s'", driver);
        else if (!name)
                *ret_error = strdup("'node-name' must be specified for the root node");
        else if (block_find(name))
                *ret_error = text_format("Duplicate nodes with node-name='%s'", name);
        else
                return check_file(arguments, ret_error);
        return -EINVAL;
}

int block_add(json_object *arguments, bool nested, char **ret_error)
{
        json_object *node = NULL;
        int r;

        r = check_node(arguments, ret_error);
        if (r < 0)
                return r;
        json_object_deep_copy(arguments, &node, NULL);
        r = add_child(node, "file", ret_error);
        if (r == 0)
                r = add_child(node, "backing", ret_error);
        if (r < 0) {
                json_object_put(node);
                return r;
        }
        json_add_bool(node, "nested", nested);
        return json_add(block_nodes(), json_get_string(node, "node-name"), node);
}

void block_set_backing(const char *name, const char *backing)
{
        json_object *node = block_find(name);

        if (node)
                json_add_string(node, "backing", backing);
}

void block_replace(const char *from, const char *to)
{
        json_object_object_foreach (block_nodes(), key, node) {
                if (!streq(key, to) && streq_ptr(json_get_string(node, "backing"), from))
                        json_add_string(node, "backing", to);
        }
        json_object_object_foreach (devices(), id, device) {
                if (streq_ptr(json_get_string(device, "drive"), from))
                        json_add_string(device, "drive", to);
                (void)id;
        }
}

/* The node of the file that holds it. */
static json_object *find_protocol(json_object *node)
{
        while (node && json_get_string(node, "file"))
                node = block_find(json_get_string(node, "file"));
        return node;
}

static const char *find_filename(json_object *node)
{
        const char *file = json_get_string(find_protocol(node), "filename");

        return file ? file : "null-co://";
}

static int64_t image_size(json_object *node, struct stat *ret_stat)
{
        const char *file = find_filename(node), *driver = json_get_string(node, "driver");
        CLEANUP(fd) int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        uint64_t head[4] = {0};

        memset(ret_stat, 0, sizeof(*ret_stat));
        if (fd < 0 || fstat(fd, ret_stat) < 0)
                return 1073741824;
        if (streq(driver, "qcow2") && pread(fd, head, sizeof(head), 0) == sizeof(head) &&
            memcmp(head, "QFI\xfb", 4) == 0)
                return (int64_t)be64toh(head[3]);
        return json_get_int(node, "size", ret_stat->st_size);
}

int64_t block_size(const char *name)
{
        struct stat st;

        return image_size(block_find(name), &st);
}

json_object *block_image(json_object *node)
{
        json_object *image = json_object_new_object();
        json_object *backing = block_find(json_get_string(node, "backing"));
        struct stat st;

        json_add_int(image, "virtual-size", image_size(node, &st));
        json_add_string(image, "filename", find_filename(node));
        json_add_string(image, "format", json_get_string(node, "driver"));
        json_add_int(image, "actual-size", st.st_blocks * 512);
        json_add_bool(image, "dirty-flag", false);
        if (!backing)
                return image;
        json_add_string(image, "backing-filename", find_filename(backing));
        json_add_string(image, "full-backing-filename", find_filename(backing));
        json_add_string(image, "backing-filename-format", json_get_string(backing, "driver"));
        json_add(image, "backing-image", block_image(backing));
        return image;
}

static bool is_read_only(json_object *node)
{
        return json_get_bool(node, "read-only", false);
}

static json_object *cache_of(json_object *node)
{
        json_object *given = json_get(node, "cache", json_type_object), *cache = json_object_new_object();

        json_add_bool(cache, "no-flush", json_get_bool(given, "no-flush", false));
        json_add_bool(cache, "direct", json_get_bool(given, "direct", false));
        json_add_bool(cache, "writeback", true);
        return cache;
}

json_object *block_inserted(json_object *node)
{
        static const char *const zeros[] = {"iops_rd", "iops_wr", "iops",           "bps_rd",
                                            "bps_wr",  "bps",     "write_threshold"};
        json_object *info = json_object_new_object();
        const char *backing = json_get_string(node, "backing");
        int64_t depth = 0;

        for (size_t i = 0; i < ELEMENTSOF(zeros); i++)
                json_add_int(info, zeros[i], 0);
        for (const char *at = backing; at; at = block_backing(at))
                depth++;
        json_add_string(info, "detect_zeroes", "off");
        json_add(info, "image", block_image(node));
        json_add_bool(info, "ro", is_read_only(node));
        json_add_string(info, "node-name", json_get_string(node, "node-name"));
        json_add_int(info, "backing_file_depth", depth);
        if (backing)
                json_add_string(info, "backing_file", find_filename(block_find(backing)));
        json_add_string(info, "drv", json_get_string(node, "driver"));
        json_add_bool(info, "encrypted", false);
        json_add(info, "cache", cache_of(node));
        json_add_string(info, "file", find_filename(node));
        return info;
}

static json_object *cmd_add(json_object *arguments)
{
        CLEANUP(free) char *error = NULL;

        return block_add(arguments, /* nested= */ false, &error) < 0 ? fail("%s", error) : done();
}

/* With the children that were given in place. */
static void delete_node(const char *name)
{
        json_object *node = json_object_get(block_find(name));
        const char *children[] = {json_get_string(node, "file"), json_get_string(node, "backing")};

        json_object_object_del(block_nodes(), name);
        for (size_t i = 0; i < ELEMENTSOF(children); i++)
                if (children[i] && json_get_bool(block_find(children[i]), "nested", false) &&
                    !find_parent(children[i]))
                        delete_node(children[i]);
        json_object_put(node);
}

static json_object *cmd_del(json_object *arguments)
{
        const char *name = json_get_string(arguments, "node-name");

        if (!block_find(name))
                return fail("Failed to find node with node-name='%s'", name);
        if (json_get_bool(block_find(name), "nested", false))
                return fail("Node %s is not owned by the monitor", name);
        if (device_of_node(name))
                return fail("Node %s is in use", name);
        if (find_parent(name))
                return fail("Block device %s is in use", name);
        if (job_uses(name))
                return fail("Node '%s' is busy: block device is in use by block job: commit", name);
        delete_node(name);
        return done();
}

static json_object *snapshot(const char *name, const char *overlay)
{
        json_object *node = block_find(overlay);

        if (!block_find(name))
                return fail("Cannot find device='%1$s' nor node-name='%1$s'", name);
        if (block_overlay_of(name))
                return fail("Node '%s' is busy: node is used as backing hd of '%s'", name,
                            block_overlay_of(name));
        if (!node)
                return fail("Cannot find device='%1$s' nor node-name='%1$s'", overlay);
        if (json_get_string(node, "backing"))
                return fail("The overlay already has a backing image");
        if (device_of_node(overlay))
                return fail("The overlay is already in use");
        block_replace(name, overlay);
        block_set_backing(overlay, name);
        return done();
}

static json_object *cmd_snapshot(json_object *arguments)
{
        return snapshot(json_get_string(arguments, "node"), json_get_string(arguments, "overlay"));
}

/* All or none: what a first action did is undone where a later one fails. */
static json_object *cmd_transaction(json_object *arguments)
{
        json_object *actions = json_get(arguments, "actions", json_type_array), *action;
        size_t n = json_object_array_length(actions);

        for (size_t i = 0; i < n; i++) {
                CLEANUP(json) json_object *result = NULL;

                action = json_object_array_get_idx(actions, i);
                if (streq_ptr(json_get_string(action, "type"), "blockdev-snapshot"))
                        result = cmd_snapshot(json_get(action, "data", json_type_object));
                else
                        fail("Parameter 'type' does not accept value '%s'", json_get_string(action, "type"));
                if (result)
                        continue;
                while (i-- > 0) {
                        action = json_get(json_object_array_get_idx(actions, i), "data", json_type_object);
                        block_set_backing(json_get_string(action, "overlay"), NULL);
                        block_replace(json_get_string(action, "overlay"), json_get_string(action, "node"));
                }
                return NULL;
        }
        return done();
}

static json_object *cmd_nodes(json_object *arguments)
{
        json_object *list = json_object_new_array();

        json_object_object_foreach (block_nodes(), key, node) {
                json_append(list, block_inserted(node));
                (void)key;
        }
        return list;
}

/* Its options are taken, if there is such a node. */
static json_object *cmd_reopen(json_object *arguments)
{
        json_object *options = json_get(arguments, "options", json_type_array), *option, *node;
        size_t n = json_object_array_length(options);

        for (size_t i = 0; i < n; i++) {
                option = json_object_array_get_idx(options, i);
                node = block_find(json_get_string(option, "node-name"));
                if (!node)
                        return fail("Failed to find node with node-name='%s'",
                                    json_get_string(option, "node-name"));
                json_add_bool(node, "read-only", json_get_bool(option, "read-only", false));
        }
        return done();
}

static json_object *cmd_backing_file(json_object *arguments)
{
        return block_find(json_get_string(arguments, "image-node-name"))
                       ? done()
                       : fail("Cannot find device='' nor node-name='%s'",
                              json_get_string(arguments, "image-node-name"));
}

static json_object *cmd_resize(json_object *arguments)
{
        json_object *node = block_find(json_get_string(arguments, "node-name"));

        if (!node)
                return fail("Cannot find device='' nor node-name='%s'",
                            json_get_string(arguments, "node-name"));
        json_add_int(node, "size", json_get_int(arguments, "size", 0));
        return done();
}

const Command block_commands[] = {
        {"blockdev-add", "*", cmd_add},
        {"blockdev-del", "node-name!s", cmd_del},
        {"blockdev-reopen", "options!a", cmd_reopen},
        {"blockdev-snapshot", "node!s overlay!s", cmd_snapshot},
        {"transaction", "actions!a properties?o", cmd_transaction},
        {"query-named-block-nodes", "flat?b", cmd_nodes},
        {"change-backing-file", "device!s image-node-name!s backing-file!s", cmd_backing_file},
        {"block_resize", "device?s node-name?s size!i", cmd_resize},
        {NULL, NULL, NULL},
};
