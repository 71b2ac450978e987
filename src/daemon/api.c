/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/api.h"

#include <errno.h>
#include <grp.h>
#include <stdarg.h>

#include "base/i18n.h"
#include "base/util.h"
#include "daemon/log.h"

/*
 * A request is matched with the tables by its method and its path, word for word. What is common to all is
 * done here: who may, the domain that the path names, a body of JSON, the error's shape and status.
 */

const ApiRoute *const api_tables[] = {api_daemon_routes,
                                      api_domain_routes,
                                      api_device_routes,
                                      api_metadata_routes,
                                      api_save_routes,
                                      api_adopt_routes,
                                      NULL};

/* --- who may ---------------------------------------------------------------------------------------- */

static bool is_member(const HttpPeer *peer, char *const *groups)
{
        for (char *const *name = groups; name && *name; name++) {
                const struct group *group = getgrnam(*name);

                if (!group)
                        continue;
                if (group->gr_gid == peer->gid)
                        return true;
                for (size_t i = 0; i < peer->n_groups; i++)
                        if (peer->groups[i] == group->gr_gid)
                                return true;
        }
        return false;
}

HttpRight api_authorize(const HttpPeer *peer, void *userdata)
{
        const Daemon *daemon = userdata;
        const Settings *settings = &daemon->settings;

        if (peer->uid == 0 || peer->uid == geteuid())
                return HTTP_RIGHT_ALL;
        if (settings->session)
                return HTTP_RIGHT_NONE;
        if (is_member(peer, settings->groups))
                return HTTP_RIGHT_ALL;
        return is_member(peer, settings->read_only_groups) ? HTTP_RIGHT_READ : HTTP_RIGHT_NONE;
}

/* --- answers ---------------------------------------------------------------------------------------- */

void api_end(ApiCall *call)
{
        if (call->free_data)
                call->free_data(call->data);
        if (call->managed) {
                managed_maybe_drop(call->managed);
                managed_unref(call->managed);
        }
        json_object_put(call->body);
        free(call->parts);
        free(call);
}

static void send_text(ApiCall *call, unsigned status, const char *type, char *text)
{
        if (text)
                http_request_answer(call->request, status, type, text, strlen(text));
        else
                http_request_answer(call->request, 500, "text/plain", NULL, 0);
        api_end(call);
}

void api_answer(ApiCall *call, unsigned status, json_object *object)
{
        CLEANUP(json) json_object *owned = object;

        send_text(call, status, "application/json", owned ? json_to_text(owned) : NULL);
}

void api_answer_text(ApiCall *call, const char *type, char *text)
{
        send_text(call, 200, type, text);
}

static unsigned status_of(int r, bool faults)
{
        static const struct {
                int error;
                unsigned status;
        } table[] = {
                {EINVAL, 400},     {EBADMSG, 400}, {EPERM, 403},    {EACCES, 403}, {EROFS, 403},
                {ENOENT, 404},     {EEXIST, 409},  {EBUSY, 409},    {ESTALE, 409}, {ECANCELED, 409},
                {EFBIG, 413},      {ENOTSUP, 422}, {ERANGE, 422},   {ENOSPC, 507}, {EIO, 502},
                {ECONNRESET, 502}, {EPROTO, 502},  {ENOTCONN, 502}, {ECHILD, 502}, {ETIMEDOUT, 504},
                {ENOSYS, 405},     {ENODEV, 422},  {ENOMEM, 500},
        };

        if (faults)
                return 422;
        for (size_t i = 0; i < ELEMENTSOF(table); i++)
                if (table[i].error == -r)
                        return table[i].status;
        return 500;
}

void api_fail(ApiCall *call, int r, const MusterError *error, json_object *faults)
{
        CLEANUP(json) json_object *object = json_object_new_object(), *body = json_object_new_object();
        const char *name = strerrorname_np(-r), *detail = error ? muster_error_detail(error) : NULL;
        bool by_faults = faults && r == -EINVAL;

        if (!object || !body || json_add_string(body, "errno", name ?: "EIO") < 0 ||
            json_add_string(body, "message", error ? muster_error_message(error) : strerror(-r)) < 0 ||
            (detail && json_add_string(body, "detail", detail) < 0) ||
            json_add(object, "error", TAKE(body)) < 0 ||
            (faults && json_add(object, "faults", json_object_get(faults)) < 0)) {
                send_text(call, 500, "application/json", NULL);
                return;
        }
        api_answer(call, status_of(r, by_faults), TAKE(object));
}

void api_refuse(ApiCall *call, int r, const char *format, ...)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        CLEANUP(free) char *text = NULL;
        va_list args;

        va_start(args, format);
        text = text_vformat(format, args);
        va_end(args);
        if (text)
                error_set(&error, r, "%s", text);
        api_fail(call, r, error, NULL);
}

/* --- operations ------------------------------------------------------------------------------------- */

static json_object *answer_of(Operation *operation)
{
        json_object *answer =
                operation->answer ? json_object_get(operation->answer) : json_object_new_object();

        if (answer && operation->faults)
                (void)json_add(answer, "faults", json_object_get(operation->faults));
        return answer;
}

static void on_done(Operation *operation, void *userdata)
{
        ApiCall *call = userdata;

        if (operation->result < 0)
                api_fail(call, operation->result, operation->error, operation->faults);
        else
                api_answer(call, call->status ?: 200, answer_of(operation));
}

void api_submit_to(ApiCall *call, Managed *managed, const OperationKind *kind, const void *data,
                   unsigned status)
{
        int r;

        call->status = status;
        r = operation_submit(managed, kind, data, on_done, call);
        if (r < 0)
                api_fail(call, r, NULL, NULL);
}

void api_submit(ApiCall *call, const OperationKind *kind, const void *data)
{
        api_submit_to(call, call->managed, kind, data, 200);
}

bool api_flag(const ApiCall *call, const char *name)
{
        const char *value = http_request_query(call->request, name);

        return value && (streq(value, "true") || streq(value, "1") || streq(value, "yes") || !*value);
}

const char *api_text(const ApiCall *call, const char *name)
{
        return json_get_string(call->body, name);
}

/* --- matching --------------------------------------------------------------------------------------- */

/* Into call->words, up to a NULL. */
static int cut_path(ApiCall *call)
{
        size_t n = 0;
        char *save = NULL;

        call->parts = strdup(http_request_path(call->request));
        if (!call->parts)
                return -ENOMEM;
        for (char *word = strtok_r(call->parts, "/", &save); word; word = strtok_r(NULL, "/", &save)) {
                if (n + 1 >= API_PARTS_MAX)
                        return -ENOENT;
                call->words[n++] = word;
        }
        return 0;
}

static bool matches(const ApiCall *call, const char *pattern)
{
        size_t n = 0;

        while (*pattern == '/') {
                size_t size = strcspn(++pattern, "/");

                if (!call->words[n])
                        return false;
                if (*pattern != '{' &&
                    (strlen(call->words[n]) != size || strncmp(call->words[n], pattern, size) != 0))
                        return false;
                pattern += size;
                n++;
        }
        return !call->words[n];
}

/* NULL: `ret_other` says whether there is something for another method. */
static const ApiRoute *find_route(const ApiCall *call, bool *ret_other)
{
        const char *method = http_request_method(call->request);

        if (streq(method, "HEAD"))
                method = "GET";
        *ret_other = false;
        for (const ApiRoute *const *table = api_tables; *table; table++)
                for (const ApiRoute *route = *table; route->method; route++) {
                        if (!matches(call, route->path))
                                continue;
                        if (streq(route->method, method))
                                return route;
                        *ret_other = true;
                }
        return NULL;
}

static bool is_xml(const ApiCall *call, const ApiRoute *route)
{
        const char *type = http_request_header(call->request, "Content-Type");

        if (route->body != API_BODY_BOTH)
                return route->body == API_BODY_XML;
        return type && (startswith(type, "application/xml") || startswith(type, "text/xml"));
}

static int read_body(ApiCall *call, const ApiRoute *route, MusterError **ret_error)
{
        size_t size;
        const char *text = http_request_body(call->request, &size);

        if (is_xml(call, route))
                return 0;
        if (route->body == API_BODY_NONE)
                return size == 0 ? 0
                                 : error_set(ret_error, -EINVAL, _("%s of %s takes no body; leave it out."),
                                             route->method, http_request_path(call->request));
        if (size == 0) {
                call->body = json_object_new_object();
                return call->body ? 0 : -ENOMEM;
        }
        if (json_parse(text, size, &call->body) < 0 || !json_object_is_type(call->body, json_type_object))
                return error_set(ret_error, -EINVAL, _("The body of the request is no JSON object."));
        return api_check_members(call, route, ret_error);
}

static int find_domain(ApiCall *call, const ApiRoute *route, MusterError **ret_error)
{
        Managed *managed;

        if (!startswith(route->path, "/v1/domains/{domain}"))
                return 0;
        managed = daemon_find(call->daemon, call->words[2]);
        /* One that only holds a name for a moment is none. */
        if (!managed || (managed->held && !managed->operations))
                return error_set(ret_error, -ENOENT, _("There is no domain %s."), call->words[2]);
        call->managed = managed_ref(managed);
        return 0;
}

static void dispatch(ApiCall *call, const ApiRoute *route)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        int r = 0;

        if (http_request_peer(call->request)->right < route->right)
                r = error_set(&error, -EPERM,
                              _("You may look at domains, but not change them: that needs another group."));
        if (r >= 0)
                r = find_domain(call, route, &error);
        if (r >= 0)
                r = api_check_query(call, route, &error);
        if (r >= 0)
                r = read_body(call, route, &error);
        if (r < 0)
                api_fail(call, r, error, NULL);
        else
                route->fn(call);
}

void api_print_routes(FILE *file)
{
        static const char *const rights[] = {
                [HTTP_RIGHT_NONE] = "none", [HTTP_RIGHT_READ] = "read", [HTTP_RIGHT_ALL] = "all"};
        static const char *const bodies[] = {[API_BODY_NONE] = "none",
                                             [API_BODY_JSON] = "json",
                                             [API_BODY_XML] = "xml",
                                             [API_BODY_BOTH] = "both"};

        for (const ApiRoute *const *table = api_tables; *table; table++)
                for (const ApiRoute *route = *table; route->method; route++)
                        fprintf(file, "%s\t%s\t%s\t%s\t%s\t%s\n", route->method, route->path,
                                rights[route->right], bodies[route->body], route->query ?: "",
                                route->members ?: "");
}

static void on_gone(HttpRequest *request, void *userdata)
{
        ApiCall *call = userdata;

        call->gone = true;
}

void api_handle(HttpRequest *request, void *userdata)
{
        Daemon *daemon = userdata;
        ApiCall *call = calloc(1, sizeof(*call));
        const ApiRoute *route;
        bool other = false;

        daemon->counters.requests++;
        if (!call) {
                http_request_answer(request, 500, "text/plain", NULL, 0);
                return;
        }
        call->daemon = daemon;
        call->request = request;
        http_request_set_gone_handler(request, on_gone, call);
        route = cut_path(call) < 0 ? NULL : find_route(call, &other);
        if (route)
                dispatch(call, route);
        else if (other)
                api_refuse(call, -ENOSYS, _("There is no method %s of %s."), http_request_method(request),
                           http_request_path(request));
        else
                api_refuse(call, -ENOENT, _("There is nothing at %s; /v1/openapi.json lists what there is."),
                           http_request_path(request));
}
