/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * From where is the entity reached that carries a tie, and does the verdict hold there?
 *
 * A feature flag says nothing of what it applies to: `dynamic-auto-read-only` stands on a type that has no
 * name, which blockdev-add reaches through the branches of three drivers, and so do blockdev-reopen, and
 * blockdev-create through the nodes that it takes. So the tied entities are looked up (for a flag on a type:
 * that type; on a command: that command; for a member: the object that has it), and the schema is asked for
 * every way to each.
 *
 * Where no schema tie is met, the last entry that stands on the way of each unmet tie is taken instead: that
 * is where the flag would be, so the same commands come out, none of them covered by the tie.
 *
 * A way is covered if its driver's verdict is `present`, and either the tied entity itself is what is
 * reached, or the feature says that it governs the command. A tie on a command covers that command alone:
 * the types that it shares with others carry nothing.
 *
 * What shares a command's syntax outside of QMP is listed beside it: an option of the same binary shares the
 * code as well; another program was not asked.
 */

#include <errno.h>
#include <stdarg.h>

#include "base/i18n.h"
#include "base/util.h"
#include "feature/explain.h"
#include "qapi/reach.h"

typedef struct Row {
        char *command;
        char *driver;
        char *path;
        char *reason;
        bool covered;
} Row;

typedef struct Explainer {
        const MusterVerdicts *verdicts;
        const MusterSchema *schema;
        const Feature *feature;
        char **drivers; /* those asked about; empty: the feature names none */
        Tied *tied;
        size_t n_tied;
        Row *rows;
        size_t n_rows;
} Explainer;

static void row_clear(Row *row)
{
        free(row->command);
        free(row->driver);
        free(row->path);
        free(row->reason);
        *row = (Row){0};
}

static void cleanup_explainer(Explainer *e)
{
        for (size_t i = 0; i < e->n_rows; i++)
                row_clear(&e->rows[i]);
        free(e->rows);
        tied_free(e->tied, e->n_tied);
        strv_free(e->drivers);
}

static bool is_root(const SchemaEntity *entity)
{
        return entity && (entity->meta == SCHEMA_COMMAND || entity->meta == SCHEMA_EVENT);
}

static int say(Row *row, bool covered, const char *format, ...) __attribute__((format(printf, 3, 4)));
static int say(Row *row, bool covered, const char *format, ...)
{
        va_list args;
        int r;

        va_start(args, format);
        r = vasprintf(&row->reason, format, args);
        va_end(args);
        if (r < 0)
                row->reason = NULL;
        row->covered = covered;
        return r < 0 ? -ENOMEM : 0;
}

static bool governs_command(const Feature *feature, const char *command)
{
        for (size_t i = 0; i < feature->n_governs; i++)
                if (streq(feature->governs[i].command, command))
                        return true;
        return false;
}

/* Whether a tie that counts, and is none of the schema, is met. */
static bool met_elsewhere(const Explainer *e, const Judgement *judgement)
{
        for (size_t i = 0; i < judgement->n_evidence; i++) {
                const Evidence *evidence = &judgement->evidence[i];

                if (evidence->result == TIE_MET && evidence->tie->kind != TIE_SCHEMA &&
                    !evidence->tie->bad && tie_trusted(evidence->tie, verdicts_trust(e->verdicts)))
                        return true;
        }
        return false;
}

/* `tied` NULL: the way comes from a `governs` line. `carried`: what is reached is the tied entity itself. */
static int cover(const Explainer *e, Row *row, const Tied *tied, bool carried)
{
        bool by_driver = row->driver && feature_has_drivers(e->feature);
        const Judgement *judgement;

        if (by_driver && !feature_governs_driver(e->feature, row->driver, strlen(row->driver)))
                return say(row, false, _("The feature does not govern the driver \"%s\"."), row->driver);
        judgement = verdicts_find(e->verdicts, e->feature->name, by_driver ? row->driver : NULL);
        if (!judgement || judgement->verdict != MUSTER_VERDICT_PRESENT)
                return say(row, false, _("The verdict is %s, so nothing is covered."),
                           muster_verdict_name(judgement ? judgement->verdict : MUSTER_VERDICT_ABSENT));
        if (tied && tied->met && carried)
                return is_root(&e->schema->entities[tied->entity])
                               ? say(row, true, _("The tie stands on this command itself."))
                               : say(row, true, _("The very type that carries the tie is reached."));
        if (met_elsewhere(e, judgement) && governs_command(e->feature, row->command))
                return say(row, true, _("The feature governs %s, and a tie outside of the schema shows it."),
                           row->command);
        if (tied && tied->met)
                return say(row, false, _("The tie stands on the command %s and says nothing of this one."),
                           e->schema->entities[tied->entity].name);
        return say(row, false, _("The tie that is met says nothing of this command."));
}

static int add_row(Explainer *e, const char *command, const char *driver, char *path, const Tied *tied,
                   bool carried)
{
        Row row = {.command = strdup(command), .driver = driver ? strdup(driver) : NULL, .path = path},
            *grown;

        if (!row.command || (driver && !row.driver) || !row.path || cover(e, &row, tied, carried) < 0) {
                row_clear(&row);
                return -ENOMEM;
        }
        grown = reallocarray(e->rows, e->n_rows + 1, sizeof(*grown));
        if (!grown) {
                row_clear(&row);
                return -ENOMEM;
        }
        e->rows = grown;
        e->rows[e->n_rows++] = row;
        return 0;
}

static bool has_case(const Explainer *e, const SchemaEntity *entity, const char *name)
{
        for (uint32_t i = 0; i < entity->variants.count; i++)
                if (streq_ptr(e->schema->variants[entity->variants.first + i].case_name, name))
                        return true;
        return false;
}

static char *case_path(const char *path, const char *driver)
{
        char *text;

        return asprintf(&text, "%s/+%s", path, driver) < 0 ? NULL : text;
}

/* One way to `entity`; where that is the union whose branches the drivers are, one for each of them. */
static int add_way(Explainer *e, const SchemaEntity *entity, const SchemaReach *way, const Tied *tied,
                   bool carried)
{
        bool expanded = false;

        for (char **driver = e->drivers; *driver; driver++) {
                if (!has_case(e, entity, *driver))
                        continue;
                if (add_row(e, way->root, *driver, case_path(way->path, *driver), tied, carried) < 0)
                        return -ENOMEM;
                expanded = true;
        }
        return expanded ? 0 : add_row(e, way->root, way->branch, strdup(way->path), tied, carried);
}

static int add_ways(Explainer *e, uint32_t index, const Tied *tied, bool carried)
{
        const SchemaEntity *entity = schema_entity(e->schema, index);
        SchemaReach *ways = NULL;
        size_t n_ways = 0;
        int r;

        r = schema_reach(e->schema, index, &ways, &n_ways);
        if (r < 0)
                return r;
        r = 0;
        for (size_t i = 0; i < n_ways && r == 0; i++)
                r = add_way(e, entity, &ways[i], tied, carried);
        schema_reach_free(ways, n_ways);
        return r;
}

/* A command that carries a tie, and the others that take the same arguments and do not. */
static int add_root(Explainer *e, const Tied *tied)
{
        const SchemaEntity *root = schema_entity(e->schema, tied->entity);
        const SchemaEntity *arguments = schema_entity(e->schema, root->arg_type);
        SchemaReach itself = {.root = root->name, .path = (char *)root->name};
        size_t n = e->n_rows;
        int r;

        if (!arguments || arguments->members.count + arguments->variants.count == 0)
                return add_way(e, root, &itself, tied, true);
        r = add_ways(e, root->arg_type, tied, false);
        if (r < 0)
                return r;
        /* The ways through its own arguments are the command itself. */
        for (size_t i = n; i < e->n_rows; i++) {
                Row *row = &e->rows[i];

                if (!streq(row->command, root->name))
                        continue;
                free(TAKE(row->reason));
                r = cover(e, row, tied, true);
                if (r < 0)
                        return r;
        }
        return 0;
}

/*
 * The place of the tie itself. For a type within a driver's options (qcow2's encrypt/+luks) this is the only
 * way that names the driver; and the result of a command is reached from that command alone.
 */
static int add_place(Explainer *e, const Tied *tied, bool *ret_alone)
{
        const char *slash = strchr(tied->place, '/');
        bool result = slash && startswith(slash, "/ret-type");
        CLEANUP(free) char *command = NULL;

        *ret_alone = result;
        if (!result && !tied->driver)
                return 0;
        command = strndup(tied->place, strcspn(tied->place, "/"));
        return command ? add_row(e, command, tied->driver, strdup(tied->place), tied, true) : -ENOMEM;
}

static int add_tied_rows(Explainer *e, const Tied *tied)
{
        bool alone;
        int r;

        r = add_place(e, tied, &alone);
        if (r < 0 || alone)
                return r;
        if (is_root(schema_entity(e->schema, tied->entity)))
                return add_root(e, tied);
        return add_ways(e, tied->entity, tied, true);
}

/* What the feature says itself that it governs, as far as the schema has it. */
static int add_governed(Explainer *e, const Governs *governs)
{
        const SchemaEntity *root = schema_find_root(e->schema, governs->command);
        const SchemaEntity *arguments = root ? schema_entity(e->schema, root->arg_type) : NULL;
        bool driven = governs->drivers[0] != NULL;

        if (!root)
                return 0;
        if (!driven)
                return add_row(e, governs->command, NULL, strdup(governs->command), NULL, false);
        for (char **driver = governs->drivers; *driver; driver++) {
                CLEANUP(free) char *prefix = NULL;

                if (!strv_contains(e->drivers, *driver) || !arguments || !has_case(e, arguments, *driver))
                        continue;
                if (asprintf(&prefix, "%s/arg-type", governs->command) < 0) {
                        prefix = NULL;
                        return -ENOMEM;
                }
                if (add_row(e, governs->command, *driver, case_path(prefix, *driver), NULL, false) < 0)
                        return -ENOMEM;
        }
        return 0;
}

/* By command and driver; among the same, the covered one first, then the shortest path. */
static int compare_rows(const void *a, const void *b)
{
        const Row *x = a, *y = b;
        int order = strcmp(x->command, y->command);

        if (order == 0)
                order = strcmp(x->driver ? x->driver : "", y->driver ? y->driver : "");
        if (order == 0)
                order = (int)y->covered - (int)x->covered;
        if (order == 0)
                order = strlen(x->path) < strlen(y->path) ? -1 : strlen(x->path) > strlen(y->path);
        return order;
}

static void unify(Explainer *e)
{
        size_t n = 0;

        if (e->n_rows == 0)
                return;
        qsort(e->rows, e->n_rows, sizeof(Row), compare_rows);
        for (size_t i = 0; i < e->n_rows; i++)
                if (n > 0 && streq(e->rows[n - 1].command, e->rows[i].command) &&
                    streq_ptr(e->rows[n - 1].driver, e->rows[i].driver))
                        row_clear(&e->rows[i]);
                else
                        e->rows[n++] = e->rows[i];
        e->n_rows = n;
}

static int append(json_object *array, const char *command, const Row *row, bool covered, const char *reason,
                  const char *shares)
{
        CLEANUP(json) json_object *object = json_object_new_object();

        if (json_add_string(object, "command", command) < 0 ||
            (row->driver && json_add_string(object, "driver", row->driver) < 0) ||
            json_add_string(object, "path", row->path) < 0 ||
            json_add_bool(object, "covered", covered) < 0 || json_add_string(object, "reason", reason) < 0 ||
            (shares && json_add_string(object, "shares", shares) < 0))
                return -ENOMEM;
        return json_append(array, TAKE(object));
}

static const struct {
        const char *command, *syntax;
        bool other_program;
} sharing[] = {
        {"blockdev-add", "blockdev", false},
        {"blockdev-add", "qemu-img --image-opts", true},
        {"blockdev-create", "qemu-img create", true},
        {"chardev-add", "chardev", false},
        {"device_add", "device", false},
        {"netdev_add", "netdev", false},
        {"object-add", "object", false},
};

static int append_sharing(const Explainer *e, json_object *array, const Row *row)
{
        bool daemon = muster_facts_kind(verdicts_facts(e->verdicts)) == MUSTER_EMULATOR_STORAGE_DAEMON;

        for (size_t i = 0; i < ELEMENTSOF(sharing); i++) {
                CLEANUP(free) char *syntax = NULL, *reason = NULL;
                bool other = sharing[i].other_program;

                if (!streq(sharing[i].command, row->command))
                        continue;
                if (asprintf(&syntax, "%s%s", other ? "" : daemon ? "--" : "-", sharing[i].syntax) < 0) {
                        syntax = NULL;
                        return -ENOMEM;
                }
                if (asprintf(&reason,
                             other ? _("It shares the syntax of %s, but is another program, which was not "
                                       "asked.")
                                   : _("It shares the syntax of %s and the code behind it."),
                             row->command) < 0) {
                        reason = NULL;
                        return -ENOMEM;
                }
                if (append(array, syntax, row, row->covered && !other,
                           row->covered || other ? reason : row->reason, row->command) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int collect(Explainer *e)
{
        int r;

        r = explain_tied(e->schema, e->feature, e->drivers, &e->tied, &e->n_tied);
        for (size_t i = 0; i < e->n_tied && r == 0; i++)
                r = add_tied_rows(e, &e->tied[i]);
        for (size_t i = 0; i < e->feature->n_governs && r == 0; i++)
                r = add_governed(e, &e->feature->governs[i]);
        unify(e);
        return r;
}

int explain_reach(const MusterVerdicts *verdicts, const Feature *feature, const char *driver,
                  json_object **ret)
{
        CLEANUP(json) json_object *array = json_object_new_array();
        CLEANUP(explainer)
        Explainer e = {
                .verdicts = verdicts,
                .feature = feature,
                .schema = muster_facts_schema(verdicts_facts(verdicts)),
        };
        int r;

        if (!array || feature_drivers(feature, &e.drivers) < 0)
                return -ENOMEM;
        if (driver && e.drivers[0]) {
                strv_free(TAKE(e.drivers));
                e.drivers = calloc(1, sizeof(char *));
                if (!e.drivers || strv_append(&e.drivers, driver) < 0)
                        return -ENOMEM;
        }
        r = e.schema ? collect(&e) : 0;
        for (size_t i = 0; i < e.n_rows && r == 0; i++) {
                const Row *row = &e.rows[i];

                r = append(array, row->command, row, row->covered, row->reason, NULL);
                if (r == 0)
                        r = append_sharing(&e, array, row);
        }
        if (r < 0)
                return r;
        *ret = TAKE(array);
        return 0;
}
