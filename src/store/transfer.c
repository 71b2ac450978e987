/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Records to and from other hosts. An archive's members are the files of the folder of records as they are,
 * so it can be made and unpacked with tar as well. What comes in is checked whole, each and all, before the
 * first of it is stored; and what is stored is not what came but what was understood of it, written as if it
 * had been learned here.
 *
 * So an import has all bodies in memory, as they will be stored: TOTAL_MAX at most, beside one member with
 * its JSON (some ten times its size) and what unpacking needs (archive.h).
 */

#include <errno.h>
#include <fcntl.h>
#include <time.h>

#include "base/i18n.h"
#include "base/util.h"
#include "store/archive.h"
#include "store/inventory.h"
#include "store/lock.h"
#include "store/size.h"

#define MEMBERS_MAX ((size_t)100000)
#define MEMBER_MAX  ((size_t)8 * 1024 * 1024)
#define TOTAL_MAX   ((size_t)1024 * 1024 * 1024)

static int export_record(const MusterStore *store, const char *id, ArchiveWriter *writer,
                         MusterError **ret_error)
{
        CLEANUP(free) char *name = entry_file(ENTRY_RECORD, id), *body = NULL, *text = NULL;
        CLEANUP(json) json_object *head = NULL;
        size_t size, text_size;
        int r;

        r = name ? record_read(store, id, &body, &size, &head) : -ENOMEM;
        /* Damaged, and noted: the others are worth having. Or pruned meanwhile. */
        if (r == -EBADMSG || r == -ENOENT)
                return 0;
        if (r == 0)
                r = entry_seal(ENTRY_RECORD, body, size, &text, &text_size);
        if (r < 0)
                return error_errno(ret_error, r, _("The record %s cannot be read"), id);
        r = archive_writer_add(writer, name, text, text_size, json_get_int(head, "created", 0), ret_error);
        return r < 0 ? r : 1;
}

static bool is_wanted(const char *id, char *const *prefixes)
{
        if (!prefixes)
                return true;
        for (; *prefixes; prefixes++)
                if (startswith(id, *prefixes))
                        return true;
        return false;
}

/* Every name must mean something. */
static int find_prefixes(const MusterStore *store, const char *const *names, char *const *ids, char ***ret,
                         MusterError **ret_error)
{
        CLEANUP(strv) char **prefixes = NULL;

        for (; names && *names; names++) {
                CLEANUP(free) char *prefix = NULL;
                char *const *id = ids;
                int r = store_find_id(store, *names, &prefix, ret_error);

                if (r < 0)
                        return r;
                while (*id && !startswith(*id, prefix))
                        id++;
                if (!*id)
                        return error_set(ret_error, -ENOENT,
                                         _("Nothing is stored for %s; 'muster cache list' shows what is."),
                                         *names);
                if (strv_append(&prefixes, prefix) < 0)
                        return error_oom(ret_error);
        }
        *ret = TAKE(prefixes);
        return 0;
}

_public_ int muster_store_export(MusterStore *store, int fd, const char *const *names,
                                 MusterError **ret_error)
{
        CLEANUP(ArchiveWriter) ArchiveWriter *writer = NULL;
        CLEANUP(strv) char **ids = NULL, **prefixes = NULL;
        int n = 0, r;

        if (inventory_names(store, STORE_RECORDS, &ids) < 0)
                return error_oom(ret_error);
        r = find_prefixes(store, names, ids, &prefixes, ret_error);
        if (r == 0)
                r = archive_writer_new(fd, &writer, ret_error);
        for (char **id = ids; r >= 0 && *id; id++) {
                if (!record_id_is_valid(*id) || !is_wanted(*id, prefixes))
                        continue;
                r = export_record(store, *id, writer, ret_error);
                n += r > 0;
        }
        if (r >= 0)
                r = archive_writer_finish(writer, ret_error);
        return r < 0 ? r : n;
}

typedef struct Member {
        char id[RECORD_ID_SIZE];
        char *body;
        size_t size;
} Member;

typedef struct Import {
        MusterStore *store;
        Member *members;
        size_t n_members, n_bytes;
        int64_t imported, updated, known;
} Import;

static void cleanup_import(Import *import)
{
        for (size_t i = 0; i < import->n_members; i++)
                free(import->members[i].body);
        free(import->members);
}

/* Facts as a look-up would have them: also the schema within must make sense. */
static int check_body(const char *body, size_t size, const char *id, MusterFacts **ret,
                      json_object **ret_json, MusterError **ret_error)
{
        CLEANUP(facts) MusterFacts *facts = NULL;
        CLEANUP(json) json_object *json = NULL;
        int r;

        r = record_from_text(body, size, id, &facts, &json, ret_error);
        if (r == 0)
                r = record_check_head(json, time(NULL), ret_error);
        if (r == 0)
                r = facts_seal(facts, ret_error);
        if (r < 0)
                return r;
        *ret = TAKE(facts);
        *ret_json = TAKE(json);
        return 0;
}

/* The body as it would be, had it been learned here. */
static int write_anew(const char *body, size_t size, const char *id, char **ret, size_t *ret_size,
                      MusterError **ret_error)
{
        CLEANUP(facts) MusterFacts *facts = NULL;
        CLEANUP(json) json_object *json = NULL;
        int r;

        r = check_body(body, size, id, &facts, &json, ret_error);
        if (r < 0)
                return r;
        r = record_merge(json, facts, /* more= */ NULL, ret, ret_size);
        if (r == -ENOMEM)
                return error_oom(ret_error);
        return r == 0 ? 0
                      : error_set(ret_error, -EBADMSG,
                                  _("The emulator's answers nest too deep or hold no numbers where "
                                    "numbers belong; they cannot be kept."));
}

/* Takes the body. */
static int add_member(Import *import, const char *id, char **body, size_t size, MusterError **ret_error)
{
        Member *grown;

        /* Numbers may be longer than they came. */
        if (size > MEMBER_MAX || size > TOTAL_MAX - import->n_bytes)
                return error_set(
                        ret_error, -EFBIG,
                        _("What the archive says takes more memory than is given to it; split it."));
        grown = reallocarray(import->members, import->n_members + 1, sizeof(*grown));
        if (!grown)
                return error_oom(ret_error);
        import->members = grown;
        grown[import->n_members] = (Member){.body = TAKE(*body), .size = size};
        strcpy(grown[import->n_members++].id, id);
        import->n_bytes += size;
        return 0;
}

static int take(const char *name, const char *data, size_t size, void *userdata, MusterError **ret_error)
{
        const char *id = startswith(name, STORE_RECORDS "/"), *body = NULL, *why = NULL;
        CLEANUP(free) char *anew = NULL;
        size_t body_size = 0;
        int r;

        if (!id || !record_id_is_valid(id))
                return error_set(
                        ret_error, -EBADMSG,
                        _("%s in the archive is no record; only what 'muster cache export' wrote can "
                          "be imported."),
                        name);
        r = entry_unseal(ENTRY_RECORD, data, size, &body, &body_size, &why);
        if (r == -EBADMSG)
                return error_set(ret_error, r, _("%s in the archive is not taken: %s."), name, _(why));
        if (r < 0)
                return error_errno(ret_error, r, _("%s in the archive cannot be checked"), name);
        r = write_anew(body, body_size, id, &anew, &body_size, ret_error);
        if (r < 0) {
                error_prefix(ret_error, _("%s in the archive"), name);
                return r;
        }
        return add_member(userdata, id, &anew, body_size, ret_error);
}

static bool has_all_measured(const MusterFacts *here, const MusterFacts *there)
{
        for (size_t i = 0; i < there->n_measured; i++)
                if (!facts_find_measured_unsealed(here, there->measured[i].name))
                        return false;
        return true;
}

/* What is here stays, but for outcomes of checks that it lacks. */
static int update(Import *import, const Member *member, const MusterFacts *here, const MusterFacts *there,
                  const json_object *json)
{
        CLEANUP(free) char *body = NULL;
        size_t size;
        int r;

        if (has_all_measured(here, there)) {
                import->known++;
                return 0;
        }
        r = record_merge(json, here, there, &body, &size);
        if (r == 0)
                r = entry_write(import->store, ENTRY_RECORD, member->id, body, size, /* ret_stamp= */ NULL);
        import->updated += r == 0;
        return r;
}

static int store_member(Import *import, const Member *member, MusterError **ret_error)
{
        CLEANUP(store_lock) StoreLock lock = STORE_LOCK_NULL;
        CLEANUP(facts) MusterFacts *here = NULL, *there = NULL;
        CLEANUP(json) json_object *json = NULL, *head = NULL;
        CLEANUP(free) char *name = record_lock_name(member->id);
        const MusterContext context = {.timeout_usec = 10 * USEC_PER_SEC, .cancel_fd = -1};
        int r;

        r = name ? store_lock(import->store, &context, name, member->id, &lock, ret_error) : -ENOMEM;
        if (r < 0)
                return r == -ENOMEM ? error_oom(ret_error) : r;
        r = check_body(member->body, member->size, member->id, &there, &json, ret_error);
        if (r < 0)
                return r;
        r = record_load(import->store, member->id, &here, /* ret_stamp= */ NULL);
        if (r == 0) {
                r = record_load_head(import->store, member->id, &head);
                if (r == 0)
                        r = update(import, member, here, there, head);
        } else {
                r = entry_write(import->store, ENTRY_RECORD, member->id, member->body, member->size,
                                /* ret_stamp= */ NULL);
                import->imported += r == 0;
        }
        if (r < 0)
                return error_errno(ret_error, r, _("The record %s cannot be stored in %s"), member->id,
                                   import->store->directory);
        size_remember(import->store, (uint64_t)json_get_int(json, "executable-size", 0));
        return 0;
}

static int report(const Import *import, char **ret_json, MusterError **ret_error)
{
        CLEANUP(json) json_object *object = json_object_new_object();
        char *text;

        if (!object || json_add_int(object, "imported", import->imported) < 0 ||
            json_add_int(object, "updated", import->updated) < 0 ||
            json_add_int(object, "known", import->known) < 0 || !(text = json_to_text(object)))
                return error_oom(ret_error);
        *ret_json = text;
        return 0;
}

_public_ int muster_store_import(MusterStore *store, int fd, char **ret_json, MusterError **ret_error)
{
        CLEANUP(import) Import import = {.store = store};
        int r;

        r = archive_read_all(fd, MEMBER_MAX, MEMBERS_MAX, TOTAL_MAX, take, &import, ret_error);
        for (size_t i = 0; r >= 0 && i < import.n_members; i++)
                r = store_member(&import, &import.members[i], ret_error);
        return r < 0 ? r : report(&import, ret_json, ret_error);
}
