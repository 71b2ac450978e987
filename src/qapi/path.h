/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Path queries (the syntax is at muster_schema_query()): parsed once, evaluated often, no allocation. */

#include "qapi/schema.h"

typedef struct SchemaPath SchemaPath;

typedef enum SchemaHitKind {
        SCHEMA_HIT_ENTITY,  /* a command, event or type: `entity` */
        SCHEMA_HIT_MEMBER,  /* `member` of the object `entity`; `type` is its type */
        SCHEMA_HIT_VARIANT, /* `variant` of `entity`; `type` is the branch's type */
        SCHEMA_HIT_VALUE,   /* `value` of the enum `entity` */
        SCHEMA_HIT_FEATURE, /* `feature` on `entity`, or on its `member` or `value` if not NULL */
        SCHEMA_HIT_JSON_TYPE,
} SchemaHitKind;

/* What stands where a path led. For a feature, `entity` is the type, command or event that carries it. */
typedef struct SchemaHit {
        SchemaHitKind kind;
        uint32_t entity;
        uint32_t type; /* where a longer path would go on; SCHEMA_NONE */
        const SchemaMember *member;
        const SchemaVariant *variant;
        const SchemaValue *value;
        const char *feature;
} SchemaHit;

/* -EINVAL with a sentence that names the component. */
int schema_path_parse(const char *text, SchemaPath **ret, MusterError **ret_error);
SchemaPath *schema_path_free(SchemaPath *path);

const char *schema_path_text(const SchemaPath *path);

/*
 * 1 met (the first answer in *ret_hit, may be NULL), 0 not met, -EBADMSG: the schema makes no sense, -E2BIG:
 * there are too many ways to follow (a schema or a path made for that).
 */
int schema_path_eval(const MusterSchema *schema, const SchemaPath *path, SchemaHit *ret_hit);

/* Every answer; `fn` returns < 0 to stop, which is then returned. Returns their number, or as above. */
typedef int (*SchemaHitFn)(const SchemaHit *hit, void *userdata);
int schema_path_eval_all(const MusterSchema *schema, const SchemaPath *path, SchemaHitFn fn, void *userdata);

/*
 * How far an unmet path led: the number of bytes of its text that are met, and what stands there instead (a
 * sentence for evidence: "object has no member foo", "no feature bar; has: baz"), to free().
 */
int schema_path_explain(const MusterSchema *schema, const SchemaPath *path, size_t *ret_met,
                        char **ret_text);

/*
 * The path with each component `+from` replaced by `+to` (-EINVAL where that is no name); and without a last
 * `$feature`/`@feature`.
 */
int schema_path_with_case(const SchemaPath *path, const char *from, const char *to, SchemaPath **ret);
int schema_path_parent(const SchemaPath *path, SchemaPath **ret);

DEFINE_CLEANUP(SchemaPath, schema_path_free);
