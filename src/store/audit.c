/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* `cache verify`: everything is read, and no stamp is believed. */

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "store/compiled.h"
#include "store/inventory.h"
#include "store/trail.h"

typedef struct Audit {
        MusterStore quiet; /* the store, without its handler of notes */
        json_object *array;
        int64_t now_nsec;
        int faults;
} Audit;

static int tell(Audit *audit, const char *file, const char *result, const char *why)
{
        CLEANUP(json) json_object *object = json_object_new_object();

        if (!object || !file || json_add_string(object, "file", file) < 0 ||
            json_add_string(object, "result", result) < 0 ||
            (why && json_add_string(object, "why", why) < 0))
                return -ENOMEM;
        return json_append(audit->array, TAKE(object));
}

static int tell_fault(Audit *audit, const char *file, const char *result, const char *why)
{
        audit->faults++;
        return tell(audit, file, result, why);
}

/* What reading came to, where that says something about the file. */
static int tell_read(Audit *audit, const char *file, int r, const char *why)
{
        if (r == 0)
                return tell(audit, file, "ok", /* why= */ NULL);
        /* Somebody prunes. */
        if (r == -ENOENT)
                return 0;
        return r == -ENOMEM ? r : tell_fault(audit, file, "damaged", why);
}

/* The facts of a record, sealed: so that also a schema that makes no sense is found. */
static int check_record(Audit *audit, const char *file, const char *id)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        CLEANUP(facts) MusterFacts *facts = NULL;
        CLEANUP(free) char *body = NULL, *why = NULL;
        size_t size;
        int r;

        r = entry_read(&audit->quiet, ENTRY_RECORD, id, &body, &size, /* ret_stamp= */ NULL);
        if (r == 0)
                r = record_from_text(body, size, id, &facts, /* ret_json= */ NULL, &error);
        if (r == 0)
                r = facts_seal(facts, &error);
        why = error ? record_fragment(error) : NULL;
        return error && !why ? -ENOMEM : tell_read(audit, file, r, why);
}

/* Stale where another build wrote it, or the record is another one now: a look-up makes it anew. */
static int check_compiled(Audit *audit, const char *file, const char *id)
{
        int r = compiled_check(&audit->quiet, id);

        if (r == -EBADMSG)
                return tell(audit, file, "stale", _("it is not the record's, or of another version"));
        return tell_read(audit, file, r, /* why= */ NULL);
}

/* JSON, and nothing but it: what is in it is judged where it is used. */
static int check_json(Audit *audit, const char *file, EntryKind kind, const char *name)
{
        CLEANUP(json) json_object *root = NULL;
        CLEANUP(free) char *body = NULL;
        size_t size;
        int r;

        r = entry_read(&audit->quiet, kind, name, &body, &size, /* ret_stamp= */ NULL);
        if (r == 0)
                r = json_parse(body, size, &root);
        return tell_read(audit, file, r, _("it is no JSON"));
}

/* What lies there now, read whole. */
static int identify(const Trail *trail, Identity *ret)
{
        if (trail->identity.n_links > 0)
                return identity_recheck(&trail->identity, trail->looked_nsec, ret);
        return identity_of_file(trail->identity.path, /* known= */ NULL, ret, /* ret_error= */ NULL);
}

static bool is_same(const Trail *trail, const Identity *now)
{
        return streq(now->digest, trail->identity.digest) &&
               streq(now->modules_fingerprint, trail->identity.modules_fingerprint);
}

/* 1: what lies there is what the trail says; 0: it is not. */
static int read_again(const Trail *trail)
{
        Identity now = {0};
        int r = identify(trail, &now), same;

        same = r == 0 && is_same(trail, &now);
        identity_clear(&now);
        return r == -ENOMEM ? r : same;
}

static int check_trail(Audit *audit, const char *file, const Trail *trail)
{
        CLEANUP(free) char *why = NULL;
        TrailState state;
        int r, same = 0;

        r = trail_check(trail, &state);
        if (r == 0 && state != TRAIL_MOVED) {
                same = read_again(trail);
                /* Or has it moved as it was read? */
                r = same != 0 ? same : trail_check(trail, &state);
        }
        if (r < 0)
                return r;
        if (same)
                return tell(audit, file, "ok", /* why= */ NULL);
        if (state == TRAIL_MOVED) {
                why = trail_explain(trail);
                return tell(audit, file, "stale", why);
        }
        /* A look-up reads again what is that young. */
        if (state == TRAIL_RACY)
                return tell(audit, file, "stale", _("a file has changed"));
        return tell_fault(audit, file, "damaged",
                          _("a file has another content, though its stamps are the same: the clock was set "
                            "back, or the disk is damaged"));
}

static int check_path(Audit *audit, const char *file, const char *name)
{
        CLEANUP(trail) Trail trail = {};
        int r;

        r = trail_load_name(&audit->quiet, name, &trail);
        return r < 0 ? tell_read(audit, file, r, _("its content makes no sense"))
                     : check_trail(audit, file, &trail);
}

static int check_entry(Audit *audit, const char *file, EntryKind kind, const char *name)
{
        CLEANUP(free) char *why = NULL;
        int r = entry_check(&audit->quiet, kind, name, &why);

        if (r == -EBADMSG || r == -ENOENT)
                return tell_read(audit, file, r, why);
        if (r < 0)
                return r;
        switch (kind) {
        case ENTRY_RECORD:
                return check_record(audit, file, name);
        case ENTRY_PATH:
                return check_path(audit, file, name);
        case ENTRY_SCHEMA:
                return check_compiled(audit, file, name);
        case ENTRY_VERDICTS:
                return tell(audit, file, "ok", /* why= */ NULL);
        default:
                return check_json(audit, file, kind, name);
        }
}

/* `name`: in the folder of this kind; of a kind that is none (-1) there is nothing to read. */
static int check_file(Audit *audit, int kind, const char *file, const char *name, Belonging belonging,
                      int64_t written_nsec)
{
        if (belonging == BELONGS_TO_OTHERS)
                return tell_fault(audit, file, "foreign",
                                  _("muster has not written it, and leaves it where it is"));
        if (belonging == BELONGS_TO_STORE)
                return kind < 0 ? tell(audit, file, "ok", /* why= */ NULL)
                                : check_entry(audit, file, (EntryKind)kind, name);
        /* A younger one somebody may be writing. */
        if (belonging == BELONGS_TO_WRITER && audit->now_nsec - written_nsec > BELONGING_LEFT_OVER_NSEC)
                return tell(audit, file, "stale", _("a process that was killed has left it"));
        return 0;
}

static int check_inventory(Audit *audit, const Inventory *inventory)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < inventory->n_files; i++) {
                const InventoryFile *file = &inventory->files[i];
                CLEANUP(free) char *path = entry_file(file->kind, file->name);

                r = path ? check_file(audit, (int)file->kind, path, file->name, file->belonging,
                                      file->used_nsec)
                         : -ENOMEM;
        }
        return r;
}

static int check_sizes(Audit *audit)
{
        CLEANUP(strv) char **names = NULL;
        int r = inventory_names(&audit->quiet, STORE_SIZES, &names);

        for (char **name = names; r == 0 && *name; name++) {
                CLEANUP(free) char *file = text_format(STORE_SIZES "/%s", *name);
                FileStamp stamp;
                Belonging belonging = belonging_of_file(&audit->quiet, STORE_SIZES, *name, &stamp);

                r = file ? check_file(audit, /* kind= */ -1, file, *name, belonging, stamp.mtime_nsec)
                         : -ENOMEM;
        }
        return r;
}

/* Only what muster may have left there: of the rest it knows nothing. */
static int check_own_folder(Audit *audit)
{
        CLEANUP(strv) char **names = NULL;
        int r = inventory_names(&audit->quiet, ".", &names);

        for (char **name = names; r == 0 && *name; name++) {
                FileStamp stamp;

                if (belonging_of_file(&audit->quiet, ".", *name, &stamp) == BELONGS_TO_WRITER)
                        r = check_file(audit, /* kind= */ -1, *name, *name, BELONGS_TO_WRITER,
                                       stamp.mtime_nsec);
        }
        return r;
}

static int check_all(Audit *audit, const Inventory *inventory)
{
        int r;

        r = check_inventory(audit, inventory);
        if (r == 0)
                r = check_sizes(audit);
        return r < 0 ? r : check_own_folder(audit);
}

static void cleanup_audit(Audit *audit)
{
        json_object_put(audit->array);
}

_public_ int muster_store_verify(MusterStore *store, char **ret_json, MusterError **ret_error)
{
        CLEANUP(inventory) Inventory inventory = {};
        CLEANUP(audit)
        Audit audit = {.quiet = *store, .array = json_object_new_array(), .now_nsec = stamp_now_nsec()};
        char *text;
        int r;

        audit.quiet.note = NULL;
        if (!audit.array)
                return error_oom(ret_error);
        r = inventory_take(&audit.quiet, &inventory, ret_error);
        if (r < 0)
                return r;
        r = check_all(&audit, &inventory);
        if (r < 0)
                return error_errno(ret_error, r, _("The files of %s cannot be read"), store->directory);
        text = json_to_text(audit.array);
        if (!text)
                return error_oom(ret_error);
        *ret_json = text;
        return audit.faults;
}
