/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/option.h"

#include <errno.h>
#include <math.h>

#include "base/i18n.h"
#include "base/util.h"

/*
 * One walk over the properties checks all of them and, for text that is not JSON, writes each leaf as
 * `path=value`. In a value only the comma means something, to both of QEMU's parsers, and is doubled; so a
 * value may be empty and begin or end with anything.
 *
 * The implied key is left out only of a word that is nothing but a word. With '=' in it, it would be read as
 * a key; with a doubled comma, QemuOpts looks for "id=" behind the first of the two; with '{' in front, it
 * would be JSON; "help" and "?" are questions. Written with its key each of them is just a value.
 */

#define KEY_MAX 127 /* what keyval.c takes of one */
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS  "0123456789"

typedef struct Writer {
        OptionStyle style;
        const char *implied; /* NULL as well where its key must be written */
        FILE *out;
        const char *separator;
        MusterError **ret_error;
} Writer;

static int refuse(const Writer *writer, const char *path, const char *reason)
{
        CLEANUP(free) char *shown = text_for_terminal(path, strlen(path), /* max= */ 120);

        return error_set(writer->ret_error, -EINVAL, _("\"%s\" cannot be passed to the emulator: %s."),
                         shown ?: "?", reason);
}

static const char *needs_json(void)
{
        return _("what it holds takes JSON, which this emulator's option does not read");
}

static int check_key(const Writer *writer, const char *path, const char *key)
{
        bool keyval = writer->style == OPTION_KEYVAL;
        size_t length = strspn(key, keyval ? LETTERS DIGITS "_-" : LETTERS DIGITS "_-.");

        if (key[length] || !*key || !strchr(keyval ? LETTERS : LETTERS DIGITS "_", *key))
                return refuse(writer, path, _("a key like this cannot be written"));
        if (length > KEY_MAX)
                return refuse(writer, path, _("a key cannot be this long"));
        return 0;
}

static int check_scalar(const Writer *writer, const char *path, const json_object *value)
{
        const char *text = json_object_get_string((json_object *)value);
        size_t length = (size_t)json_object_get_string_len(value); /* 0 of what is no string */

        if (json_object_is_type(value, json_type_double) && !isfinite(json_object_get_double(value)))
                return refuse(writer, path, _("its value is no finite number"));
        if (!text)
                return error_oom(writer->ret_error);
        if (memchr(text, '\0', length))
                return refuse(writer, path, _("its value holds a NUL byte"));
        if (memchr(text, '\n', length))
                return refuse(writer, path, _("its value holds a line break"));
        if (!text_is_utf8(text, length))
                return refuse(writer, path, _("its value is not UTF-8"));
        return 0;
}

static const char *scalar_text(const json_object *value)
{
        if (json_object_is_type(value, json_type_boolean))
                return json_object_get_boolean(value) ? "on" : "off";
        return json_object_get_string((json_object *)value);
}

static bool is_word(const char *text)
{
        return text && *text && *text != '{' && !strpbrk(text, "=,") && !streq(text, "help") &&
               !streq(text, "?");
}

static int write_scalar(Writer *writer, const char *path, const json_object *value)
{
        const char *text = scalar_text(value);
        int r;

        r = check_scalar(writer, path, value);
        if (r < 0 || writer->style == OPTION_JSON)
                return r;
        fputs(writer->separator, writer->out);
        if (!streq_ptr(path, writer->implied))
                fprintf(writer->out, "%s=", path);
        for (; *text; text++) {
                if (*text == ',')
                        fputc(',', writer->out);
                fputc(*text, writer->out);
        }
        writer->separator = ",";
        return 0;
}

static int write_value(Writer *writer, const char *path, const json_object *value, unsigned level);

static int write_member(Writer *writer, const char *path, const char *key, const json_object *value,
                        unsigned level)
{
        CLEANUP(free) char *inner = text_format("%s%s%s", path, *path ? "." : "", key);
        int r;

        if (!inner)
                return error_oom(writer->ret_error);
        r = check_key(writer, inner, key);
        return r < 0 ? r : write_value(writer, inner, value, level);
}

static int write_object(Writer *writer, const char *path, const json_object *object, unsigned level)
{
        if (*path && writer->style == OPTION_KEYVAL && json_object_object_length(object) == 0)
                return refuse(writer, path, _("an empty object cannot be written here"));
        json_object_object_foreach ((json_object *)object, key, value) {
                bool written = !*path && (streq_ptr(key, writer->implied) || streq(key, "id"));
                int r = written ? 0 : write_member(writer, path, key, value, level);

                if (r < 0)
                        return r;
        }
        return 0;
}

/* An element is named by its list's key alone. */
static int write_repeated(Writer *writer, const char *path, const json_object *value)
{
        json_object *text = json_get(value, "str", json_type_string);

        if (text && json_object_object_length(value) == 1)
                value = text;
        if (!value || json_object_is_type(value, json_type_object) ||
            json_object_is_type(value, json_type_array))
                return refuse(writer, path, needs_json());
        return write_scalar(writer, path, value);
}

static int write_element(Writer *writer, const char *path, size_t index, const json_object *value,
                         unsigned level)
{
        CLEANUP(free) char *inner = text_format("%s.%zu", path, index);

        if (writer->style == OPTION_LISTS)
                return write_repeated(writer, path, value);
        return inner ? write_value(writer, inner, value, level) : error_oom(writer->ret_error);
}

static int write_array(Writer *writer, const char *path, const json_object *array, unsigned level)
{
        size_t n = json_object_array_length(array);

        if (n == 0 && writer->style != OPTION_JSON)
                return refuse(writer, path, _("an empty list cannot be written here"));
        for (size_t i = 0; i < n; i++) {
                int r = write_element(writer, path, i, json_object_array_get_idx(array, i), level);

                if (r < 0)
                        return r;
        }
        return 0;
}

static int write_value(Writer *writer, const char *path, const json_object *value, unsigned level)
{
        bool object = json_object_is_type(value, json_type_object);
        bool array = json_object_is_type(value, json_type_array);

        if (!value && writer->style != OPTION_JSON)
                return refuse(writer, path, _("null cannot be written here"));
        if (!value)
                return 0;
        if (!object && !array)
                return write_scalar(writer, path, value);
        if ((object && writer->style == OPTION_LISTS) || writer->style == OPTION_FLAT)
                return refuse(writer, path, needs_json());
        if (level == OPTION_LEVEL_MAX)
                return refuse(writer, path, _("it is nested too deeply"));
        return object ? write_object(writer, path, value, level + 1)
                      : write_array(writer, path, value, level + 1);
}

static int write_first(Writer *writer, const json_object *properties, const char *key)
{
        json_object *value;

        if (!json_object_object_get_ex((json_object *)properties, key, &value))
                return 0;
        return write_member(writer, "", key, value, /* level= */ 1);
}

static int write_all(Writer *writer, const json_object *properties)
{
        int r = 0;

        if (writer->implied)
                r = write_first(writer, properties, writer->implied);
        if (r == 0 && !streq_ptr("id", writer->implied))
                r = write_first(writer, properties, "id");
        return r < 0 ? r : write_object(writer, "", properties, /* level= */ 1);
}

static int write_json(const Writer *writer, const json_object *properties)
{
        const char *text = json_object_to_json_string_ext(
                (json_object *)properties, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);

        if (!text)
                return error_oom(writer->ret_error);
        fputs(text, writer->out);
        return 0;
}

int option_text(const json_object *properties, OptionStyle style, const char *implied, char **ret,
                MusterError **ret_error)
{
        Writer writer = {.style = style, .separator = "", .ret_error = ret_error};
        CLEANUP(free) char *text = NULL;
        CLEANUP(file) FILE *out = NULL;
        size_t size;
        int r;

        if (!json_object_is_type(properties, json_type_object))
                return error_set(ret_error, -EINVAL, _("An option's properties must be an object."));
        if (implied && is_word(json_get_string(properties, implied)))
                writer.implied = implied;
        writer.out = out = open_memstream(&text, &size);
        if (!out)
                return error_oom(ret_error);
        r = write_all(&writer, properties);
        if (r == 0 && style == OPTION_JSON)
                r = write_json(&writer, properties);
        if (r < 0)
                return r;
        if (ferror(out) || fclose(TAKE(out)) != 0)
                return error_oom(ret_error);
        *ret = TAKE(text);
        return 0;
}
