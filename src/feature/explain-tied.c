/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The entities of the schema that a feature's ties lead to. */

#include <errno.h>

#include "base/util.h"
#include "feature/explain.h"

typedef struct TiedList {
        const MusterSchema *schema;
        const Feature *feature;
        char *const *drivers;
        Tied *tied;
        size_t n_tied;
} TiedList;

Tied *tied_free(Tied *tied, size_t n)
{
        for (size_t i = 0; i < n; i++)
                free(tied[i].place);
        free(tied);
        return NULL;
}

static int add_tied(TiedList *list, const Tie *tie, const char *driver, const SchemaHit *hit,
                    const char *place, bool met)
{
        const SchemaEntity *entity = schema_entity(list->schema, hit->entity);
        Tied tied = {.tie = tie, .entity = hit->entity, .met = met, .driver = driver}, *grown;

        if (!entity || entity->meta == SCHEMA_BUILTIN || hit->kind == SCHEMA_HIT_JSON_TYPE)
                return 0;
        for (size_t i = 0; i < list->n_tied; i++)
                if (list->tied[i].entity == tied.entity && list->tied[i].met == tied.met &&
                    list->tied[i].driver == driver)
                        return 0;
        grown = reallocarray(list->tied, list->n_tied + 1, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        list->tied = grown;
        tied.place = strdup(place);
        if (!tied.place)
                return -ENOMEM;
        list->tied[list->n_tied++] = tied;
        return 0;
}

/* The last entry that stands on the way of an unmet path. */
static int add_parent(TiedList *list, const Tie *tie, const char *driver, const SchemaPath *path)
{
        CLEANUP(SchemaPath) SchemaPath *parent = NULL;
        CLEANUP(free) char *text = NULL, *prefix = NULL;
        SchemaHit hit;
        size_t met;
        int r;

        r = schema_path_explain(list->schema, path, &met, &text);
        if (r < 0)
                return r;
        prefix = strndup(schema_path_text(path), met);
        if (!prefix)
                return -ENOMEM;
        while (met > 0 && prefix[met - 1] == '/')
                prefix[--met] = '\0';
        if (met == 0)
                return 0;
        r = schema_path_parse(prefix, &parent, NULL);
        if (r == 0)
                r = schema_path_eval(list->schema, parent, &hit);
        if (r == 1)
                return add_tied(list, tie, driver, &hit, prefix, false);
        return r == -ENOMEM ? r : 0;
}

static int add_path(TiedList *list, const Tie *tie, const char *driver, const SchemaPath *path)
{
        SchemaHit hit;
        int r;

        r = schema_path_eval(list->schema, path, &hit);
        if (r < 0)
                return r;
        return r > 0 ? add_tied(list, tie, driver, &hit, schema_path_text(path), true)
                     : add_parent(list, tie, driver, path);
}

static int add_tie(TiedList *list, const Tie *tie, const char *driver)
{
        for (size_t i = 0; i < tie->n_paths; i++) {
                CLEANUP(SchemaPath) SchemaPath *changed = NULL;
                int r;

                r = tie_path_for_driver(tie->paths[i], list->feature, driver, &changed);
                if (r < 0)
                        return r;
                r = add_path(list, tie, r > 0 ? driver : NULL, changed ? changed : tie->paths[i]);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int add_feature(TiedList *list)
{
        int r = 0;

        for (size_t i = 0; i < list->feature->n_ties; i++) {
                const Tie *tie = &list->feature->ties[i];

                if (tie->kind != TIE_SCHEMA || tie->bad)
                        continue;
                if (!list->drivers[0])
                        r = add_tie(list, tie, NULL);
                for (char *const *driver = list->drivers; *driver && r == 0; driver++)
                        r = add_tie(list, tie, *driver);
                if (r < 0)
                        return r;
        }
        return 0;
}

int explain_tied(const MusterSchema *schema, const Feature *feature, char *const *drivers, Tied **ret,
                 size_t *ret_n)
{
        TiedList list = {.schema = schema, .feature = feature, .drivers = drivers};
        bool any_met = false;
        size_t n = 0;
        int r;

        r = add_feature(&list);
        if (r < 0) {
                tied_free(list.tied, list.n_tied);
                return r;
        }
        for (size_t i = 0; i < list.n_tied; i++)
                any_met = any_met || list.tied[i].met;
        for (size_t i = 0; i < list.n_tied; i++)
                if (list.tied[i].met == any_met)
                        list.tied[n++] = list.tied[i];
                else
                        free(list.tied[i].place);
        *ret = list.tied;
        *ret_n = n;
        return 0;
}
