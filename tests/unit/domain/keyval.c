/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "keyval.h"

#include <ctype.h>

#include "base/util.h"

static bool is_number(const char *fragment)
{
        return *fragment && fragment[strspn(fragment, "0123456789")] == '\0';
}

static bool is_fragment(const char *fragment, bool first)
{
        size_t n = strlen(fragment);

        if (n == 0 || n > 127)
                return false;
        if (is_number(fragment))
                return !first;
        for (const char *c = fragment; *c; c++)
                if (!isalnum((unsigned char)*c) && !strchr("-_", *c))
                        return false;
        return isalpha((unsigned char)*fragment);
}

/* The value at *at, up to a comma that no second one follows, or the end; *at is behind it. */
static char *take_value(const char **at)
{
        char *value = calloc(1, strlen(*at) + 1), *out = value;

        while (**at) {
                if (**at == ',' && *++*at != ',')
                        break;
                *out++ = *(*at)++;
        }
        return value;
}

/* Puts the string below its path, making objects on the way; lists are objects with numbers here. */
static bool put(json_object *cur, char *key, const char *value)
{
        bool first = true;

        for (char *fragment = key, *dot;; fragment = dot + 1, first = false) {
                json_object *next = NULL;

                dot = strchr(fragment, '.');
                if (dot)
                        *dot = '\0';
                if (!is_fragment(fragment, first))
                        return false;
                json_object_object_get_ex(cur, fragment, &next);
                if (next && json_object_is_type(next, json_type_string) == (dot != NULL))
                        return false;
                if (!dot)
                        return json_add_string(cur, fragment, value) == 0;
                if (!next) {
                        next = json_object_new_object();
                        json_add(cur, fragment, next);
                }
                cur = next;
        }
}

/* Makes lists of the objects whose keys are numbers; takes over `cur`. */
static json_object *listify(json_object *cur)
{
        CLEANUP(json) json_object *owned = cur, *object = NULL, *array = NULL;
        size_t numbers = 0, n = (size_t)json_object_object_length(cur);

        (void)owned;
        object = json_object_new_object();
        json_object_object_foreach (cur, key, value) {
                json_object *inner = json_object_get(value);

                if (json_object_is_type(inner, json_type_object))
                        inner = listify(inner);
                if (!inner)
                        return NULL;
                json_add(object, key, inner);
                numbers += is_number(key);
        }
        if (numbers == 0)
                return TAKE(object);
        array = json_object_new_array();
        for (size_t i = 0; i < n; i++) {
                CLEANUP(free) char *index = text_format("%zu", i);
                json_object *element;

                if (!json_object_object_get_ex(object, index, &element))
                        return NULL;
                json_append(array, json_object_get(element));
        }
        return TAKE(array);
}

json_object *keyval_parse(const char *text, const char *implied)
{
        CLEANUP(json) json_object *object = json_object_new_object();

        while (*text) {
                size_t length = strcspn(text, "=,");
                bool has_key = text[length] == '=';
                CLEANUP(free) char *key = NULL, *value = NULL;

                if (!has_key && (!implied || length == 0))
                        return NULL;
                key = has_key ? strndup(text, length) : strdup(implied);
                if (has_key)
                        text += length + 1;
                value = take_value(&text);
                if (!put(object, key, value))
                        return NULL;
                implied = NULL;
        }
        return listify(TAKE(object));
}

json_object *keyval_strings(json_object *value)
{
        json_object *copy;

        if (json_object_is_type(value, json_type_object)) {
                copy = json_object_new_object();
                json_object_object_foreach (value, key, member)
                        json_add(copy, key, keyval_strings(member));
                return copy;
        }
        if (json_object_is_type(value, json_type_array)) {
                copy = json_object_new_array();
                for (size_t i = 0; i < json_object_array_length(value); i++)
                        json_append(copy, keyval_strings(json_object_array_get_idx(value, i)));
                return copy;
        }
        if (json_object_is_type(value, json_type_boolean))
                return json_object_new_string(json_object_get_boolean(value) ? "on" : "off");
        return json_object_new_string(json_object_get_string(value));
}

char *opts_id(const char *text)
{
        while (*text) {
                size_t length = strcspn(text, "=,");
                CLEANUP(free) char *key = strndup(text, length), *value = NULL;

                /* A word without a value, even a first one, ends at its first comma. */
                text += length;
                if (*text == ',') {
                        text++;
                        continue;
                }
                text += *text == '=';
                value = take_value(&text);
                if (streq(key, "id"))
                        return TAKE(value);
        }
        return NULL;
}

char *opts_id_before_5_1(const char *text)
{
        const char *found = startswith(text, "id=") ? text - 1 : strstr(text, ",id=");

        if (!found)
                return NULL;
        found += strlen(",id=");
        return take_value(&found);
}
