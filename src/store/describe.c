/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "store/describe.h"

#include <ctype.h>
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "store/trail.h"

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
        static const char *const keys[] = {"id",       "digest",  "name",        "kind",
                                           "version",  "package", "target",      "muster",
                                           "launcher", "created", "module-count"};
        json_object *value;

        for (size_t i = 0; i < ELEMENTSOF(keys); i++)
                if (json_object_object_get_ex(head, keys[i], &value) &&
                    json_object_object_add(object, keys[i], json_object_get(value)) < 0)
                        return -ENOMEM;
        return 0;
}

/* Why the record is not used, to free(); NULL when out of memory. */
static char *explain_damage(const MusterStore *store, const char *id)
{
        char *why = NULL;

        if (entry_check(store, ENTRY_RECORD, id, &why) == -EBADMSG)
                return why;
        return strdup(_("its content makes no sense"));
}

static int describe_head(const MusterStore *store, const char *id, json_object *object, bool *ret_damaged)
{
        CLEANUP(json) json_object *head = NULL;
        CLEANUP(free) char *why = NULL;
        int r;

        r = record_load_head(store, id, &head);
        if (r == -ENOMEM || r == -ENOENT)
                return r;
        *ret_damaged = r < 0;
        if (r == 0)
                return copy_head(head, object);
        why = explain_damage(store, id);
        if (!why || json_add_string(object, "id", id) < 0 ||
            json_add_stringf(object, "digest", "%.64s", id) < 0 ||
            json_add_string(object, "damaged", why) < 0)
                return -ENOMEM;
        return 0;
}

/* Of those that are there; "why" only for a record that is whole, and that no path leads to. */
static int describe_validity(json_object *paths, bool damaged, bool valid, json_object *object)
{
        const char *why = damaged || valid ? NULL : why_invalid(paths);

        if (json_add_bool(object, "valid", valid && !damaged) < 0)
                return -ENOMEM;
        return why ? json_add_string(object, "why", why) : 0;
}

int describe_record(const MusterStore *store, const InventoryGroup *group, json_object **ret)
{
        CLEANUP(json) json_object *object = json_object_new_object(), *paths = json_object_new_array();
        bool damaged = false, valid = false;
        int r;

        if (!object || !paths)
                return -ENOMEM;
        r = describe_head(store, group->id, object, &damaged);
        if (r < 0)
                return r;
        if (describe_paths(store, group, paths, &valid) < 0 ||
            describe_validity(paths, damaged, valid, object) < 0 ||
            json_add_int(object, "size", (int64_t)group->size) < 0 ||
            json_add_int(object, "used", group->used_nsec / NSEC_PER_SEC) < 0 ||
            json_add_int(object, "hosts", count_kind(group, ENTRY_HOST)) < 0 ||
            json_add_int(object, "failures", count_kind(group, ENTRY_FAILURE)) < 0 ||
            json_add(object, "paths", TAKE(paths)) < 0)
                return -ENOMEM;
        *ret = TAKE(object);
        return 0;
}

int describe_failure(const MusterStore *store, const InventoryFile *file, const char *path,
                     json_object *array)
{
        CLEANUP(json) json_object *failure = NULL, *object = json_object_new_object();
        CLEANUP(free) char *body = NULL;
        size_t size;

        if (!object)
                return -ENOMEM;
        if (file->belonging != BELONGS_TO_STORE)
                return 0;
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

int describe_group(const MusterStore *store, const InventoryGroup *group, json_object *array)
{
        json_object *object = NULL;
        int r = 0;

        if (group->has_record) {
                r = describe_record(store, group, &object);
                r = r == 0 ? json_append(array, object) : r == -ENOENT ? 0 : r;
        }
        for (size_t i = 0; r == 0 && i < group->n_files; i++)
                if (group->files[i].kind == ENTRY_FAILURE)
                        r = describe_failure(store, &group->files[i], /* path= */ NULL, array);
        return r;
}
