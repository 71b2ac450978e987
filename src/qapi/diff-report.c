/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "qapi/diff-report.h"

#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "base/util.h"

/* Pairs and edges to look at in search of the `also`; 5.2 against 11.1 takes half a million. */
#define ALSO_BUDGET 20000000
/* Of all paths together; 50 kB for 5.2 against 11.1. A long name that leads to many others grows by squares.
 */
#define TEXT_MAX (64U * 1024 * 1024)

#define ALSO_MAX 1000

void diff_report_done(DiffReport *report)
{
        for (size_t i = 0; i < report->n_found; i++) {
                free(report->found[i].path);
                free(report->found[i].from);
                free(report->found[i].to);
        }
        free(report->found);
        *report = (DiffReport){0};
}

static int reserve(DiffReport *report)
{
        size_t wanted = report->allocated ? 2 * report->allocated : 256;
        Difference *grown;

        if (report->n_found < report->allocated)
                return 0;
        grown = reallocarray(report->found, wanted, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        report->found = grown;
        report->allocated = wanted;
        return 0;
}

int diff_report_add(DiffReport *report, uint32_t pair, const char *change, const char *kind, char *path,
                    char *from, char *to)
{
        int r = path ? reserve(report) : -ENOMEM;

        if (r >= 0) {
                report->size += strlen(path) + (from ? strlen(from) : 0) + (to ? strlen(to) : 0) +
                                sizeof(*report->found);
                r = report->size > TEXT_MAX ? -E2BIG : 0;
        }
        if (r < 0) {
                free(path);
                free(from);
                free(to);
                return r;
        }
        report->found[report->n_found] = (Difference){path, change, kind, from, to, pair, report->n_found};
        report->n_found++;
        return 0;
}

static int compare_differences(const void *a, const void *b)
{
        const Difference *x = a, *y = b;
        int order = strcmp(x->path, y->path);

        return order ? order : (x->order > y->order) - (x->order < y->order);
}

static int add_root_name(const DiffPair *root, void *userdata)
{
        /* No QEMU has as many commands and events. */
        return strv_length(*(char ***)userdata) < ALSO_MAX ? strv_append(userdata, root->step) : -E2BIG;
}

static int compare_strings(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The roots that lead to the difference, but for the one its path begins with. */
static int put_also(DiffReport *report, const DiffGraph *graph, const Difference *difference, size_t *budget,
                    json_object *out)
{
        CLEANUP(strv) char **roots = NULL;
        json_object *array;
        int r;

        if (difference->pair == SCHEMA_NONE || graph->pairs[difference->pair].parent == SCHEMA_NONE)
                return 0;
        r = diff_graph_roots(graph, difference->pair, budget, add_root_name, &roots);
        if (r < 0)
                return r == -E2BIG ? 0 : r;
        if (strv_length(roots) < 2)
                return 0;
        qsort(roots, strv_length(roots), sizeof(*roots), compare_strings);
        array = json_object_new_array();
        r = json_add(out, "also", array);
        for (char **root = roots; r >= 0 && *root; root++) {
                const char *rest = startswith(difference->path, *root);

                report->size += strlen(*root);
                if (report->size > TEXT_MAX)
                        return -E2BIG;
                if (!rest || *rest != '/')
                        r = json_append_string(array, *root);
        }
        return r;
}

static int put_difference(DiffReport *report, const DiffGraph *graph, const Difference *difference,
                          size_t *budget, json_object *array)
{
        json_object *out = json_object_new_object();
        int r = json_append(array, out);

        if (r >= 0)
                r = json_add_string(out, "path", difference->path);
        if (r >= 0)
                r = json_add_string(out, "change", difference->change);
        if (r >= 0)
                r = json_add_string(out, "kind", difference->kind);
        if (r >= 0 && difference->from)
                r = json_add_string(out, "from", difference->from);
        if (r >= 0 && difference->to)
                r = json_add_string(out, "to", difference->to);
        return r < 0 ? r : put_also(report, graph, difference, budget, out);
}

int diff_report_to_text(DiffReport *report, const DiffGraph *graph, char **ret_text)
{
        CLEANUP(json) json_object *array = json_object_new_array();
        size_t budget = ALSO_BUDGET;
        char *text;
        int r = array ? 0 : -ENOMEM;

        if (report->n_found > 0)
                qsort(report->found, report->n_found, sizeof(*report->found), compare_differences);
        for (size_t i = 0; r >= 0 && i < report->n_found; i++)
                r = put_difference(report, graph, report->found + i, &budget, array);
        if (r < 0)
                return r;
        text = json_to_text(array);
        if (!text)
                return -ENOMEM;
        *ret_text = text;
        return 0;
}
