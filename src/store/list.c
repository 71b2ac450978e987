/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is stored, for people: `cache list` and `cache show`. */

#include <ctype.h>
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "emulator/host.h"
#include "store/inventory.h"
#include "store/trail.h"

#define DIGITS_MIN 4

static int describe_path(const Trail *trail, json_object *paths, bool *valid)
{
        CLEANUP(json) json_object *object = json_object_new_object();
        CLEANUP(free) char *why = NULL;
        TrailState state;

        if (!object || trail_check(trail, &state) < 0 ||
            json_add_string(object, "path", trail->identity.path) < 0 ||
            json_add_bool(object, "valid", state != TRAIL_MOVED) < 0)
                return -ENOMEM;
        if (state != TRAIL_MOVED) {
                *valid = true;
        } else {
                why = trail_explain(trail);
                if (why && json_add_string(object, "why", why) < 0)
                        return -ENOMEM;
        }
        return json_append(paths, TAKE(object));
}

static int describe_paths(const MusterStore *store, const InventoryGroup *group, json_object *paths,
                          bool *valid)
{
        for (size_t i = 0; i < group->n_files; i++) {
                CLEANUP(trail) Trail trail = {};
                int r;

                if (group->files[i].kind != ENTRY_PATH)
                        continue;
                r = trail_load_name(store, group->files[i].name, &trail);
                if (r == 0)
                        r = describe_path(&trail, paths, valid);
                if (r == -ENOMEM)
                        return r;
        }
        return 0;
}

static int64_t count_kind(const InventoryGroup *group, EntryKind kind)
{
        int64_t n = 0;

        for (size_t i = 0; i < group->n_files; i++)
                n += group->files[i].kind == kind;
        return n;
}

static const char *why_invalid(const json_object *paths)
{
        size_t n = json_object_array_length(paths);

        if (n == 0)
                return _("no path is known that leads to it: it was imported, or probed behind a wrapper "
                         "that hides it");
        return json_get_string(json_object_array_get_idx(paths, 0), "why");
}

/* The head's members that are shown under the same name. */
static int copy_head(json_object *head, json_object *object)
{
        static const char *const keys[] = {"id",      "digest", "name",   "kind",   "version",
                                           "package", "target", "muster", "created"};
        json_object *value;

        for (size_t i = 0; i < ELEMENTSOF(keys); i++)
                if (json_object_object_get_ex(head, keys[i], &value) &&
                    json_object_object_add(object, keys[i], json_object_get(value)) < 0)
                        return -ENOMEM;
        if (json_add_int(object, "modules", json_get_int(head, "module-count", 0)) < 0)
                return -ENOMEM;
        return json_add_string(object, "launcher", json_get_string(head, "launcher"));
}

static int describe_record(const MusterStore *store, const InventoryGroup *group, json_object **ret)
{
        CLEANUP(json)
        json_object *object = json_object_new_object(), *paths = json_object_new_array(), *head = NULL;
        bool valid = false;
        int r;

        if (!object || !paths)
                return -ENOMEM;
        r = record_load_head(store, group->id, &head);
        if (r == -ENOMEM)
                return r;
        if (r == 0)
                r = copy_head(head, object);
        else
                r = json_add_string(object, "id", group->id) < 0 ||
                                    json_add_stringf(object, "digest", "%.64s", group->id) < 0 ||
                                    json_add_string(object, "damaged", strerror(-r)) < 0
                            ? -ENOMEM
                            : 0;
        if (r < 0 || describe_paths(store, group, paths, &valid) < 0 ||
            json_add_int(object, "size", (int64_t)group->size) < 0 ||
            json_add_int(object, "used", group->used_nsec / NSEC_PER_SEC) < 0 ||
            json_add_int(object, "hosts", count_kind(group, ENTRY_HOST)) < 0 ||
            json_add_int(object, "failures", count_kind(group, ENTRY_FAILURE)) < 0 ||
            json_add_bool(object, "valid", valid) < 0 ||
            (!valid && why_invalid(paths) && json_add_string(object, "why", why_invalid(paths)) < 0) ||
            json_add(object, "paths", TAKE(paths)) < 0)
                return -ENOMEM;
        *ret = TAKE(object);
        return 0;
}

/* `path`: only if it is about this one; NULL: in any case. */
static int describe_failure(const MusterStore *store, const InventoryFile *file, const char *path,
                            json_object *array)
{
        CLEANUP(json) json_object *failure = NULL, *object = json_object_new_object();
        CLEANUP(free) char *body = NULL;
        size_t size;

        if (!object)
                return -ENOMEM;
        /* One that is damaged was noted. */
        if (entry_read(store, ENTRY_FAILURE, file->name, &body, &size, /* ret_stamp= */ NULL) < 0 ||
            json_parse(body, size, &failure) < 0 ||
            (path && !streq_ptr(json_get_string(failure, "path"), path)))
                return 0;
        if (json_add_string(object, "id", file->name) < 0 || json_add_string(object, "digest", NULL) < 0 ||
            json_add_int(object, "size", (int64_t)file->size) < 0 ||
            json_add_int(object, "created", json_get_int(failure, "when", 0)) < 0 ||
            json_add(object, "failure", TAKE(failure)) < 0)
                return -ENOMEM;
        if (isxdigit((unsigned char)file->name[0]) &&
            json_add_stringf(object, "digest", "%.64s", file->name) < 0)
                return -ENOMEM;
        return json_append(array, TAKE(object));
}

static int describe_group(const MusterStore *store, const InventoryGroup *group, json_object *array)
{
        json_object *object = NULL;
        int r = 0;

        if (group->has_record) {
                r = describe_record(store, group, &object);
                if (r == 0)
                        r = json_append(array, object);
        }
        for (size_t i = 0; r == 0 && i < group->n_files; i++)
                if (group->files[i].kind == ENTRY_FAILURE)
                        r = describe_failure(store, &group->files[i], /* path= */ NULL, array);
        return r;
}

static int hand_over(json_object *array, char **ret_json, MusterError **ret_error)
{
        char *text = json_to_text(array);

        if (!text)
                return error_oom(ret_error);
        *ret_json = text;
        return 0;
}

_public_ int muster_store_list(MusterStore *store, char **ret_json, MusterError **ret_error)
{
        CLEANUP(inventory) Inventory inventory = {};
        CLEANUP(json) json_object *array = json_object_new_array();
        InventoryGroup group;
        size_t cursor = 0;
        int r;

        if (!array)
                return error_oom(ret_error);
        r = inventory_take(store, &inventory, ret_error);
        if (r < 0)
                return r;
        while (inventory_next(&inventory, &cursor, &group))
                if (describe_group(store, &group, array) < 0)
                        return error_oom(ret_error);
        return hand_over(array, ret_json, ret_error);
}

bool store_name_is_digits(const char *name)
{
        size_t n = strspn(name, "0123456789abcdef.");

        return n >= DIGITS_MIN && name[n] == '\0';
}

int store_find_id(const MusterStore *store, const char *name, char **ret_prefix, MusterError **ret_error)
{
        CLEANUP(free) char *path = NULL;
        CLEANUP(trail) Trail trail = {};
        int r;

        if (store_name_is_digits(name)) {
                *ret_prefix = strdup(name);
                return *ret_prefix ? 0 : error_oom(ret_error);
        }
        r = trail_absolute(name, &path);
        if (r == 0)
                r = trail_load(store, path, &trail);
        if (r == -ENOMEM)
                return error_oom(ret_error);
        if (r < 0)
                return error_set(
                        ret_error, -ENOENT,
                        _("Nothing is stored for %s; 'muster cache list' shows what is. (A digest is "
                          "named by its first four digits or more.)"),
                        name);
        *ret_prefix = strdup(trail.record);
        return *ret_prefix ? 0 : error_oom(ret_error);
}

static int add_host(const MusterStore *store, const InventoryFile *file, const char *here,
                    json_object *hosts)
{
        CLEANUP(json) json_object *root = NULL, *object = json_object_new_object();
        CLEANUP(free) char *body = NULL;
        const char *fingerprint;
        size_t size;

        if (!object)
                return -ENOMEM;
        if (entry_read(store, ENTRY_HOST, file->name, &body, &size, /* ret_stamp= */ NULL) < 0 ||
            json_parse(body, size, &root) < 0)
                return 0;
        fingerprint = json_get_string(root, "fingerprint");
        if (json_add_string(object, "fingerprint", fingerprint) < 0 ||
            json_add_int(object, "created", json_get_int(root, "created", 0)) < 0 ||
            json_add_bool(object, "here", streq_ptr(fingerprint, here)) < 0)
                return -ENOMEM;
        return json_append(hosts, TAKE(object));
}

static int add_hosts(const MusterStore *store, const InventoryGroup *group, json_object *object)
{
        CLEANUP(json) json_object *hosts = json_object_new_array();
        const MusterContext context = {.cancel_fd = -1};
        CLEANUP(free) char *here = NULL;

        if (!hosts || host_fingerprint(&context, &here) < 0)
                return -ENOMEM;
        for (size_t i = 0; i < group->n_files; i++)
                if (group->files[i].kind == ENTRY_HOST && add_host(store, &group->files[i], here, hosts) < 0)
                        return -ENOMEM;
        return json_add(object, "host_facts", TAKE(hosts));
}

static int add_statuses(const Fact *facts, size_t n, const char *key, json_object *object)
{
        CLEANUP(json) json_object *statuses = json_object_new_object();

        for (size_t i = 0; statuses && i < n; i++)
                if (json_add_string(statuses, facts[i].name, fact_status_name(facts[i].status)) < 0)
                        return -ENOMEM;
        return statuses ? json_add(object, key, TAKE(statuses)) : -ENOMEM;
}

static int show_record(const MusterStore *store, const InventoryGroup *group, json_object *array)
{
        CLEANUP(facts) MusterFacts *facts = NULL;
        CLEANUP(json) json_object *object = NULL;
        int r;

        r = describe_record(store, group, &object);
        if (r < 0)
                return r;
        r = record_load(store, group->id, &facts, /* ret_stamp= */ NULL);
        if (r == -ENOMEM)
                return r;
        if (add_hosts(store, group, object) < 0 ||
            (facts && add_statuses(facts->facts, facts->n_facts, "facts", object) < 0) ||
            (facts && add_statuses(facts->measured, facts->n_measured, "measured", object) < 0))
                return -ENOMEM;
        return json_append(array, TAKE(object));
}

/* What could not be probed has no record that its path would lead to. */
static int show_failures(const MusterStore *store, const Inventory *inventory, const char *name,
                         json_object *array)
{
        CLEANUP(free) char *path = NULL;
        int r = store_name_is_digits(name) ? 0 : trail_absolute(name, &path);

        for (size_t i = 0; r == 0 && path && i < inventory->n_files; i++)
                if (inventory->files[i].kind == ENTRY_FAILURE)
                        r = describe_failure(store, &inventory->files[i], path, array);
        return r;
}

static int show_records(const MusterStore *store, const Inventory *inventory, const char *prefix,
                        json_object *array)
{
        InventoryGroup group;
        size_t cursor = 0;
        int r = 0;

        while (r == 0 && inventory_next(inventory, &cursor, &group)) {
                if (!startswith(group.id, prefix) || !*group.id)
                        continue;
                r = group.has_record ? show_record(store, &group, array)
                                     : describe_group(store, &group, array);
        }
        return r;
}

_public_ int muster_store_show(MusterStore *store, const char *name, char **ret_json,
                               MusterError **ret_error)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        CLEANUP(inventory) Inventory inventory = {};
        CLEANUP(json) json_object *array = json_object_new_array();
        CLEANUP(free) char *prefix = NULL;
        int found, r;

        if (!array)
                return error_oom(ret_error);
        r = inventory_take(store, &inventory, ret_error);
        if (r < 0)
                return r;
        found = store_find_id(store, name, &prefix, &error);
        if (found == -ENOMEM || show_failures(store, &inventory, name, array) < 0 ||
            (found == 0 && show_records(store, &inventory, prefix, array) < 0))
                return error_oom(ret_error);
        if (json_object_array_length(array) > 0)
                return hand_over(array, ret_json, ret_error);
        if (found == 0)
                return error_set(ret_error, -ENOENT,
                                 _("Nothing is stored for %s; 'muster cache list' shows what is."), name);
        HAND_OVER(ret_error, error);
        return found;
}
