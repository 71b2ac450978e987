/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The daemon's API as the command line uses it: one request, one connection, one answer, or a stream that
 * goes on. Blocks, with a deadline; Ctrl-C ends the waiting (cli/cancel.h), not what the daemon was asked.
 */

#include "base/error.h"
#include "base/json.h"

/* What the daemon allows itself for its slowest short operation, and a little more. */
#define CLIENT_TIMEOUT_USEC (180 * USEC_PER_SEC)
#define CLIENT_NO_TIMEOUT   UINT64_MAX

#define CLIENT_ANSWER_MAX   (64U * 1024 * 1024)

typedef struct Client {
        char *socket;        /* the path */
        bool session;        /* a user's own instance */
        bool may_start;      /* it is started where it does not run */
        uint64_t usec;       /* for an answer; CLIENT_NO_TIMEOUT */
        unsigned status;     /* of the last answer; 0: there was none */
        json_object *faults; /* of the last refusal or the last answer; NULL: none */
} Client;

/*
 * `address`: unix:PATH, a path, "system", "session", or virsh's names of the latter (qemu:///system); NULL:
 * MUSTER_CONNECT, else root's is the system's, and everybody else has their own. Connects nowhere yet.
 */
int client_new(const char *address, bool session, Client **ret, MusterError **ret_error);
Client *client_free(Client *client);

/* Whether the last call failed because the daemon said no, rather than because something went wrong. */
bool client_refused(const Client *client);

typedef struct ClientRequest {
        const char *method, *path; /* the path as client_path() makes it */
        const json_object *body;   /* NULL: none, or: */
        const char *xml;
        int (*on_body)(const char *data, size_t size, void *userdata); /* of a stream; NULL: no stream */
        void *userdata;
} ClientRequest;

/*
 * The answer as JSON (ret_json), or as text where it is wanted as that (ret_text; NUL-terminated); NULL
 * where it is not of interest. An error of the daemon has its sentence.
 */
int client_call(Client *client, const ClientRequest *request, json_object **ret_json, char **ret_text,
                MusterError **ret_error);

/* "/v1/domains/NAME" and the words behind it, percent-encoded; `words` end with NULL. To free(). */
char *client_path(const char *first, const char *const *words);

/* `path` with "?name=value" or "&name=value" appended; frees `path`, passes NULL on. */
char *client_query(char *path, const char *name, const char *value);

/* A connected socket, or the reason; starts a user's instance that does not run, if it may (client-start.c).
 */
int client_connect(const Client *client, MusterError **ret_error);

/* Starts musterd --session and waits until it answers. */
int client_start_daemon(const Client *client, MusterError **ret_error);

/* The socket, tried once: a descriptor or a negative errno without a sentence. */
int client_try_connect(const char *path);

DEFINE_CLEANUP(Client, client_free);
