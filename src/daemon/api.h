/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the daemon's clients speak: requests to operations and back. Every resource is a row of a table in
 * api-*.c; conf/openapi.json describes the same to others, and a test holds one against the other.
 */

#include <stdio.h>

#include "daemon/daemon.h"
#include "daemon/operations.h"

#define API_PARTS_MAX 8U

typedef struct ApiCall {
        Daemon *daemon;
        HttpRequest *request; /* NULL once it is answered */
        Managed *managed;     /* that {domain} names; held */
        char *parts;          /* the path, cut at its slashes: */
        const char *words[API_PARTS_MAX];
        json_object *body; /* of a request with JSON: an object, empty where there was none; NULL: XML */
        unsigned status;   /* of a success */
        bool gone;         /* nobody waits for the answer any more */
        void *data;        /* the handler's own, freed with free_data */
        void (*free_data)(void *data);
} ApiCall;

/* Answers, now or later, by one of the functions below, which end the call. */
typedef void (*ApiFn)(ApiCall *call);

typedef enum ApiBody {
        API_BODY_NONE,
        API_BODY_JSON, /* an object, or nothing */
        API_BODY_XML,  /* a definition: http_request_body() */
        API_BODY_BOTH, /* XML where the request's type says so, else JSON */
} ApiBody;

typedef struct ApiRoute {
        const char *method;
        const char *path; /* "/v1/domains/{domain}/start" */
        HttpRight right;
        ApiBody body;
        ApiFn fn;
        /* What it takes: "paused:boolean bandwidth:integer". Anything else is refused. NULL: nothing. */
        const char *query;
        const char *members; /* of a body of JSON */
} ApiRoute;

/* Ends with a NULL method. */
extern const ApiRoute api_daemon_routes[], api_domain_routes[], api_device_routes[], api_metadata_routes[],
        api_save_routes[], api_adopt_routes[];

/* The tables, for /v1/openapi.json's test; NULL-terminated. */
extern const ApiRoute *const api_tables[];

/* One route a line: method, path, right, body, query and members, with tabs between them. */
void api_print_routes(FILE *file);

/* api-check.c: -EINVAL with a sentence that names what the route does not take, or not so. */
int api_check_query(const ApiCall *call, const ApiRoute *route, MusterError **ret_error);
int api_check_members(const ApiCall *call, const ApiRoute *route, MusterError **ret_error);

void api_handle(HttpRequest *request, void *userdata);
HttpRight api_authorize(const HttpPeer *peer, void *userdata);

/* 200 with the JSON (taken; NULL: out of memory). */
void api_answer(ApiCall *call, unsigned status, json_object *object);
void api_answer_text(ApiCall *call, const char *type, char *text); /* taken */

/* The status for the errno, with its sentence; `faults` may be NULL. */
void api_fail(ApiCall *call, int r, const MusterError *error, json_object *faults);

/* The request was answered, or taken over as a stream. */
void api_end(ApiCall *call);

/* A sentence of our own. */
void api_refuse(ApiCall *call, int r, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Runs the operation on the call's domain and answers with its answer. Takes what data owns. */
void api_submit(ApiCall *call, const OperationKind *kind, const void *data);
void api_submit_to(ApiCall *call, Managed *managed, const OperationKind *kind, const void *data,
                   unsigned status);

/* ?name=true */
bool api_flag(const ApiCall *call, const char *name);

/* A member of the body, to be copied; NULL: not there. */
const char *api_text(const ApiCall *call, const char *name);
