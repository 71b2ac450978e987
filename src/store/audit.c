/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* `cache verify`: everything is read, and no stamp is believed. */

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "store/inventory.h"
#include "store/trail.h"

typedef struct Audit {
        MusterStore quiet; /* the store, its notes caught */
        char *why;         /* the last note */
        json_object *array;
        int faults;
} Audit;

static void catch_note(const char *sentence, void *userdata)
{
        Audit *audit = userdata;

        free(audit->why);
        audit->why = strdup(sentence);
}

static int tell(Audit *audit, const InventoryFile *file, const char *result, const char *why)
{
        CLEANUP(json) json_object *object = json_object_new_object();
        CLEANUP(free) char *name = entry_file(file->kind, file->name);

        if (!object || !name || json_add_string(object, "file", name) < 0 ||
            json_add_string(object, "result", result) < 0 ||
            (why && json_add_string(object, "why", why) < 0))
                return -ENOMEM;
        return json_append(audit->array, TAKE(object));
}

static int tell_fault(Audit *audit, const InventoryFile *file, const char *result, const char *why)
{
        audit->faults++;
        return tell(audit, file, result, why);
}

/* The facts of a record, sealed: so that also a schema that makes no sense is found. */
static int check_record(Audit *audit, const InventoryFile *file)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        CLEANUP(facts) MusterFacts *facts = NULL;
        int r;

        r = record_load(&audit->quiet, file->name, &facts, /* ret_stamp= */ NULL);
        if (r == 0)
                r = facts_seal(facts, &error);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return tell_fault(audit, file, "damaged", error ? muster_error_message(error) : audit->why);
        return tell(audit, file, "ok", /* why= */ NULL);
}

/* JSON, and nothing but it: what is in it is judged where it is used. */
static int check_json(Audit *audit, const InventoryFile *file)
{
        CLEANUP(json) json_object *root = NULL;
        CLEANUP(free) char *body = NULL;
        size_t size;
        int r;

        r = entry_read(&audit->quiet, file->kind, file->name, &body, &size, /* ret_stamp= */ NULL);
        if (r == 0 && file->kind != ENTRY_VERDICTS) {
                r = json_parse(body, size, &root);
                if (r == -EBADMSG || r == -E2BIG)
                        catch_note(_("it is no JSON"), audit);
        }
        if (r == -ENOMEM)
                return r;
        return r < 0 ? tell_fault(audit, file, "damaged", audit->why)
                     : tell(audit, file, "ok", /* why= */ NULL);
}

/* What lies there now, read whole. */
static int identify(const Trail *trail, Identity *ret)
{
        if (trail->identity.n_links > 0)
                return identity_recheck(&trail->identity, trail->looked_nsec, ret);
        return identity_of_file(trail->identity.path, /* known= */ NULL, ret, /* ret_error= */ NULL);
}

static int check_trail(Audit *audit, const InventoryFile *file, const Trail *trail)
{
        CLEANUP(free) char *why = NULL;
        Identity now = {0};
        TrailState state;
        bool same;
        int r;

        r = trail_check(trail, &state);
        if (r < 0)
                return r;
        if (state == TRAIL_MOVED) {
                why = trail_explain(trail);
                return tell(audit, file, "stale", why);
        }
        r = identify(trail, &now);
        same = r == 0 && streq(now.digest, trail->identity.digest) &&
               streq(now.modules_fingerprint, trail->identity.modules_fingerprint);
        identity_clear(&now);
        if (r == -ENOMEM)
                return r;
        if (same)
                return tell(audit, file, "ok", /* why= */ NULL);
        /* A look-up reads again what is that young. */
        if (state == TRAIL_RACY)
                return tell(audit, file, "stale", _("a file has changed"));
        return tell_fault(audit, file, "damaged",
                          _("a file has another content, though its stamps are the same: the clock was set "
                            "back, or the disk is damaged"));
}

static int check_path(Audit *audit, const InventoryFile *file)
{
        CLEANUP(trail) Trail trail = {};
        int r;

        r = trail_load_name(&audit->quiet, file->name, &trail);
        if (r == -ENOMEM)
                return r;
        return r < 0 ? tell_fault(audit, file, "damaged", audit->why) : check_trail(audit, file, &trail);
}

static int check(Audit *audit, const InventoryFile *file)
{
        audit->why = (free(audit->why), NULL);
        /* What was noted as the inventory was taken is to be told here again. */
        memset(audit->quiet.noted, 0, sizeof(audit->quiet.noted));
        if (startswith(file->name, ".tmp-"))
                return tell(audit, file, "stale", _("a process that was killed has left it"));
        switch (file->kind) {
        case ENTRY_RECORD:
                if (!record_id_is_valid(file->name))
                        return tell_fault(audit, file, "foreign", _("its name is no record's"));
                return check_record(audit, file);
        case ENTRY_PATH:
                return check_path(audit, file);
        default:
                return check_json(audit, file);
        }
}

static void cleanup_audit(Audit *audit)
{
        free(audit->why);
        json_object_put(audit->array);
}

_public_ int muster_store_verify(MusterStore *store, char **ret_json, MusterError **ret_error)
{
        CLEANUP(inventory) Inventory inventory = {};
        CLEANUP(audit) Audit audit = {.quiet = *store, .array = json_object_new_array()};
        char *text;
        int r;

        audit.quiet.note = catch_note;
        audit.quiet.note_userdata = &audit;
        if (!audit.array)
                return error_oom(ret_error);
        r = inventory_take(&audit.quiet, &inventory, ret_error);
        if (r < 0)
                return r;
        for (size_t i = 0; i < inventory.n_files; i++)
                if (check(&audit, &inventory.files[i]) < 0)
                        return error_oom(ret_error);
        text = json_to_text(audit.array);
        if (!text)
                return error_oom(ret_error);
        *ret_json = text;
        return audit.faults;
}
