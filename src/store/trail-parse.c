/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <limits.h>

#include "base/util.h"
#include "store/trail.h"

#define LINKS_MAX   64
#define MODULES_MAX 65536

/* Where the parser stands: lines are cut as they are read. */
typedef struct Cursor {
        const char *at;
} Cursor;

/* The rest of the next line, if it starts with this key; it is passed then. Not NUL-terminated: *ret_size.
 */
static const char *take_line(Cursor *cursor, const char *key, size_t *ret_size)
{
        const char *value = startswith(cursor->at, key), *end;

        if (!value || *value != ' ')
                return NULL;
        value++;
        end = strchr(value, '\n');
        if (!end)
                return NULL;
        *ret_size = (size_t)(end - value);
        cursor->at = end + 1;
        return value;
}

/* 0 also where the line is missing, then *ret stays NULL; -EBADMSG if it is needed. */
static int take_text(Cursor *cursor, const char *key, bool needed, size_t max, char **ret)
{
        size_t size;
        const char *value = take_line(cursor, key, &size);

        if (!value)
                return needed ? -EBADMSG : 0;
        if (size == 0 || size > max)
                return -EBADMSG;
        *ret = strndup(value, size);
        return *ret ? 0 : -ENOMEM;
}

static int copy_digest(const char *value, size_t size, char ret[static DIGEST_HEX_SIZE])
{
        if (size != DIGEST_HEX_SIZE - 1 || strspn(value, "0123456789abcdef") < size)
                return -EBADMSG;
        memcpy(ret, value, size);
        ret[size] = '\0';
        return 0;
}

static int take_digest(Cursor *cursor, const char *key, char ret[static DIGEST_HEX_SIZE])
{
        size_t size;
        const char *value = take_line(cursor, key, &size);

        return value ? copy_digest(value, size, ret) : -EBADMSG;
}

static int take_record(Cursor *cursor, char ret[static RECORD_ID_SIZE])
{
        size_t size;
        const char *value = take_line(cursor, "record", &size);

        if (!value || size != RECORD_ID_SIZE - 1)
                return -EBADMSG;
        memcpy(ret, value, size);
        ret[size] = '\0';
        return record_id_is_valid(ret) ? 0 : -EBADMSG;
}

static int take_number(Cursor *cursor, const char *key, int64_t *ret)
{
        size_t size;
        const char *value = take_line(cursor, key, &size);
        char *end;

        if (!value || *value < '0' || *value > '9')
                return -EBADMSG;
        errno = 0;
        *ret = strtoll(value, &end, 10);
        return errno == 0 && end == value + size ? 0 : -EBADMSG;
}

static int take_stamp(Cursor *cursor, const char *key, FileStamp *ret)
{
        size_t size;
        const char *value = take_line(cursor, key, &size), *at = value;

        if (!value || file_stamp_parse(&at, ret) < 0 || at != value + size)
                return -EBADMSG;
        return 0;
}

/* "COUNT FINGERPRINT STAMP", or "0 - -" */
static int take_modules(Cursor *cursor, Identity *identity)
{
        size_t size;
        const char *value = take_line(cursor, "modules", &size), *end;
        char *rest;
        unsigned long n;

        if (!value || *value < '0' || *value > '9')
                return -EBADMSG;
        end = value + size;
        n = strtoul(value, &rest, 10);
        if (n > MODULES_MAX)
                return -EBADMSG;
        if (n == 0)
                return size == strlen("0 - -") && startswith(value, "0 - -") ? 0 : -EBADMSG;
        identity->n_modules = n;
        if (end - rest != 2 * DIGEST_HEX_SIZE || *rest != ' ' || rest[DIGEST_HEX_SIZE] != ' ' ||
            copy_digest(rest + 1, DIGEST_HEX_SIZE - 1, identity->modules_fingerprint) < 0)
                return -EBADMSG;
        return copy_digest(rest + 1 + DIGEST_HEX_SIZE, DIGEST_HEX_SIZE - 1, identity->modules_stamp);
}

/* "DIGEST-OR-- STAMP PATH" */
static int parse_file(const char *value, size_t size, char ret_digest[static DIGEST_HEX_SIZE],
                      FileStamp *ret_stamp, char **ret_path)
{
        const char *at = value, *end = value + size;

        if (startswith(at, "- ")) {
                at += 2;
        } else {
                if (size < DIGEST_HEX_SIZE || at[DIGEST_HEX_SIZE - 1] != ' ' ||
                    copy_digest(at, DIGEST_HEX_SIZE - 1, ret_digest) < 0)
                        return -EBADMSG;
                at += DIGEST_HEX_SIZE;
        }
        if (file_stamp_parse(&at, ret_stamp) < 0 || at >= end || *at != '/')
                return -EBADMSG;
        *ret_path = strndup(at, (size_t)(end - at));
        return *ret_path ? 0 : -ENOMEM;
}

static int take_links(Cursor *cursor, Identity *identity)
{
        const char *value;
        size_t size;
        int r;

        while ((value = take_line(cursor, "link", &size))) {
                IdentityLink *grown, *link;

                if (identity->n_links == LINKS_MAX)
                        return -EBADMSG;
                grown = reallocarray(identity->links, identity->n_links + 1, sizeof(*grown));
                if (!grown)
                        return -ENOMEM;
                identity->links = grown;
                grown[identity->n_links] = (IdentityLink){};
                link = &grown[identity->n_links++];
                r = parse_file(value, size, link->digest, &link->stamp, &link->path);
                if (r == 0)
                        r = take_text(cursor, "name", true, PATH_MAX, &link->name);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int take_watched(Cursor *cursor, Identity *identity)
{
        const char *value;
        size_t size;
        int r = 0;

        while (r == 0 && (value = take_line(cursor, "watched", &size))) {
                IdentityWatched *grown, *watched;

                if (identity->n_watched == IDENTITY_WATCHED_MAX)
                        return -EBADMSG;
                grown = reallocarray(identity->watched, identity->n_watched + 1, sizeof(*grown));
                if (!grown)
                        return -ENOMEM;
                identity->watched = grown;
                grown[identity->n_watched] = (IdentityWatched){};
                watched = &grown[identity->n_watched++];
                r = parse_file(value, size, watched->digest, &watched->stamp, &watched->path);
        }
        return r;
}

static int take_places(Cursor *cursor, Identity *identity)
{
        const struct {
                const char *key;
                char **value;
        } places[] = {
                {"modules-dir", &identity->modules_dir},
                {"modules-root", &identity->modules_root},
                {"modules-inside", &identity->modules_inside},
                {"modules-env", &identity->modules_env},
        };

        for (size_t i = 0; i < ELEMENTSOF(places); i++) {
                int r = take_text(cursor, places[i].key, /* needed= */ false, PATH_MAX, places[i].value);

                if (r < 0)
                        return r;
        }
        /* The host's own root is an empty text, which no line is. */
        if (!identity->modules_root) {
                identity->modules_root = strdup("");
                if (!identity->modules_root)
                        return -ENOMEM;
        }
        return identity->modules_inside ? 0 : -EBADMSG;
}

static int parse(Cursor *cursor, Trail *trail)
{
        Identity *identity = &trail->identity;
        int r;

        r = take_text(cursor, "path", /* needed= */ true, PATH_MAX, &identity->path);
        if (r == 0)
                r = take_record(cursor, trail->record);
        if (r == 0)
                r = take_number(cursor, "looked", &trail->looked_nsec);
        if (r == 0)
                r = take_digest(cursor, "digest", identity->digest);
        if (r == 0)
                r = take_stamp(cursor, "stamp", &identity->stamp);
        if (r == 0)
                r = take_text(cursor, "executable", /* needed= */ true, PATH_MAX, &identity->executable);
        if (r == 0)
                r = take_modules(cursor, identity);
        if (r == 0)
                r = take_places(cursor, identity);
        if (r == 0)
                r = take_links(cursor, identity);
        if (r == 0)
                r = take_watched(cursor, identity);
        if (r == 0)
                r = take_text(cursor, "emulator", /* needed= */ false, 65536, &trail->emulator);
        return r;
}

int trail_parse(const char *text, char **ret_path, Trail *ret)
{
        CLEANUP(trail) Trail trail = {};
        CLEANUP(free) char *path = NULL;
        Cursor cursor = {text};
        const char *seen;
        int r;

        r = parse(&cursor, &trail);
        if (r < 0)
                return r;
        seen = startswith(cursor.at, "seen\n");
        if (!seen || trail.identity.path[0] != '/' || trail.identity.executable[0] != '/')
                return -EBADMSG;
        trail.identity.watchable = true;
        trail.seen = strdup(seen);
        path = strdup(trail.identity.path);
        if (!trail.seen || !path)
                return -ENOMEM;
        *ret = trail;
        trail = (Trail){};
        HAND_OVER(ret_path, path);
        return 0;
}
