/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "qapi/diff-graph.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The longest shortest path of QEMU 11.1 has 12 steps. */
#define DEPTH_MAX 64

int diff_graph_init(DiffGraph *graph, size_t limit)
{
        size_t slots = 64;

        while (slots < 2 * limit)
                slots *= 2;
        *graph = (DiffGraph){.max_pairs = limit, .index_mask = slots - 1};
        graph->index = malloc(slots * sizeof(*graph->index));
        if (!graph->index)
                return -ENOMEM;
        memset(graph->index, 0xff, slots * sizeof(*graph->index));
        return 0;
}

void diff_graph_done(DiffGraph *graph)
{
        free(graph->pairs);
        free(graph->edges);
        free(graph->index);
        free(graph->parents_first);
        free(graph->parents);
        *graph = (DiffGraph){0};
}

/* Makes room for one more element. */
static int reserve(void *array, size_t n, size_t *allocated, size_t size)
{
        size_t wanted = *allocated ? *allocated * 2 : 256;
        void *grown;

        if (n < *allocated)
                return 0;
        grown = reallocarray(*(void **)array, wanted, size);
        if (!grown)
                return -ENOMEM;
        *(void **)array = grown;
        *allocated = wanted;
        return 0;
}

/* The slot of the pair, or the empty one where it would go. */
static uint32_t *find_slot(const DiffGraph *graph, uint32_t a, uint32_t b)
{
        uint64_t hash = (((uint64_t)a << 32) | b) * UINT64_C(0x9e3779b97f4a7c15);
        size_t i = (hash >> 20) & graph->index_mask;

        for (;; i = (i + 1) & graph->index_mask) {
                uint32_t *slot = graph->index + i;

                if (*slot == SCHEMA_NONE || (graph->pairs[*slot].a == a && graph->pairs[*slot].b == b))
                        return slot;
        }
}

static int add_edge(DiffGraph *graph, uint32_t parent, uint32_t child)
{
        int r;

        if (parent == SCHEMA_NONE)
                return 0;
        r = reserve(&graph->edges, graph->n_edges, &graph->allocated_edges, sizeof(*graph->edges));
        if (r < 0)
                return r;
        graph->edges[graph->n_edges++] = (DiffEdge){parent, child};
        return 0;
}

int diff_graph_enter(DiffGraph *graph, uint32_t parent, char sigil, const char *step, uint32_t a, uint32_t b)
{
        uint32_t *slot = find_slot(graph, a, b);
        uint32_t depth = parent == SCHEMA_NONE ? 0 : graph->pairs[parent].depth + 1;
        int r;

        if (*slot != SCHEMA_NONE)
                return add_edge(graph, parent, *slot);
        if (depth > DEPTH_MAX || graph->n_pairs == graph->max_pairs)
                return -E2BIG;
        r = reserve(&graph->pairs, graph->n_pairs, &graph->allocated_pairs, sizeof(*graph->pairs));
        if (r < 0)
                return r;
        *slot = (uint32_t)graph->n_pairs;
        graph->pairs[graph->n_pairs++] = (DiffPair){a, b, parent, depth, sigil, step};
        return add_edge(graph, parent, *slot);
}

static void put_step(FILE *out, const char *sigil, const char *step)
{
        /* The path language marks a name that begins with no letter by a space before it. */
        fprintf(out, "/%s%s%s", sigil, !*sigil && !isalpha((unsigned char)*step) ? " " : "", step);
}

char *diff_graph_path(const DiffGraph *graph, uint32_t pair, const char *sigil, const char *step)
{
        const DiffPair *chain[DEPTH_MAX + 1];
        CLEANUP(free) char *text = NULL;
        size_t n = 0, size;
        FILE *out;

        for (uint32_t i = pair; i != SCHEMA_NONE; i = graph->pairs[i].parent)
                chain[n++] = graph->pairs + i;
        out = open_memstream(&text, &size);
        if (!out)
                return NULL;
        if (n > 0)
                fputs(chain[--n]->step, out);
        while (n-- > 0)
                if (chain[n]->step)
                        put_step(out, chain[n]->sigil ? (char[]){chain[n]->sigil, '\0'} : "",
                                 chain[n]->step);
        if (step)
                put_step(out, sigil, step);
        return fclose(out) == 0 ? TAKE(text) : NULL;
}

/* A counting sort of the edges by child. */
int diff_graph_close(DiffGraph *graph)
{
        uint32_t *first = calloc(graph->n_pairs + 2, sizeof(*first));
        uint32_t *parents = calloc(graph->n_edges + 1, sizeof(*parents));

        graph->parents_first = first;
        graph->parents = parents;
        if (!first || !parents)
                return -ENOMEM;
        for (size_t i = 0; i < graph->n_edges; i++)
                first[graph->edges[i].child + 2]++;
        for (size_t i = 2; i < graph->n_pairs + 2; i++)
                first[i] += first[i - 1];
        for (size_t i = 0; i < graph->n_edges; i++)
                parents[first[graph->edges[i].child + 1]++] = graph->edges[i].parent;
        return 0;
}

int diff_graph_roots(const DiffGraph *graph, uint32_t pair, size_t *budget, DiffRootFn fn, void *userdata)
{
        CLEANUP(free) uint32_t *queue = NULL;
        CLEANUP(free) bool *seen = NULL;
        size_t head = 0, tail = 0;
        int r;

        if (*budget < graph->n_pairs)
                return -E2BIG;
        *budget -= graph->n_pairs;
        queue = malloc(graph->n_pairs * sizeof(*queue));
        seen = calloc(graph->n_pairs, sizeof(*seen));
        if (!queue || !seen)
                return -ENOMEM;
        queue[tail++] = pair;
        seen[pair] = true;
        while (head < tail) {
                uint32_t at = queue[head++];
                const uint32_t *first = graph->parents_first + at;

                if (graph->pairs[at].parent == SCHEMA_NONE && (r = fn(graph->pairs + at, userdata)) < 0)
                        return r;
                if (*budget < first[1] - first[0])
                        return -E2BIG;
                *budget -= first[1] - first[0];
                for (uint32_t i = first[0]; i < first[1]; i++) {
                        uint32_t parent = graph->parents[i];

                        if (!seen[parent])
                                queue[tail++] = parent;
                        seen[parent] = true;
                }
        }
        return 0;
}
