/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/json.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/util.h"

static void cleanup_tokener(struct json_tokener **tokener)
{
        if (*tokener)
                json_tokener_free(*tokener);
}

int json_parse(const char *text, size_t size, json_object **ret)
{
        CLEANUP(tokener) struct json_tokener *tokener = json_tokener_new_ex(JSON_DEPTH_MAX);
        CLEANUP(json) json_object *object = NULL;
        size_t end;

        if (!tokener)
                return -ENOMEM;
        if (size > JSON_SIZE_MAX)
                return -E2BIG;
        json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_ALLOW_TRAILING_CHARS);
        object = json_tokener_parse_ex(tokener, text, (int)size);
        if (json_tokener_get_error(tokener) == json_tokener_continue) {
                /* A bare number or word ends only at the next character. */
                object = json_tokener_parse_ex(tokener, " ", 1);
                if (json_tokener_get_error(tokener) != json_tokener_success)
                        return -EBADMSG;
                *ret = TAKE(object);
                return 0;
        }
        if (json_tokener_get_error(tokener) == json_tokener_error_depth)
                return -E2BIG;
        if (json_tokener_get_error(tokener) != json_tokener_success)
                return -EBADMSG;
        for (end = json_tokener_get_parse_end(tokener); end < size; end++)
                if (!isspace((unsigned char)text[end]))
                        return -EBADMSG;
        *ret = TAKE(object);
        return 0;
}

json_object *json_get(const json_object *object, const char *key, enum json_type type)
{
        json_object *value;

        if (!object || !json_object_is_type(object, json_type_object) ||
            !json_object_object_get_ex(object, key, &value) || !json_object_is_type(value, type))
                return NULL;
        return value;
}

const char *json_get_string(const json_object *object, const char *key)
{
        json_object *value = json_get(object, key, json_type_string);

        return value ? json_object_get_string(value) : NULL;
}

bool json_get_bool(const json_object *object, const char *key, bool fallback)
{
        json_object *value = json_get(object, key, json_type_boolean);

        return value ? json_object_get_boolean(value) : fallback;
}

int64_t json_get_int(const json_object *object, const char *key, int64_t fallback)
{
        json_object *value = json_get(object, key, json_type_int);

        return value ? json_object_get_int64(value) : fallback;
}

size_t json_length(const json_object *array)
{
        return json_object_is_type(array, json_type_array) ? json_object_array_length(array) : 0;
}

int json_add(json_object *object, const char *key, json_object *value)
{
        if (!value)
                return -ENOMEM;
        if (!object || json_object_object_add(object, key, value) < 0) {
                json_object_put(value);
                return -ENOMEM;
        }
        return 0;
}

int json_add_string(json_object *object, const char *key, const char *text)
{
        /* json-c's null is the NULL pointer, which json_add() would take for a failure. */
        if (!text)
                return json_object_object_add(object, key, NULL) < 0 ? -ENOMEM : 0;
        return json_add(object, key, json_object_new_string(text));
}

int json_add_stringf(json_object *object, const char *key, const char *format, ...)
{
        CLEANUP(free) char *text = NULL;
        va_list args;

        va_start(args, format);
        text = text_vformat(format, args);
        va_end(args);
        if (!text)
                return -ENOMEM;
        return json_add_string(object, key, text);
}

int json_add_bool(json_object *object, const char *key, bool value)
{
        return json_add(object, key, json_object_new_boolean(value));
}

int json_add_int(json_object *object, const char *key, int64_t value)
{
        return json_add(object, key, json_object_new_int64(value));
}

int json_append(json_object *array, json_object *value)
{
        if (!value)
                return -ENOMEM;
        if (!array || json_object_array_add(array, value) < 0) {
                json_object_put(value);
                return -ENOMEM;
        }
        return 0;
}

int json_append_string(json_object *array, const char *text)
{
        return json_append(array, json_object_new_string(text));
}

static char *to_text(const json_object *object, int flags)
{
        const char *text = json_object_to_json_string_ext((json_object *)object,
                                                          flags | JSON_C_TO_STRING_NOSLASHESCAPE);

        return text ? strdup(text) : NULL;
}

char *json_to_text(const json_object *object)
{
        return to_text(object, JSON_C_TO_STRING_SPACED);
}

char *json_to_pretty_text(const json_object *object)
{
        return to_text(object, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED);
}
