/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "emulator/identity.h"

/*
 * An identity as JSON, within a record. What is read back is taken apart with suspicion: every member must
 * be there with its type, digests must be digests, numbers in range. What fails is -EBADMSG, and a reader
 * takes that for "not stored".
 */

#define LINKS_MAX 64

static int add_uint(json_object *object, const char *key, uint64_t value)
{
        return json_add(object, key, json_object_new_uint64(value));
}

static json_object *stamp_to_json(const FileStamp *stamp)
{
        CLEANUP(json) json_object *object = json_object_new_object();

        if (!object || add_uint(object, "dev", stamp->dev) < 0 || add_uint(object, "ino", stamp->ino) < 0 ||
            add_uint(object, "size", stamp->size) < 0 ||
            json_add_int(object, "mtime-nsec", stamp->mtime_nsec) < 0 ||
            json_add_int(object, "ctime-nsec", stamp->ctime_nsec) < 0)
                return NULL;
        return TAKE(object);
}

static json_object *links_to_json(const Identity *identity)
{
        CLEANUP(json) json_object *array = json_object_new_array();

        for (size_t i = 0; array && i < identity->n_links; i++) {
                const IdentityLink *link = &identity->links[i];
                CLEANUP(json) json_object *object = json_object_new_object();

                if (!object || json_add_string(object, "path", link->path) < 0 ||
                    json_add_string(object, "digest", link->digest) < 0 ||
                    json_add(object, "stamp", stamp_to_json(&link->stamp)) < 0 ||
                    json_append(array, TAKE(object)) < 0)
                        return NULL;
        }
        return TAKE(array);
}

static json_object *modules_to_json(const Identity *identity)
{
        CLEANUP(json) json_object *object = json_object_new_object();

        if (!object || json_add_string(object, "dir", identity->modules_dir) < 0 ||
            add_uint(object, "count", identity->n_modules) < 0 ||
            json_add_string(object, "fingerprint", identity->modules_fingerprint) < 0 ||
            json_add_string(object, "stamp", identity->modules_stamp) < 0)
                return NULL;
        return TAKE(object);
}

json_object *identity_to_json(const Identity *identity)
{
        CLEANUP(json) json_object *object = json_object_new_object();

        if (!object || json_add_string(object, "path", identity->path) < 0 ||
            json_add_string(object, "executable", identity->executable) < 0 ||
            json_add_bool(object, "deleted", identity->deleted) < 0 ||
            json_add_string(object, "digest", identity->digest) < 0 ||
            json_add(object, "stamp", stamp_to_json(&identity->stamp)) < 0 ||
            json_add(object, "links", links_to_json(identity)) < 0 ||
            json_add(object, "modules", modules_to_json(identity)) < 0)
                return NULL;
        return TAKE(object);
}

/* A string without NUL in it, no longer than a path may be. */
static const char *get_text(const json_object *object, const char *key)
{
        json_object *value = json_get(object, key, json_type_string);
        size_t size;

        if (!value)
                return NULL;
        size = (size_t)json_object_get_string_len(value);
        return size < PATH_MAX && strlen(json_object_get_string(value)) == size
                       ? json_object_get_string(value)
                       : NULL;
}

static int take_text(const json_object *object, const char *key, char **ret)
{
        const char *text = get_text(object, key);
        char *copy;

        if (!text)
                return -EBADMSG;
        copy = strdup(text);
        if (!copy)
                return -ENOMEM;
        *ret = copy;
        return 0;
}

static int take_digest(const json_object *object, const char *key, bool may_be_empty,
                       char ret[static DIGEST_HEX_SIZE])
{
        const char *text = get_text(object, key);

        if (!text)
                return -EBADMSG;
        if (!(may_be_empty && !*text) &&
            (strlen(text) != DIGEST_HEX_SIZE - 1 || strspn(text, "0123456789abcdef") != DIGEST_HEX_SIZE - 1))
                return -EBADMSG;
        strcpy(ret, text);
        return 0;
}

static int take_uint(const json_object *object, const char *key, uint64_t *ret)
{
        json_object *value = json_get(object, key, json_type_int);

        /* json-c reads a negative number as an unsigned 0. */
        if (!value || json_object_get_int64(value) < 0)
                return -EBADMSG;
        *ret = json_object_get_uint64(value);
        return 0;
}

static int take_int(const json_object *object, const char *key, int64_t *ret)
{
        json_object *value = json_get(object, key, json_type_int);

        if (!value)
                return -EBADMSG;
        *ret = json_object_get_int64(value);
        return 0;
}

static int take_stamp(const json_object *parent, FileStamp *ret)
{
        const json_object *object = json_get(parent, "stamp", json_type_object);

        if (take_uint(object, "dev", &ret->dev) < 0 || take_uint(object, "ino", &ret->ino) < 0 ||
            take_uint(object, "size", &ret->size) < 0 ||
            take_int(object, "mtime-nsec", &ret->mtime_nsec) < 0 ||
            take_int(object, "ctime-nsec", &ret->ctime_nsec) < 0)
                return -EBADMSG;
        return 0;
}

static int take_links(const json_object *parent, Identity *identity)
{
        json_object *array = json_get(parent, "links", json_type_array);
        size_t n;
        int r;

        if (!array)
                return -EBADMSG;
        n = json_object_array_length(array);
        if (n > LINKS_MAX)
                return -EBADMSG;
        if (n == 0)
                return 0;
        identity->links = calloc(n, sizeof(*identity->links));
        if (!identity->links)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                const json_object *object = json_object_array_get_idx(array, i);
                IdentityLink *link = &identity->links[i];

                identity->n_links = i + 1;
                r = take_text(object, "path", &link->path);
                if (r < 0)
                        return r;
                if (take_digest(object, "digest", /* may_be_empty= */ true, link->digest) < 0 ||
                    take_stamp(object, &link->stamp) < 0)
                        return -EBADMSG;
        }
        return 0;
}

static int take_modules(const json_object *parent, Identity *identity)
{
        json_object *object = json_get(parent, "modules", json_type_object);
        json_object *dir;
        uint64_t count;

        if (!object || !json_object_object_get_ex(object, "dir", &dir) ||
            take_uint(object, "count", &count) < 0 ||
            take_digest(object, "fingerprint", /* may_be_empty= */ true, identity->modules_fingerprint) <
                    0 ||
            take_digest(object, "stamp", /* may_be_empty= */ true, identity->modules_stamp) < 0)
                return -EBADMSG;
        /* All of it or nothing of it; without the stamp it is only never taken over. */
        if ((count > 0) != (dir != NULL) || (count > 0) != (identity->modules_fingerprint[0] != '\0') ||
            count > SIZE_MAX)
                return -EBADMSG;
        identity->n_modules = (size_t)count;
        return dir ? take_text(object, "dir", &identity->modules_dir) : 0;
}

static int take_all(const json_object *object, Identity *identity)
{
        json_object *deleted = json_get(object, "deleted", json_type_boolean);
        int r;

        if (!deleted)
                return -EBADMSG;
        identity->deleted = json_object_get_boolean(deleted);
        r = take_text(object, "path", &identity->path);
        if (r < 0)
                return r;
        r = take_text(object, "executable", &identity->executable);
        if (r < 0)
                return r;
        if (take_digest(object, "digest", /* may_be_empty= */ false, identity->digest) < 0 ||
            take_stamp(object, &identity->stamp) < 0)
                return -EBADMSG;
        r = take_links(object, identity);
        if (r < 0)
                return r;
        return take_modules(object, identity);
}

int identity_from_json(const json_object *object, Identity *ret)
{
        Identity identity = {};
        int r;

        r = take_all(object, &identity);
        if (r < 0) {
                identity_clear(&identity);
                return r;
        }
        *ret = identity;
        return 0;
}
