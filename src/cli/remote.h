/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the verbs that ask the daemon share: which daemon, the domain, how a refusal is told. */

#include "cli/client.h"
#include "cli/invocation.h"
#include "cli/output.h"

extern const Option option_daemon, option_session, option_answer_timeout;
extern const Option option_paused, option_running, option_mode, option_live, option_device_config;
extern const Option option_persistent, option_current, option_inactive;

#define REMOTE_OPTIONS &option_daemon, &option_session, &option_answer_timeout

/* Where a change is made to a device. */
#define REMOTE_WHERE &option_live, &option_device_config, &option_persistent, &option_current

typedef int (*RemoteFn)(Client *client, const Invocation *invocation, MusterError **ret_error);

/*
 * `fn` with a client of the daemon that was asked for. What the daemon refuses is told here, with the faults
 * that it found, and makes EXIT_NO; what else goes wrong is an error as ever.
 */
int remote_run(const Invocation *invocation, RemoteFn fn, MusterError **ret_error);

/* The same, for what may take as long as it takes: no deadline but one that was asked for. */
int remote_run_long(const Invocation *invocation, RemoteFn fn, MusterError **ret_error);

/* A request; takes `path` (NULL: out of memory) and `body`, which POST and PUT always have (NULL: likewise).
 */
int remote_call(Client *client, const char *method, char *path, json_object *body, json_object **ret,
                MusterError **ret_error);

/* The same with a body of XML, which stays the caller's. */
int remote_send_xml(Client *client, const char *method, char *path, const char *xml, json_object **ret,
                    MusterError **ret_error);

/*
 * "/v1/domains/DOMAIN" and the words, up to a NULL; the domain is the verb's first argument. To free(); NULL
 * when out of memory.
 */
char *remote_path(const Invocation *invocation, const char *word, const char *more);

/* All domains; an array. */
int remote_domains(Client *client, json_object **ret, MusterError **ret_error);

/* The first argument's. */
int remote_domain(Client *client, const Invocation *invocation, json_object **ret, MusterError **ret_error);

/*
 * What most verbs do: POSTs `body` (taken) to the domain's `word` and says `done`, a format
 * with the domain's name, or with --json prints the answer.
 */
int remote_action(Client *client, const Invocation *invocation, const char *word, json_object *body,
                  const char *done, MusterError **ret_error);

/* Prints a text member of the first argument's domain. */
int remote_print_member(Client *client, const Invocation *invocation, const char *key,
                        MusterError **ret_error);

/* The end of that: what was done (to `what`; NULL: to the domain), or the answer, and the faults that are
 * only warnings. */
int remote_done(const Client *client, const Invocation *invocation, json_object *answer, const char *done,
                const char *what, MusterError **ret_error);

/*
 * Appends "?live=true&config=true" as asked for to *path (freed and NULL on failure); without any the daemon
 * decides.
 */
int remote_where(Client *client, const Invocation *invocation, char **path, MusterError **ret_error);

/* The XML of a device to the first argument's devices, with the above. */
int remote_send_device(Client *client, const Invocation *invocation, const char *method, const char *xml,
                       json_object **ret, MusterError **ret_error);

/* The same of the file that the second argument names, to its end. */
int remote_device_file(Client *client, const Invocation *invocation, const char *method, const char *done,
                       MusterError **ret_error);

/* The definition in the file that the first argument names, with ?file= for faults, to `path` (taken); the
 * end says `done`, a format of its name and the file. */
int remote_definition_file(Client *client, const Invocation *invocation, char *path, const char *done,
                           MusterError **ret_error);

/* `text` as it may stand in XML's text and attributes. */
void remote_put_xml(FILE *file, const char *text);

/* A definition's text from a file, or from standard input ("-"). */
int remote_read(const char *name, char **ret, MusterError **ret_error);

/* The path as the daemon sees it: absolute. NULL when out of memory. */
char *remote_file(const char *name);

/* Bodies: an object, or NULL where it could not be made; `object` NULL is passed on. */
json_object *body_new(void);
json_object *body_bool(json_object *object, const char *key, bool value);
json_object *body_text(json_object *object, const char *key, const char *text); /* NULL text: left out */
