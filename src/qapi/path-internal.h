/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a path is made of, and the walk that evaluation, explanation and queries share. */

#include "qapi/path.h"

#define PATH_PARTS_MAX 64
#define PATH_SIZE_MAX  4096

typedef enum PathKind {
        PATH_ROOT,
        PATH_ARG_TYPE,
        PATH_RET_TYPE,
        PATH_MEMBER,
        PATH_OPTIONAL,       /* *name */
        PATH_CASE,           /* +case */
        PATH_ANY_CASE,       /* +* */
        PATH_VALUE,          /* ^value */
        PATH_JSON_TYPE,      /* !json-type */
        PATH_FEATURE,        /* $feature */
        PATH_MEMBER_FEATURE, /* @feature */
} PathKind;

typedef struct PathPart {
        PathKind kind;
        uint16_t start; /* of the component in the text */
        uint16_t name;  /* of its name, behind a sigil or the escaping space */
        uint16_t end;
} PathPart;

struct SchemaPath {
        uint32_t n;
        uint32_t size;
        const char *text; /* behind the parts, in the same allocation */
        PathPart parts[];
};

typedef struct PathWalk PathWalk;

/* < 0 ends the walk, which returns it. */
typedef int (*PathWalkFn)(PathWalk *walk, const SchemaHit *hit);

struct PathWalk {
        const MusterSchema *schema;
        const SchemaPath *path;
        PathWalkFn fn;
        void *userdata;
        unsigned steps;
        uint32_t deepest;                           /* how many parts were met, at best */
        SchemaHit reached;                          /* what stands there: the first one that got so far */
        const char *names[PATH_PARTS_MAX];          /* interned; NULL: the schema has no such name */
        const SchemaVariant *cases[PATH_PARTS_MAX]; /* the branch taken at each `+case` and `+*` */
};

/* Calls `fn` for each answer, in the schema's order. 0; what `fn` said; -EBADMSG, -E2BIG. */
int path_walk(PathWalk *walk, const MusterSchema *schema, const SchemaPath *path, PathWalkFn fn,
              void *userdata);

/* The features that `hit` may be asked for by `$`: its own, as a root, value or type. */
SchemaRange path_hit_features(const MusterSchema *schema, const SchemaHit *hit);
