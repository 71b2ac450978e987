/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a record says of itself, read without the rest, and held to what muster writes. */

#include <errno.h>
#include <fcntl.h>

#include "base/i18n.h"
#include "base/util.h"
#include "store/record.h"

#define HEAD_MAX     4096 /* bytes, of a record that muster has written */
#define HEAD_MEMBERS 14
#define STRING_MAX   256
#define DAY_SEC      86400

/* The lines before the facts, made an object by themselves. */
static int parse_first_lines(char *text, json_object **ret)
{
        CLEANUP(json) json_object *head = NULL;
        char *body = strchr(text, '\n'), *end;
        int r;

        body = body ? strchr(body + 1, '\n') : NULL;
        end = body ? strstr(body, ",\n\"portable\":") : NULL;
        if (!end)
                return -EBADMSG;
        strcpy(end, "}");
        r = json_parse(body, strlen(body), &head);
        if (r < 0)
                return r;
        if (!json_object_is_type(head, json_type_object) || json_object_object_length(head) != HEAD_MEMBERS)
                return -EBADMSG;
        *ret = TAKE(head);
        return 0;
}

static int read_first_lines(const MusterStore *store, const char *id, json_object **ret)
{
        CLEANUP(free) char *file = entry_file(ENTRY_RECORD, id);
        CLEANUP(fd) int fd = -1;
        char text[HEAD_MAX + 1];
        ssize_t n;

        if (!file)
                return -ENOMEM;
        fd = openat(store->dirfd, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
                return -errno;
        n = read(fd, text, HEAD_MAX);
        if (n < 0)
                return -errno;
        text[n] = '\0';
        return parse_first_lines(text, ret);
}

/* Somebody may have written one by hand, and in another layout. */
static int read_whole(const MusterStore *store, const char *id, json_object **ret)
{
        MusterStore quiet = *store;
        CLEANUP(json) json_object *root = NULL;
        CLEANUP(free) char *body = NULL;
        size_t size;
        int r;

        quiet.note = NULL;
        r = record_read(&quiet, id, &body, &size, &root);
        if (r < 0)
                return r;
        json_object_object_del(root, "portable");
        json_object_object_del(root, "measured");
        *ret = TAKE(root);
        return 0;
}

int record_load_head(const MusterStore *store, const char *id, json_object **ret)
{
        int r = read_first_lines(store, id, ret);

        return r == -EBADMSG ? read_whole(store, id, ret) : r;
}

static bool is_line(const char *text, size_t size)
{
        if (size > STRING_MAX || !text_is_utf8(text, size))
                return false;
        for (size_t i = 0; i < size; i++) {
                unsigned char byte = (unsigned char)text[i];

                /* Those of Latin 1 too: U+0080 to U+009F. */
                if (byte < 0x20 || byte == 0x7f ||
                    (byte == 0xc2 && i + 1 < size && (unsigned char)text[i + 1] < 0xa0))
                        return false;
        }
        return true;
}

static bool is_word(const char *text)
{
        static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

        return *text && !text[strspn(text, letters)];
}

static bool is_digest(const char *text)
{
        return !*text || (strlen(text) == DIGEST_HEX_SIZE - 1 && !text[strspn(text, "0123456789abcdef")]);
}

static int check_string(const json_object *head, const char *key, bool needed,
                        bool (*has_form)(const char *text), MusterError **ret_error)
{
        json_object *value = NULL;

        if (!json_object_object_get_ex(head, key, &value) && !needed)
                return 0;
        if (!value && !needed)
                return 0;
        if (json_object_is_type(value, json_type_string) &&
            is_line(json_object_get_string(value), (size_t)json_object_get_string_len(value)) &&
            (!has_form || has_form(json_object_get_string(value))))
                return 0;
        if (!has_form)
                return error_set(
                        ret_error, -EBADMSG,
                        _("The record's \"%s\" is no line of at most %d bytes without control characters."),
                        key, STRING_MAX);
        return error_set(ret_error, -EBADMSG,
                         has_form == is_word ? _("The record's \"%s\" is no word of ASCII.")
                                             : _("The record's \"%s\" is no digest."),
                         key);
}

static int check_number(const json_object *head, const char *key, int64_t min, int64_t max,
                        MusterError **ret_error)
{
        int64_t number = json_get_int(head, key, -1);

        if (number >= min && number <= max)
                return 0;
        return error_set(ret_error, -EBADMSG, _("The record's \"%s\" is no number from %lld to %lld."), key,
                         (long long)min, (long long)max);
}

int record_check_head(const json_object *head, int64_t now_sec, MusterError **ret_error)
{
        static const struct {
                const char *key;
                bool needed;
                bool (*has_form)(const char *text);
        } strings[] = {
                {"muster", true, NULL},      {"name", true, NULL},         {"version", false, NULL},
                {"package", false, NULL},    {"kind", true, is_word},      {"target", false, is_word},
                {"digest", true, is_digest}, {"modules", true, is_digest}, {"launcher", true, is_digest},
        };
        const struct {
                const char *key;
                int64_t min, max;
        } numbers[] = {
                {"created", 0, now_sec + DAY_SEC},
                {"module-count", 0, 100000},
                {"executable-size", 1, INT64_C(1) << 30},
        };
        int r = 0;

        for (size_t i = 0; r == 0 && i < ELEMENTSOF(strings); i++)
                r = check_string(head, strings[i].key, strings[i].needed, strings[i].has_form, ret_error);
        for (size_t i = 0; r == 0 && i < ELEMENTSOF(numbers); i++)
                r = check_number(head, numbers[i].key, numbers[i].min, numbers[i].max, ret_error);
        return r;
}
