/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <sys/socket.h>

#include "base/util.h"
#include "daemon/http-private.h"

/*
 * A stream is an answer whose body libmicrohttpd asks for bit by bit (on_read()). With nothing to give the
 * connection is suspended, and resumed when there is something; in between it is watched for the client's
 * end. What is queued has not been asked for yet, so a client that does not read lets it pile up.
 *
 * It belongs to its request, and is freed, `closed` called before, when libmicrohttpd is done with that.
 */

#define QUEUE_MAX  (1024U * 1024)
#define QUEUE_KEEP (16U * 1024) /* of an empty queue's memory */
#define BLOCK_SIZE (4U * 1024)

struct HttpStream {
        HttpRequest *request;
        char *data;
        size_t start, size, room; /* what is queued lies at data[start], size bytes */
        bool suspended, ended, broken, freeing;
        void (*closed)(HttpStream *stream, void *userdata);
        void *userdata;
};

HttpStream *http_stream_free(HttpStream *stream)
{
        if (!stream)
                return NULL;
        stream->freeing = true;
        if (stream->closed)
                stream->closed(stream, stream->userdata);
        free(stream->data);
        free(stream);
        return NULL;
}

static void resume(HttpStream *stream)
{
        if (!stream->suspended)
                return;
        stream->suspended = false;
        http_connection_resume(stream->request->connection);
}

/* Only what is no longer suspended is closed by libmicrohttpd, and from the loop. */
void http_stream_lose(HttpStream *stream)
{
        stream->broken = true;
        stream->start = stream->size = stream->room = 0;
        free(TAKE(stream->data));
        shutdown(stream->request->connection->fd, SHUT_RDWR);
        resume(stream);
}

static void take(HttpStream *stream, char *buffer, size_t size)
{
        memcpy(buffer, stream->data + stream->start, size);
        stream->start += size;
        stream->size -= size;
        if (stream->size > 0)
                return;
        stream->start = 0;
        if (stream->room > QUEUE_KEEP) {
                free(TAKE(stream->data));
                stream->room = 0;
        }
}

static ssize_t on_read(void *userdata, uint64_t position, char *buffer, size_t max)
{
        HttpStream *stream = userdata;
        size_t size = stream->size < max ? stream->size : max;

        if (stream->broken || stream->request->connection->server->closing)
                return MHD_CONTENT_READER_END_WITH_ERROR;
        if (size > 0) {
                take(stream, buffer, size);
                return (ssize_t)size;
        }
        if (stream->ended)
                return MHD_CONTENT_READER_END_OF_STREAM;
        stream->suspended = true;
        http_connection_suspend(stream->request->connection);
        return 0;
}

static struct MHD_Response *make_response(HttpStream *stream, const char *type)
{
        struct MHD_Response *response = MHD_create_response_from_callback(
                MHD_SIZE_UNKNOWN, BLOCK_SIZE, on_read, stream, /* free callback= */ NULL);

        if (!response)
                return NULL;
        if (MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type) != MHD_YES ||
            MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store") != MHD_YES) {
                MHD_destroy_response(response);
                return NULL;
        }
        return response;
}

HttpStream *http_request_stream(HttpRequest *request, const char *type,
                                void (*closed)(HttpStream *stream, void *userdata), void *userdata)
{
        HttpStream *stream = request->gone ? NULL : calloc(1, sizeof(*stream));
        struct MHD_Response *response = NULL;

        if (stream)
                response = make_response(stream, type);
        if (!response) {
                free(stream);
                http_request_answer(request, MHD_HTTP_INTERNAL_SERVER_ERROR, NULL, NULL, 0);
                return NULL;
        }
        stream->request = request;
        stream->closed = closed;
        stream->userdata = userdata;
        request->stream = stream;
        http_request_settle(request, MHD_HTTP_OK, response);
        return stream;
}

static int make_room(HttpStream *stream, size_t size)
{
        size_t room = stream->room ? stream->room : 1024;
        char *data;

        if (stream->start > 0 && stream->start + stream->size + size > stream->room) {
                memmove(stream->data, stream->data + stream->start, stream->size);
                stream->start = 0;
        }
        while (room - stream->size < size)
                room *= 2;
        if (room == stream->room)
                return 0;
        data = realloc(stream->data, room);
        if (!data)
                return -ENOMEM;
        stream->data = data;
        stream->room = room;
        return 0;
}

void http_stream_send(HttpStream *stream, const char *data, size_t size)
{
        if (stream->broken || stream->ended || stream->freeing || size == 0)
                return;
        if (size > QUEUE_MAX - stream->size || make_room(stream, size) < 0) {
                http_stream_lose(stream);
                return;
        }
        memcpy(stream->data + stream->start + stream->size, data, size);
        stream->size += size;
        resume(stream);
}

void http_stream_end(HttpStream *stream)
{
        HttpConnection *connection = stream->request->connection;

        if (stream->freeing)
                return;
        stream->ended = true;
        stream->closed = NULL;
        http_connection_set_deadline(connection, now_usec() + connection->server->limits.idle_usec);
        resume(stream);
}
