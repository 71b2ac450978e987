/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/digest.h"
#include "base/i18n.h"
#include "base/util.h"
#include "block/decide.h"

/*
 * The nodes of an intent: for the disk and each image of its backing chain a storage node, and a format node
 * above it, sent from the bottom up. gate.c says why each gets the members that it gets.
 */

typedef enum NodeMode {
        NODE_READ_ONLY,
        NODE_WRITABLE,
        NODE_AUTO,
} NodeMode;

static int set_mode(json_object *node, NodeMode mode)
{
        if (mode == NODE_AUTO)
                return json_add_bool(node, "auto-read-only", true);
        return json_add_bool(node, "read-only", mode == NODE_READ_ONLY);
}

int node_name_derive(const char *top, const char *suffix, char ret[static NODE_NAME_MAX + 1])
{
        size_t room = NODE_NAME_MAX - strlen(suffix);
        char hex[DIGEST_HEX_SIZE];
        int r;

        if (strlen(top) <= room) {
                snprintf(ret, NODE_NAME_MAX + 1, "%s%s", top, suffix);
                return 0;
        }
        r = digest_bytes(top, strlen(top), hex);
        if (r < 0)
                return r;
        snprintf(ret, NODE_NAME_MAX + 1, "%.*s-%.6s%s", (int)(room - 7), top, hex, suffix);
        return 0;
}

/* Further members of a node, which are not those that it has already. */
static int add_members(Gate *gate, json_object *members, json_object *node)
{
        if (!members)
                return 0;
        json_object_object_foreach (members, key, value) {
                if (json_object_object_get_ex(node, key, NULL))
                        return error_set(gate->ret_error, -EINVAL,
                                         _("Option '%s' is set by the gate itself; leave it out."), key);
                if (json_add(node, key, json_object_get(value)) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int new_node(const char *driver, const char *name, json_object **ret)
{
        CLEANUP(json) json_object *node = json_object_new_object();

        if (!node || json_add_string(node, "driver", driver) < 0 ||
            json_add_string(node, "node-name", name) < 0)
                return -ENOMEM;
        *ret = TAKE(node);
        return 0;
}

/* --- storage ------------------------------------------------------------------------------------- */

static int check_storage_driver(Gate *gate, const char *driver)
{
        const SchemaMember *file;
        bool array;
        int r;

        r = block_driver_check(&gate->block, driver, gate->ret_error);
        if (r < 0)
                return r;
        file = block_driver_member(&gate->block, driver, "file");
        if (file && !file->optional && block_type_is_node(&gate->block, file->type, &array))
                return error_set(
                        gate->ret_error, -EINVAL,
                        _("'%s' is a format, not where the image lies; give it as the format (--format %s) "
                          "and the storage as the driver (--driver file)."),
                        driver, driver);
        return 0;
}

/* An error that names what the driver needs and does not have. */
static int check_missing(Gate *gate, const char *driver, const json_object *node)
{
        CLEANUP(free) char *missing = NULL;

        if (block_driver_missing(&gate->block, driver, node, &missing) < 0)
                return -ENOMEM;
        if (!*missing)
                return 0;
        return error_set(gate->ret_error, -EINVAL,
                         _("Driver '%s' also needs: %s. Give them as options "
                           "(--option KEY=VALUE, dotted as in server.path=…)."),
                         driver, missing);
}

static int add_filename(Gate *gate, const char *driver, const char *filename, json_object *node)
{
        CLEANUP(free) char *missing = NULL;

        if (!filename)
                return 0;
        if (block_driver_member(&gate->block, driver, "filename"))
                return json_add_string(node, "filename", filename);
        if (block_driver_missing(&gate->block, driver, node, &missing) < 0)
                return -ENOMEM;
        if (!*missing)
                return error_set(gate->ret_error, -EINVAL,
                                 _("Driver '%s' takes no file name; leave it out."), driver);
        return error_set(gate->ret_error, -EINVAL,
                         _("Driver '%s' takes no file name; give as options what it needs: %s."), driver,
                         missing);
}

static int make_storage(Gate *gate, const char *driver, const char *filename, const char *name,
                        NodeMode mode, bool with_options, json_object *members)
{
        CLEANUP(json) json_object *node = NULL;
        int r;

        r = check_storage_driver(gate, driver);
        if (r >= 0)
                r = new_node(driver, name, &node);
        if (r >= 0)
                r = set_mode(node, mode);
        with_options = with_options && gate->request->n_options > 0;
        /* What follows may be all that the driver needs beside it. */
        if (r >= 0 && (with_options || members) && filename &&
            block_driver_member(&gate->block, driver, "filename"))
                r = json_add_string(node, "filename", filename);
        if (r >= 0 && with_options)
                r = block_options_to_json(&gate->block, driver, gate->request->options,
                                          gate->request->n_options, node, gate->ret_error);
        if (r >= 0)
                r = add_members(gate, members, node);
        if (r >= 0 && !json_object_object_get_ex(node, "filename", NULL))
                r = add_filename(gate, driver, filename, node);
        if (r >= 0)
                r = check_missing(gate, driver, node);
        return r < 0 ? r : json_append(gate->result->arguments, TAKE(node));
}

/* --- format -------------------------------------------------------------------------------------- */

static int check_format_driver(Gate *gate, const char *format)
{
        const SchemaMember *file;
        bool array = false;
        int r;

        r = block_driver_check(&gate->block, format, gate->ret_error);
        if (r < 0)
                return r;
        file = block_driver_member(&gate->block, format, "file");
        if (file && block_type_is_node(&gate->block, file->type, &array) && !array)
                return 0;
        return error_set(gate->ret_error, -EINVAL,
                         _("'%s' is no format: it takes no file below it; give it as the driver."), format);
}

/*
 * `backing`: the node-name below; NULL: none, and `chained` says that this is the end of a chain that was
 * given, so that QEMU shall not open what the image's header names.
 */
static int add_backing(Gate *gate, const char *format, const char *backing, bool chained, json_object *node)
{
        const SchemaMember *member = block_driver_member(&gate->block, format, "backing");

        if (!backing) {
                if (!chained || !member || !block_type_takes_null(&gate->block, member->type))
                        return 0;
                return json_add_string(node, "backing", NULL);
        }
        if (!member)
                return error_set(gate->ret_error, -EINVAL,
                                 _("An image of format '%s' has no backing image; end the chain there."),
                                 format);
        return json_add_string(node, "backing", backing);
}

static int make_format(Gate *gate, const char *format, const char *storage, const char *name, NodeMode mode,
                       const char *backing, bool chained, json_object *members)
{
        CLEANUP(json) json_object *node = NULL;
        int r;

        r = check_format_driver(gate, format);
        if (r >= 0)
                r = new_node(format, name, &node);
        if (r >= 0)
                r = set_mode(node, mode);
        if (r >= 0)
                r = json_add_string(node, "file", storage);
        if (r >= 0)
                r = add_backing(gate, format, backing, chained, node);
        if (r >= 0)
                r = add_members(gate, members, node);
        if (r >= 0)
                r = check_missing(gate, format, node);
        return r < 0 ? r : json_append(gate->result->arguments, TAKE(node));
}

/* A part of a file that begins and ends elsewhere; its name takes the place of `storage`'s. */
static int make_slice(Gate *gate, const char *top, const char *suffix, NodeMode mode, json_object *members,
                      char storage[static NODE_NAME_MAX + 1])
{
        char name[NODE_NAME_MAX + 1];
        int r;

        if (!members)
                return 0;
        r = node_name_derive(top, suffix, name);
        if (r >= 0)
                r = make_format(gate, "raw", storage, name, mode, /* backing= */ NULL, /* chained= */ false,
                                members);
        if (r >= 0)
                memcpy(storage, name, sizeof(name));
        return r;
}

/* --- the chain ----------------------------------------------------------------------------------- */

/* Whether the storage node of an image can be left to reopen as writers come and go. */
static int can_reopen(const Gate *gate, const char *driver, const char *filename, bool *ret)
{
        CLEANUP(free) char *conditions = NULL;

        if (gate_conditions(gate, filename, &conditions) < 0)
                return -ENOMEM;
        *ret = !conditions && gate_coverage(gate, driver) == GATE_COVERED;
        return 0;
}

/* The lower images, from the bottom; the name of the uppermost of them goes to `ret_name`. */
static int make_backing(Gate *gate, const char *top, char ret_name[static NODE_NAME_MAX + 1])
{
        const MusterGateRequest *request = gate->request;
        char below[NODE_NAME_MAX + 1] = "";

        for (size_t i = request->n_backing; i-- > 0;) {
                const RequestImage *image = request->backing + i;
                char storage[NODE_NAME_MAX + 1], format[NODE_NAME_MAX + 1], suffix[48];
                bool reopen = false;
                int r;

                snprintf(suffix, sizeof(suffix), "-backing-%zu", i + 1);
                r = node_name_derive(top, suffix, format);
                snprintf(suffix, sizeof(suffix), "-backing-%zu-storage", i + 1);
                if (r >= 0)
                        r = node_name_derive(top, suffix, storage);
                /* So that a commit can write to it. Nothing does in a chain that is read-only as a whole. */
                if (r >= 0 && gate->result->access != MUSTER_ACCESS_RO)
                        r = can_reopen(gate, image->driver, image->filename, &reopen);
                if (r >= 0)
                        r = make_storage(gate, image->driver, image->filename, storage,
                                         reopen ? NODE_AUTO : NODE_READ_ONLY, /* with_options= */ false,
                                         image->extra.storage);
                snprintf(suffix, sizeof(suffix), "-backing-%zu-slice", i + 1);
                if (r >= 0)
                        r = make_slice(gate, top, suffix, NODE_READ_ONLY, image->extra.slice, storage);
                if (r >= 0)
                        r = make_format(gate, image->format ? image->format : "raw", storage, format,
                                        NODE_READ_ONLY, *below ? below : NULL,
                                        /* chained= */ !request->chain_open, image->extra.format);
                if (r < 0)
                        return r;
                memcpy(below, format, sizeof(below));
        }
        memcpy(ret_name, below, sizeof(below));
        return 0;
}

/* The modes of the disk's own two nodes: DESIGN section 6's table. */
static void choose_modes(const Gate *gate, bool reopen, NodeMode *ret_storage, NodeMode *ret_format)
{
        const char *format = gate->request->format;

        switch (gate->result->access) {
        case MUSTER_ACCESS_RO:
                *ret_storage = *ret_format = NODE_READ_ONLY;
                return;
        case MUSTER_ACCESS_RW:
                *ret_storage = reopen && format ? NODE_AUTO : NODE_WRITABLE;
                *ret_format = NODE_WRITABLE;
                return;
        case MUSTER_ACCESS_ON_DEMAND:
                *ret_storage = NODE_AUTO;
                *ret_format =
                        format && block_driver_passes_on(&gate->block, format) ? NODE_AUTO : NODE_READ_ONLY;
        }
}

/* Of `n` filters the last one has the disk's own name. */
static int make_filters(Gate *gate, const char *top, NodeMode mode, const char *below)
{
        const json_object *filters = gate->request->filters;
        size_t n = filters ? json_object_array_length(filters) : 0;
        char file[NODE_NAME_MAX + 1];

        snprintf(file, sizeof(file), "%s", below);
        for (size_t i = 0; i < n; i++) {
                json_object *members = json_object_array_get_idx(filters, i);
                const char *driver = json_get_string(members, "driver");
                CLEANUP(json) json_object *node = json_object_new_object();
                char name[NODE_NAME_MAX + 1], suffix[32];
                int r;

                snprintf(suffix, sizeof(suffix), "-%.20s", driver);
                r = node_name_derive(top, i + 1 < n ? suffix : "", name);
                if (r >= 0)
                        r = block_driver_check(&gate->block, driver, gate->ret_error);
                if (r >= 0)
                        r = node ? json_add_string(node, "node-name", name) : -ENOMEM;
                if (r >= 0)
                        r = set_mode(node, mode);
                if (r >= 0)
                        r = json_add_string(node, "file", file);
                if (r >= 0)
                        r = add_members(gate, members, node);
                if (r >= 0)
                        r = json_append(gate->result->arguments, TAKE(node));
                if (r < 0)
                        return r;
                memcpy(file, name, sizeof(name));
        }
        return 0;
}

static int make_nodes(Gate *gate, bool reopen)
{
        const MusterGateRequest *request = gate->request;
        const char *top = request->node_name ? request->node_name : NODE_NAME_DEFAULT;
        char storage[NODE_NAME_MAX + 1], backing[NODE_NAME_MAX + 1], format[NODE_NAME_MAX + 1];
        NodeMode storage_mode = NODE_READ_ONLY, format_mode = NODE_READ_ONLY;
        int r;

        choose_modes(gate, reopen, &storage_mode, &format_mode);
        if (!request->format)
                return make_storage(gate, request->driver, request->filename, top, storage_mode,
                                    /* with_options= */ true, request->extra.storage);
        r = make_backing(gate, top, backing);
        if (r >= 0)
                r = node_name_derive(top, "-storage", storage);
        if (r >= 0)
                r = make_storage(gate, request->driver, request->filename, storage, storage_mode,
                                 /* with_options= */ true, request->extra.storage);
        if (r >= 0)
                r = make_slice(gate, top, "-slice", format_mode, request->extra.slice, storage);
        if (r >= 0)
                r = node_name_derive(top, request->filters ? "-format" : "", format);
        if (r >= 0)
                r = make_format(gate, request->format, storage, format, format_mode,
                                *backing ? backing : NULL, request->chain_ends, request->extra.format);
        return r < 0 ? r : make_filters(gate, top, format_mode, format);
}

/* --- the decision -------------------------------------------------------------------------------- */

/* Why the image cannot be opened on demand; NULL in *ret if it can. */
static int find_obstacle(const Gate *gate, char **ret)
{
        const MusterGateRequest *request = gate->request;
        CLEANUP(free) char *conditions = NULL;

        if (gate_coverage(gate, request->driver) != GATE_COVERED) {
                *ret = gate_explain_uncovered(gate, request->driver);
                return *ret ? 0 : -ENOMEM;
        }
        /* It cannot be read-only (every release refuses that), and writable it always writes. */
        if (streq_ptr(request->format, "copy-on-read")) {
                *ret = strdup(_(
                        "A copy-on-read node writes what it reads, so its image is open read-write all the "
                        "time. Leave --format out, or allow a fallback (--fallback rw)."));
                return *ret ? 0 : -ENOMEM;
        }
        if (gate_conditions(gate, request->filename, &conditions) < 0)
                return -ENOMEM;
        if (conditions &&
            asprintf(ret,
                     _("The emulator could not reopen the image when a writer comes, because of how it "
                       "runs: %s. Change that, or allow a fallback (--fallback rw or ro)."),
                     conditions) < 0)
                return -ENOMEM;
        return 0;
}

/* Says who the writer is where the guest cannot be it. */
static int note_on_demand(Gate *gate)
{
        const MusterSchema *schema = gate->block.schema;
        const char *format = gate->request->format, *reopen;

        if (!format || block_driver_passes_on(&gate->block, format))
                return 0;
        reopen = schema_find_root(schema, "blockdev-reopen")     ? "blockdev-reopen"
                 : schema_find_root(schema, "x-blockdev-reopen") ? "x-blockdev-reopen"
                                                                 : NULL;
        if (!reopen)
                return gate_note(gate,
                                 _("A writable '%s' node keeps its file open read-write, so the node is "
                                   "read-only until a block job makes it writable; this emulator has no "
                                   "blockdev-reopen."),
                                 format);
        return gate_note(
                gate,
                _("A writable '%s' node keeps its file open read-write, so the node is read-only: the "
                  "file is opened read-write by a block job that writes to it, or by %s with "
                  "read-only: false."),
                format, reopen);
}

static int check_request(Gate *gate)
{
        const MusterGateRequest *request = gate->request;

        if (!request->driver)
                return error_set(
                        gate->ret_error, -EINVAL,
                        _("The request names no driver; give one (--driver file), or a whole tree."));
        if (request->n_backing > 0 && !request->format)
                return error_set(gate->ret_error, -EINVAL,
                                 _("An image with a backing chain has a format; give it (--format qcow2)."));
        return check_storage_driver(gate, request->driver);
}

/* Everything that leaves the gate has passed the schema. */
static int check_arguments(Gate *gate)
{
        size_t n = json_object_array_length(gate->result->arguments);

        for (size_t i = 0; i < n; i++) {
                json_object *node = json_object_array_get_idx(gate->result->arguments, i);
                CLEANUP(free) char *fault = NULL;
                int r;

                r = gate_check(gate, node, /* notes= */ false, &fault);
                if (r < 0)
                        return r;
                if (r > 0 && (gate->request->n_options > 0 || gate->request->extra.storage))
                        return error_set(gate->ret_error, -EINVAL,
                                         _("The emulator's schema does not take these arguments: %s"),
                                         fault);
                if (r > 0)
                        return error_set(gate->ret_error, -EBADMSG,
                                         _("This is a mistake of muster's: its arguments for node '%s' do "
                                           "not fit the "
                                           "emulator's schema: %s"),
                                         json_get_string(node, "node-name"), fault);
        }
        return 0;
}

int gate_disk(Gate *gate)
{
        const MusterGateRequest *request = gate->request;
        CLEANUP(free) char *obstacle = NULL;
        char *lack = NULL;
        bool reopen;
        int r;

        r = check_request(gate);
        if (r >= 0)
                r = gate_add_evidence(gate, request->driver);
        if (r >= 0 && request->access == MUSTER_ACCESS_ON_DEMAND)
                r = find_obstacle(gate, &obstacle);
        if (r < 0)
                return r;
        if (obstacle && !request->has_fallback)
                return gate_refuse(gate, TAKE(obstacle));
        if (obstacle) {
                gate->result->decision = MUSTER_DECISION_FALLBACK;
                gate->result->access = request->fallback;
                r = gate_note(gate, "%s", obstacle);
                if (r < 0)
                        return r;
                gate->result->reason = TAKE(obstacle);
        }
        r = can_reopen(gate, request->driver, request->filename, &reopen);
        if (r < 0)
                return r;
        if (gate->result->access != MUSTER_ACCESS_ON_DEMAND && !(reopen && request->format)) {
                r = gate_fdset_lacks(gate, request->filename, gate->result->access, &lack);
                if (r != 0)
                        return r < 0 ? r : gate_refuse(gate, lack);
        }
        r = make_nodes(gate, reopen);
        if (r >= 0)
                r = check_arguments(gate);
        if (r >= 0 && gate->result->access == MUSTER_ACCESS_ON_DEMAND)
                r = note_on_demand(gate);
        return r;
}
