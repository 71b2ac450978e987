/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is stored, for people: `cache list` and `cache show`. */

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "emulator/host.h"
#include "store/describe.h"
#include "store/trail.h"

#define DIGITS_MIN 4

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
        return json_add(object, "host-facts", TAKE(hosts));
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
                return r == -ENOENT ? 0 : r;
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
