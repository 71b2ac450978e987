/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>

#include "base/i18n.h"
#include "base/util.h"
#include "daemon/api.h"

/*
 * A name that a route does not know is a mistake, or asks for what a later version has: then it must not be
 * passed over, since what would be done is not what was asked for.
 */

#define SHOWN_MAX 100U

/* The type of a name in "name:type name:type"; NULL: not there. It ends with a blank, or the text. */
static const char *find_type(const char *names, const char *name, size_t size)
{
        for (const char *at = names ?: ""; *at; at += *at == ' ') {
                size_t length = strcspn(at, ":");

                if (length == size && strncmp(at, name, size) == 0)
                        return at + length + 1;
                at += strcspn(at, " ");
        }
        return NULL;
}

/* "paused, force-boot"; to free() */
static char *list_names(const char *names)
{
        char *list = calloc(1, strlen(names ?: "") * 2 + 1), *end = list;

        for (const char *at = names ?: ""; list && *at; at += *at == ' ') {
                size_t length = strcspn(at, ":");

                if (end != list)
                        end = stpcpy(end, ", ");
                end = mempcpy(end, at, length);
                at += strcspn(at, " ");
        }
        return list;
}

static int say_unknown(const ApiRoute *route, const char *name, const char *names, MusterError **ret_error)
{
        CLEANUP(free)
        char *list = list_names(names), *shown = text_for_terminal(name, strlen(name), SHOWN_MAX);

        if (!list || !shown)
                return error_oom(ret_error);
        if (!*list)
                return error_set(ret_error, -EINVAL, _("%s of %s does not know \"%s\"; it takes nothing."),
                                 route->method, route->path, shown);
        return error_set(ret_error, -EINVAL, _("%s of %s does not know \"%s\"; it takes: %s."),
                         route->method, route->path, shown, list);
}

static bool is_type(const char *type, const char *name)
{
        size_t size = strlen(name);

        return strncmp(type, name, size) == 0 && (!type[size] || type[size] == ' ');
}

/* --- the query -------------------------------------------------------------------------------------- */

typedef struct QueryCheck {
        const ApiCall *call;
        const ApiRoute *route;
        MusterError **ret_error;
        int result;
} QueryCheck;

static bool is_boolean(const char *value)
{
        static const char *const words[] = {"", "true", "false", "1", "0", "yes", "no"};

        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                if (streq(value, words[i]))
                        return true;
        return false;
}

static bool is_integer(const char *value)
{
        return *value && strlen(value) <= 19 && strspn(value, "0123456789") == strlen(value);
}

static int check_value(const QueryCheck *check, const char *type, const char *name, const char *value)
{
        if (is_type(type, "boolean") && !is_boolean(value))
                return error_set(check->ret_error, -EINVAL, _("\"%s\" is either true or false."), name);
        if (is_type(type, "integer") && !is_integer(value))
                return error_set(check->ret_error, -EINVAL, _("\"%s\" is a whole number, 0 or more."), name);
        /* The first one would count. */
        if (http_request_query(check->call->request, name) != value)
                return error_set(check->ret_error, -EINVAL, _("\"%s\" is there twice; give it once."), name);
        return 0;
}

static bool on_parameter(const char *name, const char *value, void *userdata)
{
        QueryCheck *check = userdata;
        const char *type = find_type(check->route->query, name, strlen(name));

        if (!type)
                check->result = say_unknown(check->route, name, check->route->query, check->ret_error);
        else
                check->result = check_value(check, type, name, value ?: "");
        return check->result >= 0;
}

int api_check_query(const ApiCall *call, const ApiRoute *route, MusterError **ret_error)
{
        QueryCheck check = {.call = call, .route = route, .ret_error = ret_error};

        http_request_each_query(call->request, on_parameter, &check);
        return check.result;
}

/* --- the body --------------------------------------------------------------------------------------- */

static bool has_type(const json_object *value, const char *type)
{
        static const struct {
                const char *name;
                enum json_type type;
        } types[] = {
                {"boolean", json_type_boolean}, {"integer", json_type_int}, {"string", json_type_string},
                {"object", json_type_object},   {"array", json_type_array},
        };

        for (size_t i = 0; i < ELEMENTSOF(types); i++)
                if (is_type(type, types[i].name))
                        return json_object_is_type(value, types[i].type);
        return false;
}

int api_check_members(const ApiCall *call, const ApiRoute *route, MusterError **ret_error)
{
        json_object_object_foreach (call->body, name, value) {
                const char *type = find_type(route->members, name, strlen(name));

                if (!type)
                        return say_unknown(route, name, route->members, ret_error);
                if (!has_type(value, type))
                        return error_set(ret_error, -EINVAL, _("\"%s\" must be of type %.*s."), name,
                                         (int)strcspn(type, " "), type);
        }
        return 0;
}
