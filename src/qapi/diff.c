/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What two schemas do not share.
 *
 * Type names are numbers that each binary deals anew, so the two graphs are walked side by side from the
 * commands and events, whose names mean something: what stands at the same path belongs together. A pair of
 * types is compared once, wherever it is used, and its differences are reported under the shortest path
 * (among equals the first by name); `also` names the other commands and events whose arguments, data or
 * result hold the same pair, so that one new block driver is one line and not fifty.
 *
 * What is compared: commands, events, allow-oob; members, optional or mandatory; branches of unions and
 * alternates; values of enumerations; features of all of these; types by what they are: built-in, enum,
 * array, object, union by which tag, alternate. Where the type itself changes ("type"), its inside is not
 * compared, but for one case: a type that became an alternate goes on in the branch that looks alike, as
 * QEMU goes on accepting it.
 *
 * The rule for old schemas: before 6.2 QEMU could not tell features of enumeration values, so these are
 * compared only where both sides tell. Features of commands (4.2), types (4.1) and members (5.0) leave no
 * such trace in the schema: one that is "added" over an older release may be news only in being declared.
 */
#include <errno.h>
#include <string.h>

#include "base/i18n.h"
#include "base/util.h"
#include "qapi/describe.h"
#include "qapi/diff-graph.h"
#include "qapi/diff-report.h"

typedef struct Diff {
        const MusterSchema *a, *b;
        DiffGraph graph;
        DiffReport report;
        uint32_t at; /* the pair that is being compared */
} Diff;

/* One named thing of a list: a member, a value, a branch, a feature, a root. */
typedef struct Item {
        const char *name;
        const void *thing;
} Item;

/* What stands at `name` on either side; `a` or `b` may be NULL, never both. */
typedef int (*ItemFn)(Diff *diff, const char *name, const void *a, const void *b, void *userdata);

static void cleanup_diff(Diff *diff)
{
        diff_report_done(&diff->report);
        diff_graph_done(&diff->graph);
}

/* Takes `path`, `from` and `to`, of which the latter two may be NULL. */
static int report_at(Diff *diff, const char *change, const char *kind, char *path, char *from, char *to)
{
        return diff_report_add(&diff->report, diff->at, change, kind, path, from, to);
}

static int report(Diff *diff, const char *change, const char *kind, const char *sigil, const char *step,
                  char *from, char *to)
{
        return report_at(diff, change, kind, diff_graph_path(&diff->graph, diff->at, sigil, step), from, to);
}

/* Lists */

static int compare_items(const void *a, const void *b)
{
        return strcmp(((const Item *)a)->name, ((const Item *)b)->name);
}

/* Merges two lists by name and hands on what stands at the same name, or on one side only. */
static int merge(Diff *diff, Item *a, size_t n_a, Item *b, size_t n_b, ItemFn fn, void *userdata)
{
        int r = 0;

        qsort(a, n_a, sizeof(*a), compare_items);
        qsort(b, n_b, sizeof(*b), compare_items);
        for (size_t i = 0, j = 0; r >= 0 && (i < n_a || j < n_b);) {
                int order = i == n_a ? 1 : j == n_b ? -1 : strcmp(a[i].name, b[j].name);

                r = fn(diff, order <= 0 ? a[i].name : b[j].name, order <= 0 ? a[i].thing : NULL,
                       order >= 0 ? b[j].thing : NULL, userdata);
                i += order <= 0;
                j += order >= 0;
        }
        return r;
}

typedef const char *(*NameFn)(const MusterSchema *schema, uint32_t index, const void **ret_thing);

static const char *member_name(const MusterSchema *schema, uint32_t index, const void **ret_thing)
{
        *ret_thing = schema->members + index;
        return schema->members[index].name;
}

static const char *value_name(const MusterSchema *schema, uint32_t index, const void **ret_thing)
{
        *ret_thing = schema->values + index;
        return schema->values[index].name;
}

/* Branches of an alternate have no names of their own: what they look like tells them apart. */
static const char *variant_name(const MusterSchema *schema, uint32_t index, const void **ret_thing)
{
        const SchemaVariant *variant = schema->variants + index;

        *ret_thing = variant;
        return variant->case_name ? variant->case_name : schema_json_kind(schema, variant->type);
}

static const char *feature_name(const MusterSchema *schema, uint32_t index, const void **ret_thing)
{
        *ret_thing = schema->features[index];
        return schema->features[index];
}

static const char *root_name(const MusterSchema *schema, uint32_t index, const void **ret_thing)
{
        const SchemaEntity *entity = schema->entities + index;

        *ret_thing = entity;
        return entity->meta == SCHEMA_COMMAND || entity->meta == SCHEMA_EVENT ? entity->name : NULL;
}

static size_t collect(const MusterSchema *schema, SchemaRange range, NameFn name, Item *items)
{
        size_t n = 0;

        for (uint32_t i = range.first; i < range.first + range.count; i++) {
                items[n].name = name(schema, i, &items[n].thing);
                n += items[n].name != NULL;
        }
        return n;
}

static int merge_ranges(Diff *diff, SchemaRange a, SchemaRange b, NameFn name, ItemFn fn, void *userdata)
{
        CLEANUP(free) Item *items = NULL;
        size_t n_a, n_b;

        if (a.count == 0 && b.count == 0)
                return 0;
        items = calloc((size_t)a.count + b.count, sizeof(*items));
        if (!items)
                return -ENOMEM;
        n_a = collect(diff->a, a, name, items);
        n_b = collect(diff->b, b, name, items + a.count);
        return merge(diff, items, n_a, items + a.count, n_b, fn, userdata);
}

/* Features: `userdata` is NULL for those of the pair, or how their owner stands in the path: "^nvme/$". */

static int on_feature(Diff *diff, const char *name, const void *a, const void *b, void *userdata)
{
        const char *sigil = userdata ? userdata : "$";

        if (a && b)
                return 0;
        return report(diff, a ? "removed" : "added", "feature", sigil, name, NULL, NULL);
}

static int compare_features(Diff *diff, SchemaRange a, SchemaRange b, const char *owner, const char *sigil)
{
        CLEANUP(free) char *prefix = NULL;

        if (a.count == 0 && b.count == 0)
                return 0;
        if (asprintf(&prefix, "%s%s", owner, sigil) < 0) {
                prefix = NULL;
                return -ENOMEM;
        }
        return merge_ranges(diff, a, b, feature_name, on_feature, prefix);
}

/* Types */

static uint32_t skip_arrays(const MusterSchema *schema, uint32_t type, unsigned *ret_levels)
{
        const SchemaEntity *entity = schema_entity(schema, type);

        for (*ret_levels = 0; *ret_levels < SCHEMA_ARRAYS_MAX && entity && entity->meta == SCHEMA_ARRAY;
             ++*ret_levels) {
                type = entity->arg_type;
                entity = schema_entity(schema, type);
        }
        return type;
}

static bool same_shape(const Diff *diff, uint32_t a, uint32_t b)
{
        const SchemaEntity *x = schema_entity(diff->a, a), *y = schema_entity(diff->b, b);

        if (!x || !y || x->meta != y->meta)
                return x == NULL && y == NULL;
        return x->meta != SCHEMA_BUILTIN || streq_ptr(x->json_type, y->json_type);
}

/* Where one side is an alternate and the other is not, the branch of it that takes the other's values. */
static void step_into_alternates(const Diff *diff, uint32_t *a, uint32_t *b)
{
        const SchemaEntity *x = schema_entity(diff->a, *a), *y = schema_entity(diff->b, *b);

        if (x && y && x->meta == SCHEMA_ALTERNATE && y->meta != SCHEMA_ALTERNATE)
                *a = schema_alternate_branch(diff->a, x, schema_json_kind(diff->b, *b));
        else if (x && y && y->meta == SCHEMA_ALTERNATE && x->meta != SCHEMA_ALTERNATE)
                *b = schema_alternate_branch(diff->b, y, schema_json_kind(diff->a, *a));
}

static int report_type(Diff *diff, const char *sigil, const char *step, uint32_t a, uint32_t b)
{
        char *from = schema_type_text(diff->a, a), *to = schema_type_text(diff->b, b);

        if (!from || !to) {
                free(from);
                free(to);
                return -ENOMEM;
        }
        return report(diff, "type", "type", sigil, step, from, to);
}

/* Two types at the same place, one step from the pair at hand. */
static int meet_types(Diff *diff, char sigil, const char *step, uint32_t a, uint32_t b)
{
        const char sigils[] = {sigil, '\0'};
        unsigned levels_a, levels_b;
        uint32_t inner_a = skip_arrays(diff->a, a, &levels_a), inner_b = skip_arrays(diff->b, b, &levels_b);
        const SchemaEntity *entity;
        int r = 0;

        if (levels_a != levels_b || !same_shape(diff, inner_a, inner_b)) {
                r = report_type(diff, sigils, step, a, b);
                step_into_alternates(diff, &inner_a, &inner_b);
                if (levels_a != levels_b || !same_shape(diff, inner_a, inner_b))
                        return r;
        }
        entity = schema_entity(diff->a, inner_a);
        if (r < 0 || !entity || entity->meta == SCHEMA_BUILTIN || entity->meta == SCHEMA_OTHER)
                return r;
        return diff_graph_enter(&diff->graph, diff->at, sigil, step, inner_a, inner_b);
}

static int on_member(Diff *diff, const char *name, const void *a, const void *b, void *userdata)
{
        const SchemaMember *x = a, *y = b;
        CLEANUP(free) char *owner = NULL;
        int r = 0;

        if (!x)
                return report(diff, "added", "member", "", name, NULL, schema_type_text(diff->b, y->type));
        if (!y)
                return report(diff, "removed", "member", "", name, schema_type_text(diff->a, x->type), NULL);
        if (x->optional != y->optional)
                r = report(diff, y->optional ? "optional" : "mandatory", "member", "", name, NULL, NULL);
        if (r >= 0 && asprintf(&owner, "%s/", x->name) < 0) {
                owner = NULL;
                return -ENOMEM;
        }
        if (r >= 0)
                r = compare_features(diff, x->features, y->features, owner, "@");
        return r < 0 ? r : meet_types(diff, '\0', name, x->type, y->type);
}

/* `userdata` is the change's kind: "branch" of a union, "choice" of an alternate. */
static int on_variant(Diff *diff, const char *name, const void *a, const void *b, void *userdata)
{
        const SchemaVariant *x = a, *y = b;
        bool branch = streq(userdata, "branch");

        if (x && y)
                return meet_types(diff, branch ? '+' : '\0', branch ? name : NULL, x->type, y->type);
        if (branch)
                return report(diff, x ? "removed" : "added", userdata, "+", name, NULL, NULL);
        return report(diff, x ? "removed" : "added", userdata, "", NULL,
                      x ? schema_type_text(diff->a, x->type) : NULL,
                      y ? schema_type_text(diff->b, y->type) : NULL);
}

/* `userdata` is not NULL where both sides tell of values' features. */
static int on_value(Diff *diff, const char *name, const void *a, const void *b, void *userdata)
{
        const SchemaValue *x = a, *y = b;
        CLEANUP(free) char *owner = NULL;

        if (!x || !y)
                return report(diff, x ? "removed" : "added", "value", "^", name, NULL, NULL);
        if (!userdata || (x->features.count == 0 && y->features.count == 0))
                return 0;
        if (asprintf(&owner, "^%s/", x->name) < 0) {
                owner = NULL;
                return -ENOMEM;
        }
        return compare_features(diff, x->features, y->features, owner, "$");
}

static int compare_objects(Diff *diff, const SchemaEntity *a, const SchemaEntity *b)
{
        int r = merge_ranges(diff, a->members, b->members, member_name, on_member, NULL);

        if (r < 0)
                return r;
        /* By another tag, or by none, each branch would be news: say it once. */
        if (!streq_ptr(a->tag, b->tag)) {
                const DiffPair *pair = diff->graph.pairs + diff->at;

                return report_type(diff, "", NULL, pair->a, pair->b);
        }
        return merge_ranges(diff, a->variants, b->variants, variant_name, on_variant, (void *)"branch");
}

static int compare_pair(Diff *diff)
{
        const DiffPair *pair = diff->graph.pairs + diff->at;
        const SchemaEntity *a = diff->a->entities + pair->a, *b = diff->b->entities + pair->b;
        bool told = a->values_have_features && b->values_have_features;
        int r = compare_features(diff, a->features, b->features, "", "$");

        if (r < 0)
                return r;
        switch (a->meta) {
        case SCHEMA_OBJECT:
                return compare_objects(diff, a, b);
        case SCHEMA_ENUM:
                return merge_ranges(diff, a->members, b->members, value_name, on_value, told ? &told : NULL);
        case SCHEMA_ALTERNATE:
                return merge_ranges(diff, a->variants, b->variants, variant_name, on_variant,
                                    (void *)"choice");
        default:
                return 0;
        }
}

/* Roots */

typedef enum Round {
        ROUND_ARGUMENTS,
        ROUND_EVENTS,
        ROUND_RESULTS,
        N_ROUNDS,
} Round;

static int compare_root(Diff *diff, Round round)
{
        const DiffPair *pair = diff->graph.pairs + diff->at;
        const SchemaEntity *a = diff->a->entities + pair->a, *b = diff->b->entities + pair->b;
        int r = 0;

        if (round == ROUND_RESULTS)
                return a->meta == SCHEMA_COMMAND
                               ? meet_types(diff, '\0', "ret-type", a->ret_type, b->ret_type)
                               : 0;
        if (a->meta != (round == ROUND_EVENTS ? SCHEMA_EVENT : SCHEMA_COMMAND))
                return 0;
        if (a->allow_oob != b->allow_oob)
                r = report(diff, b->allow_oob ? "added" : "removed", "allow-oob", "", NULL, NULL, NULL);
        if (r >= 0)
                r = compare_features(diff, a->features, b->features, "", "$");
        return r < 0 ? r : meet_types(diff, '\0', "arg-type", a->arg_type, b->arg_type);
}

static int on_root(Diff *diff, const char *name, const void *a, const void *b, void *userdata)
{
        const SchemaEntity *x = a, *y = b;
        char *path;

        if (x && y && x->meta == y->meta)
                return diff_graph_enter(&diff->graph, SCHEMA_NONE, '\0', name,
                                        (uint32_t)(x - diff->a->entities),
                                        (uint32_t)(y - diff->b->entities));
        path = strdup(name);
        if (x && y)
                return report_at(diff, "type", "type", path, strdup(schema_meta_name(x->meta)),
                                 strdup(schema_meta_name(y->meta)));
        return report_at(diff, x ? "removed" : "added", schema_meta_name(x ? x->meta : y->meta), path, NULL,
                         NULL);
}

/*
 * A round enters by one side of the roots and goes as far as that leads. What commands take comes first,
 * being what a client acts upon: a type is reported under a command's arguments rather than under a shorter
 * path in an event or a result.
 */
static int walk(Diff *diff)
{
        uint32_t n_roots, next;
        int r = diff_graph_init(&diff->graph, 4 * ((size_t)diff->a->n_entities + diff->b->n_entities) + 64);

        diff->at = SCHEMA_NONE;
        if (r >= 0)
                r = merge_ranges(diff, (SchemaRange){0, diff->a->n_entities},
                                 (SchemaRange){0, diff->b->n_entities}, root_name, on_root, NULL);
        n_roots = next = (uint32_t)diff->graph.n_pairs;
        for (Round round = 0; r >= 0 && round < N_ROUNDS; round++) {
                for (diff->at = 0; r >= 0 && diff->at < n_roots; diff->at++)
                        r = compare_root(diff, round);
                for (diff->at = next; r >= 0 && diff->at < diff->graph.n_pairs; diff->at++)
                        r = compare_pair(diff);
                next = (uint32_t)diff->graph.n_pairs;
        }
        return r < 0 ? r : diff_graph_close(&diff->graph);
}

_public_ int muster_schema_diff(const MusterSchema *from, const MusterSchema *to, char **ret_json,
                                MusterError **ret_error)
{
        __attribute__((cleanup(cleanup_diff))) Diff diff = {.a = from, .b = to};
        int r = walk(&diff);

        if (r >= 0 && ret_json)
                r = diff_report_to_text(&diff.report, &diff.graph, ret_json);
        if (r == -E2BIG)
                return error_set(ret_error, r,
                                 _("The schemas are too tangled to compare: more pairs of types, or "
                                   "longer ways to them, than any QEMU has."));
        return r < 0 ? error_oom(ret_error) : (int)diff.report.n_found;
}
