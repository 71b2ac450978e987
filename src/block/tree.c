/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdarg.h>

#include "base/i18n.h"
#include "base/util.h"
#include "block/decide.h"

/*
 * A tree that the user made, judged node by node. Which members hold further nodes is the schema's word
 * (`file`, `backing`, quorum's `children`, …); a node given by name is another blockdev-add's business.
 *
 * QEMU lets an inline child take `read-only` and `auto-read-only` from its parent where it has none, and
 * opens an inline `backing` read-only: the judgement is of what a node ends up with, not of what it has.
 *
 * The tree may say less than was asked for (auto-read-only that this emulator does not know or cannot
 * honour, a launch that forbids reopening). That is an obstacle: a refusal, or, with a fallback, every node
 * made explicit.
 */

#define TREE_DEPTH_MAX 32
#define TREE_NODES_MAX 1024

typedef struct Walk {
        Gate *gate;
        size_t n_nodes;
        char *obstacle;      /* the first one */
        MusterAccess access; /* the most that any image outside of backing chains is opened with */
        char **drivers;      /* whose evidence is in the result */
} Walk;

/* What a node takes from above. */
typedef struct Place {
        const char *path; /* "" at the top, else "file/backing" */
        bool read_only, auto_read_only;
        bool backing;       /* below a `backing` */
        const char *holder; /* the nearest format above that is writable and so holds write permission */
        unsigned depth;
} Place;

static void walk_clear(Walk *walk)
{
        free(walk->obstacle);
        strv_free(walk->drivers);
}

static int compare_access(MusterAccess a, MusterAccess b)
{
        static const int rank[] = {
                [MUSTER_ACCESS_RO] = 0, [MUSTER_ACCESS_ON_DEMAND] = 1, [MUSTER_ACCESS_RW] = 2};

        return rank[a] - rank[b];
}

static const char *place_name(const Place *place)
{
        return *place->path ? place->path : _("the top node");
}

static int set_obstacle(Walk *walk, char *text)
{
        if (!text)
                return -ENOMEM;
        if (walk->obstacle)
                free(text);
        else
                walk->obstacle = text;
        return 0;
}

static int add_evidence(Walk *walk, const char *driver)
{
        if (strv_contains(walk->drivers, driver))
                return 0;
        if (strv_append(&walk->drivers, driver) < 0)
                return -ENOMEM;
        return gate_add_evidence(walk->gate, driver);
}

/* auto-read-only on a driver whose members do not have it. */
static int judge_missing(Walk *walk, json_object *node, const char *driver, const Place *place, bool value,
                         bool read_only)
{
        json_object_object_del(node, "auto-read-only");
        if (value && !read_only)
                return set_obstacle(
                        walk,
                        text_format(_("%s: driver '%s' of this emulator does not know auto-read-only, and "
                                      "without it the image would be open read-write from the start; say "
                                      "read-only, use a newer emulator, or allow a fallback (--fallback rw "
                                      "or ro)."),
                                    place_name(place), driver));
        return gate_note(walk->gate,
                         _("%s: auto-read-only was removed: driver '%s' of this emulator does not know it."),
                         place_name(place), driver);
}

/* It reopens, or may: then it must have the right to. */
static int judge_reopening(Walk *walk, const json_object *node, const char *driver, const Place *place)
{
        CLEANUP(free) char *conditions = NULL;

        if (gate_conditions(walk->gate, json_get_string(node, "filename"), &conditions) < 0)
                return -ENOMEM;
        if (conditions)
                return set_obstacle(
                        walk,
                        text_format(_("%s: the emulator could not reopen the image when a writer comes, "
                                      "because of how it runs: %s. Say read-only, or allow a fallback "
                                      "(--fallback rw or ro)."),
                                    place_name(place), conditions));
        if (place->holder)
                return gate_note(
                        walk->gate,
                        _("%s: '%s' above it is writable and holds write permission, so the file is "
                          "open read-write all the time; make that node read-only to change it."),
                        place_name(place), place->holder);
        return 0;
}

/* `auto_read_only` holds for the node, by itself or from above, and nothing makes it read-only for good. */
static int judge_auto(Walk *walk, const json_object *node, const char *driver, const Place *place)
{
        GateCoverage coverage = gate_coverage(walk->gate, driver);
        int r;

        r = add_evidence(walk, driver);
        if (r < 0)
                return r;
        switch (coverage) {
        case GATE_COVERED:
                return judge_reopening(walk, node, driver, place);
        case GATE_UNKNOWN:
                /* QEMU 4.0 reopens without saying so; its launch matters all the same. */
                r = judge_reopening(walk, node, driver, place);
                return r < 0 ? r
                             : gate_note(walk->gate,
                                         _("%s: whether auto-read-only reopens is unknown for driver '%s'; "
                                           "`muster verify %s` finds out."),
                                         place_name(place), driver, GATE_FEATURE);
        case GATE_ABSENT:
        case GATE_UNGOVERNED:
                break;
        }
        return gate_note(
                walk->gate,
                _("%s: auto-read-only is advisory at best on driver '%s': it is decided once, as the "
                  "node is opened (read-write if it can be), and never changed."),
                place_name(place), driver);
}

static int judge(Walk *walk, json_object *node, const char *driver, const Place *place, bool read_only,
                 bool auto_read_only)
{
        json_object *own = json_get(node, "auto-read-only", json_type_boolean);

        if (own && !block_driver_member(&walk->gate->block, driver, "auto-read-only"))
                return judge_missing(walk, node, driver, place, json_object_get_boolean(own), read_only);
        if (!auto_read_only)
                return 0;
        if (!read_only)
                return judge_auto(walk, node, driver, place);
        if (!own || !json_object_get_boolean(own))
                return 0;
        return gate_note(walk->gate, _("%s: auto-read-only does nothing beside read-only: true."),
                         place_name(place));
}

/*
 * copy-on-read asks for the right to write what it read whether or not anybody writes above it, so that a
 * file below it is open read-write all the time. Tried on 7.2.
 */
static bool holds_write(const BlockSchema *block, const char *driver)
{
        return block_driver_holds_write(block, driver) || streq(driver, "copy-on-read");
}

static void count_access(Walk *walk, const char *driver, const Place *place, bool read_only,
                         bool auto_read_only, bool leaf)
{
        MusterAccess access = MUSTER_ACCESS_RW;

        if (place->backing)
                return;
        if (read_only)
                access = MUSTER_ACCESS_RO;
        /* What a named child does is not known here; but a node that passes on asks for no more than it is
         * asked. */
        else if (auto_read_only && !place->holder &&
                 (leaf ? gate_coverage(walk->gate, driver) == GATE_COVERED
                       : !holds_write(&walk->gate->block, driver)))
                access = MUSTER_ACCESS_ON_DEMAND;
        if (compare_access(access, walk->access) > 0)
                walk->access = access;
}

static int walk_node(Walk *walk, json_object *node, const Place *place);

/* One member that holds nodes: inline ones are walked. `*inline_` counts them. */
static int walk_children(Walk *walk, const char *key, json_object *value, const Place *from,
                         unsigned *inline_)
{
        bool array = json_object_is_type(value, json_type_array);
        size_t n = array ? json_object_array_length(value) : 1;

        for (size_t i = 0; i < n; i++) {
                json_object *child = array ? json_object_array_get_idx(value, i) : value;
                CLEANUP(free) char *path = NULL;
                Place place = *from;
                int r;

                if (!json_object_is_type(child, json_type_object))
                        continue;
                path = array ? text_format("%s%s%s/%zu", from->path, *from->path ? "/" : "", key, i)
                             : text_format("%s%s%s", from->path, *from->path ? "/" : "", key);
                if (!path)
                        return -ENOMEM;
                place.path = path;
                if (streq(key, "backing")) {
                        place.backing = place.read_only = true;
                        place.auto_read_only = false;
                        place.holder = NULL;
                }
                (*inline_)++;
                r = walk_node(walk, child, &place);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int walk_node(Walk *walk, json_object *node, const Place *place)
{
        const BlockSchema *block = &walk->gate->block;
        const char *driver = json_get_string(node, "driver");
        Place below = *place;
        unsigned inline_ = 0, children = 0;
        int r;

        if (place->depth > TREE_DEPTH_MAX || ++walk->n_nodes > TREE_NODES_MAX)
                return error_set(walk->gate->ret_error, -EINVAL,
                                 _("The tree is too large: muster takes %u levels and %u nodes."),
                                 TREE_DEPTH_MAX, TREE_NODES_MAX);
        if (!driver) /* the schema's check will say so */
                return 0;
        below.read_only = json_get_bool(node, "read-only", place->read_only);
        below.auto_read_only = json_get_bool(node, "auto-read-only", place->auto_read_only);
        below.depth++;
        r = judge(walk, node, driver, place, below.read_only, below.auto_read_only);
        if (r < 0)
                return r;
        if (holds_write(block, driver))
                below.holder = below.read_only ? NULL : driver;
        json_object_object_foreach (node, key, value) {
                const SchemaMember *member = block_driver_member(block, driver, key);
                bool array;

                if (!member || !block_type_is_node(block, member->type, &array))
                        continue;
                children += !streq(key, "backing");
                r = walk_children(walk, key, value, &below, &inline_);
                if (r < 0)
                        return r;
        }
        if (children == 0 || inline_ == 0)
                count_access(walk, driver, place, below.read_only, below.auto_read_only, children == 0);
        return 0;
}

/* Every node explicit: nothing is left to reopening, and backing images stay read-only. */
static int make_explicit(const BlockSchema *block, json_object *node, bool read_only, unsigned depth)
{
        const char *driver = json_get_string(node, "driver");

        if (!driver || depth > TREE_DEPTH_MAX)
                return 0;
        json_object_object_del(node, "auto-read-only");
        if (json_add_bool(node, "read-only", read_only) < 0)
                return -ENOMEM;
        json_object_object_foreach (node, key, value) {
                const SchemaMember *member = block_driver_member(block, driver, key);
                bool array, ro = read_only || streq(key, "backing");

                if (!member || !block_type_is_node(block, member->type, &array))
                        continue;
                array = json_object_is_type(value, json_type_array);
                for (size_t i = 0; i < (array ? json_object_array_length(value) : 1); i++) {
                        json_object *child = array ? json_object_array_get_idx(value, i) : value;

                        if (json_object_is_type(child, json_type_object) &&
                            make_explicit(block, child, ro, depth + 1) < 0)
                                return -ENOMEM;
                }
        }
        return 0;
}

/* blockdev-add wants a name for its root node. */
static int name_top(Gate *gate, json_object *tree)
{
        const char *name = gate->request->node_name ? gate->request->node_name : NODE_NAME_DEFAULT;

        if (json_object_object_get_ex(tree, "node-name", NULL))
                return 0;
        if (json_add_string(tree, "node-name", name) < 0)
                return -ENOMEM;
        return gate_note(gate, _("The tree named no node-name for its top node; it is '%s'."), name);
}

/* More than what was asked for is an obstacle as well. */
static int compare_with_request(Walk *walk)
{
        const MusterGateRequest *request = walk->gate->request;

        if (walk->obstacle || !request->access_set || compare_access(walk->access, request->access) <= 0)
                return 0;
        return set_obstacle(
                walk,
                text_format(_("The tree opens its image with access '%s', which is more than the '%s' that "
                              "was asked for."),
                            access_name(walk->access), access_name(request->access)));
}

static int fall_back(Gate *gate, Walk *walk, json_object *tree)
{
        int r;

        r = gate_note(gate, "%s", walk->obstacle);
        if (r >= 0)
                r = make_explicit(&gate->block, tree, gate->request->fallback == MUSTER_ACCESS_RO, 0);
        if (r < 0)
                return r;
        gate->result->decision = MUSTER_DECISION_FALLBACK;
        gate->result->access = gate->request->fallback;
        gate->result->reason = TAKE(walk->obstacle);
        return 0;
}

static int check_tree(Gate *gate, const json_object *tree)
{
        CLEANUP(free) char *fault = NULL;
        int r;

        r = gate_check(gate, tree, /* notes= */ true, &fault);
        if (r <= 0)
                return r;
        return gate_refuse(gate, text_format(_("The emulator's schema does not take the tree: %s"),
                                             fault ? fault : "?"));
}

int gate_tree(Gate *gate)
{
        __attribute__((cleanup(walk_clear))) Walk walk = {.gate = gate, .access = MUSTER_ACCESS_RO};
        CLEANUP(json) json_object *tree = NULL;
        const Place top = {.path = ""};
        int r;

        if (json_object_deep_copy(gate->request->tree, &tree, NULL) < 0)
                return -ENOMEM;
        r = walk_node(&walk, tree, &top);
        if (r >= 0)
                r = name_top(gate, tree);
        if (r >= 0)
                r = compare_with_request(&walk);
        if (r < 0)
                return r;
        gate->result->access = walk.access;
        if (walk.obstacle && !gate->request->has_fallback)
                return gate_refuse(gate, TAKE(walk.obstacle));
        if (walk.obstacle) {
                r = fall_back(gate, &walk, tree);
                if (r < 0)
                        return r;
        }
        r = json_append(gate->result->arguments, json_object_get(tree));
        return r < 0 ? r : check_tree(gate, tree);
}
