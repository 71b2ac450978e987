/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What lies on the disk of a domain: its definition, and as long as it runs the record of its life,
 * RUN/records/NAME.json. The record is written, whole or not at all, before a process may execute, at
 * every change, and removed when all is cleaned up: so at any moment in which the daemon may die, it names
 * every process and every file that there is to find again.
 */

#include "daemon/managed.h"

/* Writes what managed->life is now. In a file system in memory this takes some 50 µs, on the loop. */
int life_record_write(const Managed *managed, MusterError **ret_error);

/* The life is over: its record goes, and so does its directory of sockets. */
int life_record_remove(const Managed *managed, MusterError **ret_error);

/* A record as it was read: managed->life made of it, with processes looked for (life->process stays NULL
 * where it is gone). -EBADMSG with what is wrong. */
int life_record_read(Daemon *daemon, int dirfd, const char *name, Managed **ret, MusterError **ret_error);

/* For op-*.c, in the pool: files of definitions, durable. */
int definition_write(const char *path, const char *text, MusterError **ret_error);
int definition_remove(const char *path, bool durable, MusterError **ret_error);

/* Pure: the JSON of a life, and the reverse. */
json_object *life_record_to_json(const Managed *managed);

/*
 * At the start: all definitions (each that cannot be read is logged and left where it is), then all records.
 */
int definitions_load(Daemon *daemon, MusterError **ret_error);
