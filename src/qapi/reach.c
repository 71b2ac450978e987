/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * One breadth-first walk a root. A type is expanded once, by whichever edge came to it first, so the paths
 * that the queue's back links spell are shortest ones. The entity itself is asked for at each edge that
 * leads to it, visited or not: three cases of one union may share a branch, and all three are answers.
 *
 * Arrays and alternates are edges without a component; a union's case is `+case`, a member its name.
 */

#include "qapi/reach.h"

#include <errno.h>

#include "base/util.h"
#include "qapi/path-internal.h"

/* Bounds that no QEMU comes near (11.1: under a million steps), against a schema made to take hours. */
#define STEPS_MAX (UINT32_C(1) << 26)
#define ROWS_MAX  65536

typedef struct Node {
        uint32_t type;
        uint32_t from; /* node that led here; SCHEMA_NONE at the root */
        char sigil;    /* 0: no component; '/' a member; '+' a case */
        const char *name;
} Node;

typedef struct Reach {
        const MusterSchema *schema;
        uint32_t entity;
        const SchemaEntity *root;
        Node *queue; /* at most one node a type */
        uint32_t n_queue;
        uint32_t *seen; /* the number of the walk that visited a type */
        uint32_t walk;
        uint32_t steps;

        SchemaReach *found;
        size_t n_found, n_alloc, first_of_root;
} Reach;

static void reach_done(Reach *reach)
{
        free(reach->queue);
        free(reach->seen);
        schema_reach_free(reach->found, reach->n_found);
}

static inline void cleanup_reach(Reach *reach)
{
        reach_done(reach);
}

SchemaReach *schema_reach_free(SchemaReach *reach, size_t count)
{
        for (size_t i = 0; reach && i < count; i++)
                free(reach[i].path);
        free(reach);
        return NULL;
}

/* A slash, then the sigil, if any, then the name. A name that begins with no letter takes a space. */
static char sigil_of(const Node *node)
{
        char letter = (char)(node->name[0] | 0x20);

        if (node->sigil == '+')
                return '+';
        return letter >= 'a' && letter <= 'z' ? '\0' : ' ';
}

static size_t component_size(const Node *node)
{
        if (!node->sigil)
                return 0;
        return 1 + (sigil_of(node) ? 1 : 0) + strlen(node->name);
}

static const Node *back(const Reach *reach, const Node *node)
{
        return node->from == SCHEMA_NONE ? NULL : reach->queue + node->from;
}

/* Spells the way to a node, from its end. */
static char *spell(Reach *reach, const Node *last)
{
        static const char head[] = "/arg-type";
        size_t n_root = strlen(reach->root->name), size = n_root + sizeof(head);
        char *text, *at;

        for (const Node *node = last; node; node = back(reach, node)) {
                size += component_size(node);
                reach->steps++;
        }
        text = malloc(size);
        if (!text)
                return NULL;
        memcpy(mempcpy(text, reach->root->name, n_root), head, sizeof(head));
        at = text + size - 1;
        *at = '\0';
        for (const Node *node = last; node; node = back(reach, node)) {
                size_t n = component_size(node);

                if (n == 0)
                        continue;
                at -= n;
                at[0] = '/';
                if (sigil_of(node))
                        at[1] = sigil_of(node);
                memcpy(at + n - strlen(node->name), node->name, strlen(node->name));
        }
        return text;
}

static int add(Reach *reach, const char *branch, char *path)
{
        if (!path)
                return -ENOMEM;
        if (reach->n_found == ROWS_MAX || strlen(path) > PATH_SIZE_MAX) {
                free(path);
                return -E2BIG;
        }
        if (reach->n_found == reach->n_alloc) {
                size_t n = reach->n_alloc ? reach->n_alloc * 2 : 16;
                SchemaReach *found = reallocarray(reach->found, n, sizeof(*found));

                if (!found) {
                        free(path);
                        return -ENOMEM;
                }
                reach->found = found;
                reach->n_alloc = n;
        }
        reach->found[reach->n_found++] = (SchemaReach){reach->root->name, branch, path};
        return 0;
}

/* An edge leads to the entity: one row for each branch of the root, the first one being the shortest. */
static int answer(Reach *reach, const Node *node)
{
        const char *branch = NULL;

        /* What lies between the case and the entity (nothing, or an array) has no component of its own. */
        for (const Node *at = node; !branch && at; at = back(reach, at)) {
                if (at->sigil == '+')
                        branch = at->name;
                if (at->sigil)
                        break;
        }
        for (size_t i = reach->first_of_root; i < reach->n_found; i++)
                if (reach->found[i].branch == branch)
                        return 0;
        reach->steps += (uint32_t)(reach->n_found - reach->first_of_root);
        return add(reach, branch, spell(reach, node));
}

static int edge(Reach *reach, Node node)
{
        int r;

        if (++reach->steps > STEPS_MAX)
                return -E2BIG;
        if (node.type == reach->entity) {
                r = answer(reach, &node);
                if (r < 0)
                        return r;
        }
        if (reach->seen[node.type] == reach->walk)
                return 0;
        reach->seen[node.type] = reach->walk;
        reach->queue[reach->n_queue++] = node;
        return 0;
}

static int expand(Reach *reach, uint32_t from)
{
        const MusterSchema *schema = reach->schema;
        const SchemaEntity *entity = schema->entities + reach->queue[from].type;
        int r = 0;

        if (entity->meta == SCHEMA_ARRAY)
                return edge(reach, (Node){entity->arg_type, from, 0, NULL});
        if (entity->meta != SCHEMA_OBJECT && entity->meta != SCHEMA_ALTERNATE)
                return 0;
        for (uint32_t i = 0; r == 0 && i < entity->variants.count; i++) {
                const SchemaVariant *variant = schema->variants + entity->variants.first + i;

                r = edge(reach,
                         (Node){variant->type, from, variant->case_name ? '+' : 0, variant->case_name});
        }
        if (entity->meta == SCHEMA_ALTERNATE)
                return r;
        for (uint32_t i = 0; r == 0 && i < entity->members.count; i++) {
                const SchemaMember *member = schema->members + entity->members.first + i;

                r = edge(reach, (Node){member->type, from, '/', member->name});
        }
        return r;
}

static int walk_root(Reach *reach, const SchemaEntity *root)
{
        int r;

        reach->root = root;
        reach->first_of_root = reach->n_found;
        reach->n_queue = 0;
        reach->walk++;
        r = edge(reach, (Node){root->arg_type, SCHEMA_NONE, 0, NULL});
        for (uint32_t i = 0; r == 0 && i < reach->n_queue; i++)
                r = expand(reach, i);
        return r;
}

static int compare(const void *a, const void *b)
{
        const SchemaReach *x = a, *y = b;
        int r = strcmp(x->root, y->root);

        if (r != 0)
                return r;
        return strcmp(x->branch ? x->branch : "", y->branch ? y->branch : "");
}

static int walk_all(Reach *reach)
{
        int r;

        for (uint32_t i = 0; i < reach->schema->n_entities; i++) {
                const SchemaEntity *root = reach->schema->entities + i;

                if (root->meta != SCHEMA_COMMAND && root->meta != SCHEMA_EVENT)
                        continue;
                if (i == reach->entity) {
                        reach->root = root;
                        return add(reach, /* branch= */ NULL, strdup(root->name));
                }
                r = walk_root(reach, root);
                if (r < 0)
                        return r;
        }
        return 0;
}

int schema_reach(const MusterSchema *schema, uint32_t entity, SchemaReach **ret, size_t *ret_count)
{
        CLEANUP(reach) Reach reach = {.schema = schema, .entity = entity};
        int r;

        if (entity >= schema->n_entities)
                return -EINVAL;
        reach.queue = calloc(schema->n_entities, sizeof(*reach.queue));
        reach.seen = calloc(schema->n_entities, sizeof(*reach.seen));
        if (!reach.queue || !reach.seen)
                return -ENOMEM;
        r = walk_all(&reach);
        if (r < 0)
                return r;
        if (reach.n_found > 0)
                qsort(reach.found, reach.n_found, sizeof(*reach.found), compare);
        /* With the array gone, its count is only the answer. */
        *ret = TAKE(reach.found);
        *ret_count = reach.n_found;
        return 0;
}
