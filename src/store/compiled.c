/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/compiled.h"

#include <errno.h>

#include "base/util.h"
#include "qapi/schema-image.h"

/*
 * A record has one fact a line, so the schema's text is found without parsing: from behind its name, which
 * no string can imitate (a line feed within a string is escaped), to the line's last bracket.
 */

#define BEGIN   "\n\"" FACT_SCHEMA "\":{\"status\":\"answered\",\"value\":"
#define NOTHING "null"

typedef struct Text {
        char *at;
        size_t size;
} Text;

static bool find_text(char *body, Text *ret)
{
        char *at = strstr(body, BEGIN), *end;

        if (!at)
                return false;
        at += strlen(BEGIN);
        end = at + strcspn(at, "\n");
        while (end > at && end[-1] != ']')
                end--;
        if (*at != '[' || (size_t)(end - at) < strlen(NOTHING)) /* "[]": what is put there is longer */
                return false;
        *ret = (Text){.at = at, .size = (size_t)(end - at)};
        return true;
}

/* "0123456789abcdef", the checksum of a record's file, and the image behind it. -ENOENT, -EBADMSG, -ENOMEM.
 */
static int load_image(const MusterStore *store, const char *id, uint64_t sum, MusterSchema **ret)
{
        CLEANUP(free) char *body = NULL;
        char hex[HEX64_SIZE];
        size_t size;
        int r;

        r = entry_read(store, ENTRY_SCHEMA, id, &body, &size, /* ret_stamp= */ NULL);
        if (r < 0)
                return r;
        hex64(sum, hex);
        if (size < HEX64_SIZE - 1 || memcmp(body, hex, HEX64_SIZE - 1) != 0)
                return -EBADMSG;
        return schema_from_image(body + HEX64_SIZE - 1, size - (HEX64_SIZE - 1), ret);
}

/* Puts null in the place of the text, which is taken out. NULL: out of memory. */
static char *cut(char *body, size_t *size, Text text)
{
        char *copy = strndup(text.at, text.size), *rest = text.at + text.size;

        if (!copy)
                return NULL;
        memcpy(text.at, NOTHING, strlen(NOTHING));
        memmove(text.at + strlen(NOTHING), rest, *size - (size_t)(rest - body) + 1);
        *size -= text.size - strlen(NOTHING);
        return copy;
}

/* 1: taken; 0: there is no image, or it does not fit, or there is anything wrong: record_load() says what.
 */
static int load_known(const MusterStore *store, const char *id, MusterFacts **ret, FileStamp *ret_stamp)
{
        CLEANUP(schema) MusterSchema *schema = NULL;
        CLEANUP(facts) MusterFacts *facts = NULL;
        CLEANUP(free) char *body = NULL, *raw = NULL;
        uint64_t sum;
        size_t size;
        Text text;
        int r;

        r = entry_read_unchecked(store, ENTRY_RECORD, id, &body, &size, &sum, ret_stamp);
        if (r == 0)
                r = load_image(store, id, sum, &schema);
        if (r < 0 || !find_text(body, &text))
                return r == -ENOMEM ? r : 0;
        raw = cut(body, &size, text);
        if (!raw)
                return -ENOMEM;
        r = record_from_known_text(body, size, &facts, /* ret_error= */ NULL);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        facts_set_schema(facts, TAKE(schema), TAKE(raw));
        *ret = TAKE(facts);
        return 1;
}

int compiled_record_load(const MusterStore *store, const char *id, MusterFacts **ret, FileStamp *ret_stamp,
                         uint64_t *ret_sum)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        CLEANUP(free) char *body = NULL;
        size_t size;
        Text text;
        int r;

        *ret_sum = 0;
        r = load_known(store, id, ret, ret_stamp);
        if (r != 0)
                return r < 0 ? r : 0;
        r = entry_read(store, ENTRY_RECORD, id, &body, &size, ret_stamp);
        if (r < 0)
                return r;
        r = record_from_text(body, size, id, ret, /* ret_json= */ NULL, &error);
        if (r == -EBADMSG)
                return record_note_damaged(store, ENTRY_RECORD, id, error);
        return r == 0 && find_text(body, &text) ? entry_sum(ENTRY_RECORD, body, size, ret_sum) : r;
}

void compiled_save(MusterStore *store, const char *id, uint64_t sum, const MusterFacts *facts)
{
        CLEANUP(free) void *image = NULL;
        CLEANUP(free) char *body = NULL;
        char hex[HEX64_SIZE];
        size_t size;

        if (!facts->schema || schema_to_image(facts->schema, &image, &size) < 0)
                return;
        body = malloc(size + HEX64_SIZE);
        if (!body)
                return;
        hex64(sum, hex);
        memcpy(body, hex, HEX64_SIZE - 1);
        memcpy(body + HEX64_SIZE - 1, image, size);
        (void)entry_write(store, ENTRY_SCHEMA, id, body, size + HEX64_SIZE - 1, /* ret_stamp= */ NULL);
}

int compiled_check(const MusterStore *store, const char *id)
{
        CLEANUP(schema) MusterSchema *schema = NULL;
        CLEANUP(free) char *body = NULL;
        uint64_t sum;
        size_t size;
        int r;

        r = entry_read(store, ENTRY_RECORD, id, &body, &size, /* ret_stamp= */ NULL);
        if (r < 0)
                return r == -ENOENT ? -EBADMSG : r;
        r = entry_sum(ENTRY_RECORD, body, size, &sum);
        return r < 0 ? r : load_image(store, id, sum, &schema);
}
