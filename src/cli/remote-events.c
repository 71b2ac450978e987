/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/remote-events.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "cli/remote.h"

/* The text/event-stream format, of which the daemon uses: id, event and data, a line each. */

#define LINE_MAX_SIZE (4U * 1024 * 1024)

/* What the client passes on as it stands, and nothing else makes. */
#define ENOUGH (-EALREADY)

typedef struct Reader {
        EventSeenFn fn;
        void *userdata;
        char *line;
        size_t size;
        char kind[32];
} Reader;

static void cleanup_reader(Reader *reader)
{
        free(reader->line);
}

static int take_line(Reader *reader)
{
        const char *line = reader->line ?: "", *value;
        CLEANUP(json) json_object *event = NULL;
        int r;

        value = startswith(line, "event: ");
        if (value) {
                snprintf(reader->kind, sizeof(reader->kind), "%s", value);
                return 0;
        }
        value = startswith(line, "data: ");
        if (!value)
                return 0;
        r = json_parse(value, strlen(value), &event);
        if (r < 0)
                return r;
        r = reader->fn(reader->kind, event, reader->userdata);
        return r > 0 ? ENOUGH : r;
}

static int on_body(const char *data, size_t size, void *userdata)
{
        Reader *reader = userdata;

        while (size > 0) {
                const char *end = memchr(data, '\n', size);
                size_t n = end ? (size_t)(end - data) : size;
                char *grown;
                int r = 0;

                if (reader->size + n >= LINE_MAX_SIZE)
                        return -E2BIG;
                grown = realloc(reader->line, reader->size + n + 1);
                if (!grown)
                        return -ENOMEM;
                reader->line = grown;
                memcpy(grown + reader->size, data, n);
                reader->size += n;
                grown[reader->size] = '\0';
                if (end) {
                        r = take_line(reader);
                        reader->size = 0;
                        n++;
                }
                if (r < 0)
                        return r;
                data += n;
                size -= n;
        }
        return 0;
}

int remote_events(Client *client, const char *domain, int64_t after, EventSeenFn fn, void *userdata,
                  MusterError **ret_error)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        __attribute__((cleanup(cleanup_reader))) Reader reader = {.fn = fn, .userdata = userdata};
        CLEANUP(free) char *number = text_format("%lld", (long long)after), *path = strdup("/v1/events");
        ClientRequest request = {.method = "GET", .on_body = on_body, .userdata = &reader};
        int r;

        if (domain)
                path = client_query(path, "domain", domain);
        if (after >= 0 && number)
                path = client_query(path, "after", number);
        if (!path || !number)
                return error_oom(ret_error);
        request.path = path;
        r = client_call(client, &request, NULL, NULL, &error);
        if (r == ENOUGH)
                return 0;
        if (r >= 0)
                return error_set(ret_error, -ECONNRESET,
                                 _("The daemon has ended; there are no more events."));
        HAND_OVER(ret_error, error);
        return r;
}

int remote_last_event(Client *client, int64_t *ret, MusterError **ret_error)
{
        CLEANUP(json) json_object *answer = NULL;
        int r;

        r = remote_call(client, "GET", strdup("/v1/daemon"), NULL, &answer, ret_error);
        if (r >= 0)
                *ret = json_get_int(answer, "last-event", -1);
        return r;
}
