/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <unistd.h>

#include "base/i18n.h"
#include "base/util.h"
#include "config.h"
#include "daemon/api.h"
#include "daemon/metrics.h"
#include "daemon/openapi.h"

/* The daemon itself: what it is, what happens, how it does. */

static void get_daemon(ApiCall *call)
{
        const Daemon *daemon = call->daemon;
        json_object *object = json_object_new_object();

        if (!object || json_add_string(object, "version", MUSTER_VERSION) < 0 ||
            json_add_int(object, "pid", getpid()) < 0 ||
            json_add_bool(object, "session", daemon->settings.session) < 0 ||
            json_add_int(object, "started", daemon->started) < 0 ||
            json_add_int(object, "domains", (int64_t)daemon->n_domains) < 0 ||
            json_add_int(object, "running", (int64_t)daemon->n_running) < 0 ||
            json_add_int(object, "last-event", (int64_t)events_last_id(daemon->events)) < 0) {
                json_object_put(object);
                object = NULL;
        }
        api_answer(call, 200, object);
}

static void get_metrics(ApiCall *call)
{
        api_answer_text(call, "text/plain; version=0.0.4", metrics_text(call->daemon));
}

static void get_openapi(ApiCall *call)
{
        api_answer_text(call, "application/json", strndup((const char *)openapi_text, openapi_size));
}

/* --- events ----------------------------------------------------------------------------------------- */

/* Someone who listens; lives as long as the stream. */
typedef struct Stream {
        HttpStream *stream;
        EventListener *listener;
        char *uuid; /* of the only domain that is of interest; NULL: all */
        uint64_t sent;
} Stream;

static void stream_free(Stream *stream)
{
        events_unlisten(stream->listener);
        free(stream->uuid);
        free(stream);
}

static void on_closed(HttpStream *http, void *userdata)
{
        stream_free(userdata);
}

static void on_event(uint64_t id, const char *kind, const char *text, void *userdata)
{
        Stream *stream = userdata;
        CLEANUP(free) char *message = NULL;

        if (id <= stream->sent || (stream->uuid && !strstr(text, stream->uuid)))
                return;
        stream->sent = id;
        message = text_format("id: %llu\nevent: %s\ndata: %s\n\n", (unsigned long long)id, kind, text);
        if (message)
                http_stream_send(stream->stream, message, strlen(message));
}

/* From which event on; those before are not of interest. */
static uint64_t read_last_id(ApiCall *call)
{
        const char *text = http_request_header(call->request, "Last-Event-ID");

        if (!text)
                text = http_request_query(call->request, "after");
        return text ? strtoull(text, NULL, 10) : events_last_id(call->daemon->events);
}

static void get_events(ApiCall *call)
{
        const char *domain = http_request_query(call->request, "domain");
        const Managed *managed = domain ? daemon_find(call->daemon, domain) : NULL;
        Events *events = call->daemon->events;
        Stream *stream;

        if (domain && !managed) {
                api_refuse(call, -ENOENT, _("There is no domain %s."), domain);
                return;
        }
        stream = calloc(1, sizeof(*stream));
        if (stream && managed)
                stream->uuid = strdup(managed->uuid);
        if (!stream || (managed && !stream->uuid)) {
                free(stream);
                api_fail(call, -ENOMEM, NULL, NULL);
                return;
        }
        stream->sent = read_last_id(call);
        stream->stream = http_request_stream(call->request, "text/event-stream", on_closed, stream);
        api_end(call);
        if (!stream->stream) {
                stream_free(stream);
                return;
        }
        http_stream_send(stream->stream, ": muster\n\n", 10);
        (void)events_replay(events, stream->sent, on_event, stream);
        stream->listener = events_listen(events, on_event, stream);
}

const ApiRoute api_daemon_routes[] = {
        {"GET", "/v1/daemon", HTTP_RIGHT_READ, API_BODY_NONE, get_daemon},
        {"GET", "/v1/events", HTTP_RIGHT_READ, API_BODY_NONE, get_events, "after:integer domain:string"},
        {"GET", "/v1/openapi.json", HTTP_RIGHT_READ, API_BODY_NONE, get_openapi},
        {"GET", "/metrics", HTTP_RIGHT_READ, API_BODY_NONE, get_metrics},
        {},
};
