/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A QmpSession over a libuv stream: one end of a socketpair (which may be a child's stdin and stdout, or a
 * descriptor that a child inherited), a pair of pipes, or a Unix socket. The contract of calls is
 * QmpSession's. One thread: the loop's.
 */

#include <sys/types.h>
#include <uv.h>

#include "qmp/session.h"

typedef struct QmpClient QmpClient;

/* The session ended: `error` as in the calls' completions, `why` a sentence; called at most once. */
typedef void (*QmpClosedFn)(int error, const MusterError *why, void *userdata);

/* READY was reached; called at most once, behind the bytes that brought it: replies may have come before. */
typedef void (*QmpReadyFn)(void *userdata);

/* Takes over the socket `fd` in every case. */
int qmp_client_open_socket(uv_loop_t *loop, int fd, QmpClient **ret, MusterError **ret_error);

/* Takes over two pipes: what the peer writes, what it reads. */
int qmp_client_open_pipes(uv_loop_t *loop, int read_fd, int write_fd, QmpClient **ret,
                          MusterError **ret_error);

/* Connects to the Unix socket at `path` (length-checked; blocks for a local connect at most). */
int qmp_client_connect(uv_loop_t *loop, const char *path, QmpClient **ret, MusterError **ret_error);

void qmp_client_set_handlers(QmpClient *client, QmpReadyFn ready, QmpClosedFn closed, QmpEventFn event,
                             void *userdata);

/* The process at the other end (SO_PEERCRED); for a socketpair that is the maker of it. */
int qmp_client_peer_pid(const QmpClient *client, pid_t *ret);

QmpSession *qmp_client_session(QmpClient *client);

/* Queues and writes. The deadline is now + timeout_usec; see qmp_session_call(). */
int qmp_client_call(QmpClient *client, const char *command, json_object *arguments, unsigned flags,
                    uint64_t timeout_usec, QmpReplyFn fn, void *userdata, QmpSlot **ret_slot);

/*
 * Hands the emulator a descriptor along with the next bytes that are written, for the command ("getfd",
 * "add-fd") that is called right behind this and takes it. Takes `fd` in every case. -EBUSY: the one before
 * has not gone yet; -ENOTSOCK: this is no socket, or none any more.
 */
int qmp_client_send_fd(QmpClient *client, int fd);

/*
 * Completes what is pending with -ECANCELED, closes the stream, and frees the client once libuv has let go
 * of its handles: run the loop until it is idle afterwards. Allowed within callbacks. Returns NULL.
 */
QmpClient *qmp_client_close(QmpClient *client);
