/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The pairs of a parallel walk through two schemas, and how they hang together. A pair is a type of one side
 * and the type of the other that stands in its place; it is made once, at the place that meets it first, and
 * served in the order of its making, which makes the walk breadth-first and each pair's path a shortest one.
 */

#include "base/error.h"
#include "qapi/schema.h"

typedef struct DiffPair {
        uint32_t a, b;   /* entities of the two schemas */
        uint32_t parent; /* the pair that met it first; SCHEMA_NONE for a command or event */
        uint32_t depth;
        char sigil; /* '+' before a case, '\0' else */
        const char
                *step; /* from the parent: a member, a case, "arg-type"; the name of a root; NULL: no step */
} DiffPair;

typedef struct DiffEdge {
        uint32_t parent, child;
} DiffEdge;

typedef struct DiffGraph {
        DiffPair *pairs;
        size_t n_pairs, allocated_pairs, max_pairs;
        DiffEdge *edges;
        size_t n_edges, allocated_edges;
        uint32_t *index; /* of pairs, open addressing; SCHEMA_NONE is empty */
        size_t index_mask;
        uint32_t *parents_first, *parents; /* from diff_graph_close(): who leads to each pair */
} DiffGraph;

/* `limit`: so many pairs and no more. */
int diff_graph_init(DiffGraph *graph, size_t limit);
void diff_graph_done(DiffGraph *graph);

/* Makes the pair unless it is there, and notes that `parent` leads to it. -E2BIG beyond limit or depth. */
int diff_graph_enter(DiffGraph *graph, uint32_t parent, char sigil, const char *step, uint32_t a,
                     uint32_t b);

/* "blockdev-add/arg-type/+file", with "/" SIGIL STEP behind it if there is a step; to free(). */
char *diff_graph_path(const DiffGraph *graph, uint32_t pair, const char *sigil, const char *step);

/* No more pairs come. */
int diff_graph_close(DiffGraph *graph);

/*
 * Calls `fn` for every root that leads to `pair`. *budget is drawn upon for each edge followed; when it is
 * used up nothing more is found and -E2BIG is returned.
 */
typedef int (*DiffRootFn)(const DiffPair *root, void *userdata);
int diff_graph_roots(const DiffGraph *graph, uint32_t pair, size_t *budget, DiffRootFn fn, void *userdata);
