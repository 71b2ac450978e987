/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* json-c with bounds, types that are checked, and cleanup. All look-ups tolerate a NULL object. */

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"

typedef struct json_object json_object;

#define JSON_DEPTH_MAX 64
#define JSON_SIZE_MAX  (64U * 1024 * 1024)

static inline void cleanup_json(json_object **object)
{
        if (*object)
                json_object_put(*object);
}

/* Parses exactly one value; anything but white space behind it is an error. -EBADMSG: no JSON;
 * -E2BIG: beyond 64 MiB or 64 levels; -ENOMEM. */
int json_parse(const char *text, size_t size, json_object **ret);

/* The member `key` of an object if it is there and of that type, else NULL (or the fallback). */
json_object *json_get(const json_object *object, const char *key, enum json_type type);
const char *json_get_string(const json_object *object, const char *key);
bool json_get_bool(const json_object *object, const char *key, bool fallback);
int64_t json_get_int(const json_object *object, const char *key, int64_t fallback);

/* The elements of an array; of anything else 0, where json-c's own would end the process. */
size_t json_length(const json_object *array);

/*
 * Builders: add a member; -ENOMEM when out of memory, in which case nothing leaks: the value is put.
 * A NULL `value` means that making it failed, so that calls nest: json_add(o, "k", json_object_new_array()).
 */
int json_add(json_object *object, const char *key, json_object *value);
int json_add_string(json_object *object, const char *key, const char *text); /* NULL text: JSON null */
int json_add_stringf(json_object *object, const char *key, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
int json_add_bool(json_object *object, const char *key, bool value);
int json_add_int(json_object *object, const char *key, int64_t value);
int json_append(json_object *array, json_object *value);
int json_append_string(json_object *array, const char *text);

/* A copy of the text of `object`, for the caller to free(); NULL when out of memory. No escaped slashes. */
char *json_to_text(const json_object *object);
char *json_to_pretty_text(const json_object *object);
