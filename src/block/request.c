/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "block/request.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/i18n.h"
#include "base/util.h"

const char *access_name(MusterAccess access)
{
        switch (access) {
        case MUSTER_ACCESS_RO:
                return "ro";
        case MUSTER_ACCESS_RW:
                return "rw";
        case MUSTER_ACCESS_ON_DEMAND:
                return "on-demand";
        }
        return "unknown";
}

int64_t fdset_of_filename(const char *filename)
{
        const char *digits = filename ? startswith(filename, "/dev/fdset/") : NULL;
        int64_t id = 0;

        if (!digits || !*digits)
                return -1;
        for (; *digits; digits++) {
                if (!isdigit((unsigned char)*digits) || id > INT32_MAX)
                        return -1;
                id = id * 10 + (*digits - '0');
        }
        return id;
}

_public_ int muster_gate_request_new(MusterGateRequest **ret)
{
        MusterGateRequest *request = calloc(1, sizeof(*request));

        if (!request)
                return -ENOMEM;
        request->access = MUSTER_ACCESS_RO;
        *ret = request;
        return 0;
}

void request_extra_clear(RequestExtra *extra)
{
        json_object_put(extra->storage);
        json_object_put(extra->slice);
        json_object_put(extra->format);
        *extra = (RequestExtra){};
}

_public_ MusterGateRequest *muster_gate_request_free(MusterGateRequest *request)
{
        if (!request)
                return NULL;
        for (size_t i = 0; i < request->n_options; i++) {
                free(request->options[i].key);
                free(request->options[i].value);
        }
        for (size_t i = 0; i < request->n_backing; i++) {
                free(request->backing[i].driver);
                free(request->backing[i].filename);
                free(request->backing[i].format);
                request_extra_clear(&request->backing[i].extra);
        }
        request_extra_clear(&request->extra);
        json_object_put(request->filters);
        free(request->options);
        free(request->backing);
        free(request->driver);
        free(request->filename);
        free(request->format);
        free(request->node_name);
        json_object_put(request->tree);
        free(request);
        return NULL;
}

static int replace_text(char **field, const char *text)
{
        char *copy = NULL;

        if (text && (strlen(text) > REQUEST_TEXT_MAX || !text_is_utf8(text, strlen(text))))
                return -EINVAL;
        if (text) {
                copy = strdup(text);
                if (!copy)
                        return -ENOMEM;
        }
        free(*field);
        *field = copy;
        return 0;
}

/* The names of drivers end up in sentences and in paths of the schema. */
static bool is_driver_name(const char *name)
{
        if (!name || !isalnum((unsigned char)name[0]) || strlen(name) > 64)
                return false;
        for (; *name; name++)
                if (!isalnum((unsigned char)*name) && !strchr("-_.+", *name))
                        return false;
        return true;
}

_public_ int muster_gate_request_set_driver(MusterGateRequest *request, const char *driver)
{
        return is_driver_name(driver) ? replace_text(&request->driver, driver) : -EINVAL;
}

_public_ int muster_gate_request_set_filename(MusterGateRequest *request, const char *filename)
{
        return replace_text(&request->filename, filename);
}

_public_ int muster_gate_request_set_format(MusterGateRequest *request, const char *format)
{
        return !format || is_driver_name(format) ? replace_text(&request->format, format) : -EINVAL;
}

_public_ void muster_gate_request_set_access(MusterGateRequest *request, MusterAccess access)
{
        request->access = access;
        request->access_set = true;
}

_public_ int muster_gate_request_set_fallback(MusterGateRequest *request, MusterAccess access)
{
        if (access != MUSTER_ACCESS_RO && access != MUSTER_ACCESS_RW)
                return -EINVAL;
        request->fallback = access;
        request->has_fallback = true;
        return 0;
}

/* QEMU's id_wellformed() */
static bool is_node_name(const char *name)
{
        if (!name || !isalpha((unsigned char)name[0]) || strlen(name) > NODE_NAME_MAX)
                return false;
        for (; *name; name++)
                if (!isalnum((unsigned char)*name) && !strchr("-._", *name))
                        return false;
        return true;
}

_public_ int muster_gate_request_set_node_name(MusterGateRequest *request, const char *name)
{
        return is_node_name(name) ? replace_text(&request->node_name, name) : -EINVAL;
}

static bool is_option_key(const char *key)
{
        size_t depth = 1;

        if (!key || !*key || *key == '.' || strlen(key) > 1024)
                return false;
        for (; *key; key++)
                if (*key == '.' && (key[1] == '.' || !key[1] || ++depth > REQUEST_KEY_DEPTH_MAX))
                        return false;
        return true;
}

_public_ int muster_gate_request_add_option(MusterGateRequest *request, const char *key, const char *value)
{
        RequestOption *options;

        if (!is_option_key(key) || !value || strlen(value) > REQUEST_TEXT_MAX ||
            !text_is_utf8(value, strlen(value)) || request->n_options >= REQUEST_OPTIONS_MAX)
                return -EINVAL;
        options = reallocarray(request->options, request->n_options + 1, sizeof(*options));
        if (!options)
                return -ENOMEM;
        request->options = options;
        options[request->n_options] = (RequestOption){strdup(key), strdup(value)};
        if (!options[request->n_options].key || !options[request->n_options].value) {
                free(options[request->n_options].key);
                free(options[request->n_options].value);
                return -ENOMEM;
        }
        request->n_options++;
        return 0;
}

static void clear_image(RequestImage *image)
{
        free(image->driver);
        free(image->filename);
        free(image->format);
        request_extra_clear(&image->extra);
}

int request_add_image(MusterGateRequest *request, const char *driver, const char *filename,
                      const char *format)
{
        __attribute__((cleanup(clear_image))) RequestImage image = {};
        RequestImage *backing;
        int r;

        if (!is_driver_name(driver) || (format && !is_driver_name(format)) ||
            request->n_backing >= REQUEST_BACKING_MAX)
                return -EINVAL;
        r = replace_text(&image.driver, driver);
        if (r >= 0)
                r = replace_text(&image.filename, filename);
        if (r >= 0)
                r = replace_text(&image.format, format);
        if (r < 0)
                return r;
        backing = reallocarray(request->backing, request->n_backing + 1, sizeof(*backing));
        if (!backing)
                return -ENOMEM;
        request->backing = backing;
        backing[request->n_backing++] = image;
        image = (RequestImage){};
        return 0;
}

_public_ int muster_gate_request_add_backing(MusterGateRequest *request, const char *driver,
                                             const char *filename, const char *format)
{
        return filename ? request_add_image(request, driver, filename, format) : -EINVAL;
}

void request_set_extra(MusterGateRequest *request, size_t backing, RequestExtra extra)
{
        RequestExtra *place = backing > 0 ? &request->backing[backing - 1].extra : &request->extra;

        request_extra_clear(place);
        *place = extra;
}

int request_add_filter(MusterGateRequest *request, json_object *filter)
{
        if (!request->filters)
                request->filters = json_object_new_array();
        if (request->filters)
                return json_append(request->filters, filter);
        json_object_put(filter);
        return -ENOMEM;
}

/* QEMU's parser breaks off at text that is no UTF-8, and a NUL would cut a file's name. The parser bounded
 * the depth. */
static bool is_sendable(json_object *value)
{
        if (json_object_is_type(value, json_type_string))
                return text_is_utf8(json_object_get_string(value),
                                    (size_t)json_object_get_string_len(value));
        if (json_object_is_type(value, json_type_array)) {
                for (size_t i = 0; i < json_object_array_length(value); i++)
                        if (!is_sendable(json_object_array_get_idx(value, i)))
                                return false;
        } else if (json_object_is_type(value, json_type_object)) {
                json_object_object_foreach (value, key, member) {
                        if (!text_is_utf8(key, strlen(key)) || !is_sendable(member))
                                return false;
                }
        }
        return true;
}

_public_ int muster_gate_request_set_tree(MusterGateRequest *request, const char *json,
                                          MusterError **ret_error)
{
        CLEANUP(json) json_object *tree = NULL;
        int r;

        r = json_parse(json, strlen(json), &tree);
        if (r == -ENOMEM)
                return error_oom(ret_error);
        if (r < 0 || !json_object_is_type(tree, json_type_object))
                return error_set(
                        ret_error, -EINVAL,
                        _("The tree is no JSON object; give the arguments of one blockdev-add, such as "
                          "{\"driver\": \"file\", \"filename\": \"…\", \"node-name\": \"…\"}."));
        if (!is_sendable(tree))
                return error_set(
                        ret_error, -EINVAL,
                        _("The tree has text that is no UTF-8 or holds a NUL, which QMP cannot carry."));
        json_object_put(request->tree);
        request->tree = TAKE(tree);
        return 0;
}

_public_ void muster_gate_request_set_launch(MusterGateRequest *request, unsigned conditions)
{
        request->launch = conditions;
}
