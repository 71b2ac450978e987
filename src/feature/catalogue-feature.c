/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The features and faults of a catalogue file: each key puts its value into the feature at hand. */

#include <errno.h>
#include <stdarg.h>

#include "base/i18n.h"
#include "base/util.h"
#include "feature/catalogue-parser.h"

#define TIES_MAX    256
#define GOVERNS_MAX 32
#define LIBVIRT_MAX 32

void feature_clear(Feature *feature)
{
        for (size_t i = 0; i < feature->n_governs; i++)
                governs_clear(&feature->governs[i]);
        for (size_t i = 0; i < feature->n_ties; i++)
                tie_clear(&feature->ties[i]);
        free(feature->name);
        free(feature->summary);
        free(feature->since);
        free(feature->note);
        strv_free(feature->libvirt);
        free(feature->governs);
        free(feature->ties);
        free(feature->file);
        *feature = (Feature){0};
}

void catalogue_file_clear(CatalogueFile *file)
{
        for (size_t i = 0; i < file->n_features; i++)
                feature_clear(&file->features[i]);
        free(file->features);
        for (size_t i = 0; i < file->n_faults; i++)
                free(file->faults[i].message);
        free(file->faults);
        *file = (CatalogueFile){0};
}

static void add_fault(CatalogueParser *p, unsigned line, bool warning, char *message)
{
        CLEANUP(free) char *owned = message;

        if (!owned) {
                p->r = -ENOMEM;
                return;
        }
        if (!warning)
                p->out.n_errors++;
        if (p->out.n_faults >= CATALOGUE_FAULTS_MAX)
                return;
        if (p->out.n_faults == p->fault_room) {
                size_t room = p->fault_room ? p->fault_room * 2 : 8;
                CatalogueFault *grown = realloc(p->out.faults, room * sizeof(*grown));

                if (!grown) {
                        p->r = -ENOMEM;
                        return;
                }
                p->out.faults = grown;
                p->fault_room = room;
        }
        p->out.faults[p->out.n_faults++] = (CatalogueFault){line, warning, TAKE(owned)};
}

void catalogue_fault(CatalogueParser *p, unsigned line, bool warning, const char *format, ...)
{
        char *message;
        va_list args;
        int r;

        va_start(args, format);
        r = vasprintf(&message, format, args);
        va_end(args);
        add_fault(p, line, warning, r < 0 ? NULL : message);
}

/* Makes a fault of what a value's parser said, and the parser's own failure of anything else. */
static void value_fault(CatalogueParser *p, int r, const MusterError *error)
{
        if (r == -EINVAL)
                catalogue_fault(p, p->value_line, false, "%s", muster_error_message(error));
        else if (r < 0)
                p->r = r;
}

Feature *catalogue_current(CatalogueParser *p)
{
        return p->in_feature ? &p->out.features[p->out.n_features - 1] : NULL;
}

static void set_text(CatalogueParser *p, char **text)
{
        if (*text)
                catalogue_fault(p, p->value_line, false, _("The key \"%s\" is there twice."), p->key);
        else if (!*p->value)
                catalogue_fault(p, p->value_line, false, _("The key \"%s\" has no value."), p->key);
        else
                *text = TAKE(p->value);
}

static void set_summary(CatalogueParser *p, Feature *feature)
{
        set_text(p, &feature->summary);
}

static void set_since(CatalogueParser *p, Feature *feature)
{
        set_text(p, &feature->since);
}

static void set_note(CatalogueParser *p, Feature *feature)
{
        set_text(p, &feature->note);
}

static void add_libvirt(CatalogueParser *p, Feature *feature)
{
        CLEANUP(strv) char **names = NULL;

        if (strv_split(p->value, ", \t", &names) < 0) {
                p->r = -ENOMEM;
                return;
        }
        if (!names[0])
                catalogue_fault(p, p->value_line, false, _("The key \"%s\" has no value."), p->key);
        for (char **name = names; *name; name++) {
                if (!catalogue_libvirt_name_valid(*name) || strv_length(feature->libvirt) >= LIBVIRT_MAX) {
                        catalogue_fault(p, p->value_line, false,
                                        _("\"%s\" is no name of a flag, or one too many."), *name);
                        return;
                }
                if (strv_append(&feature->libvirt, *name) < 0)
                        p->r = -ENOMEM;
        }
}

static void add_governs(CatalogueParser *p, Feature *feature)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        Governs governs, *grown;
        int r;

        if (feature->n_governs >= GOVERNS_MAX) {
                catalogue_fault(p, p->value_line, false, _("A feature has at most %d lines \"%s\"."),
                                GOVERNS_MAX, p->key);
                return;
        }
        r = governs_parse(p->value, &governs, &error);
        if (r < 0) {
                value_fault(p, r, error);
                return;
        }
        grown = realloc(feature->governs, (feature->n_governs + 1) * sizeof(*grown));
        if (!grown) {
                governs_clear(&governs);
                p->r = -ENOMEM;
                return;
        }
        feature->governs = grown;
        feature->governs[feature->n_governs++] = governs;
}

static void add_any_tie(CatalogueParser *p, Feature *feature, bool bad)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        Tie tie, *grown;
        int r;

        if (feature->n_ties >= TIES_MAX) {
                catalogue_fault(p, p->value_line, false, _("A feature has at most %d ties."), TIES_MAX);
                return;
        }
        r = tie_parse(p->value, &tie, &error);
        if (r < 0) {
                value_fault(p, r, error);
                return;
        }
        tie.bad = bad;
        tie.line = p->value_line;
        grown = realloc(feature->ties, (feature->n_ties + 1) * sizeof(*grown));
        if (!grown) {
                tie_clear(&tie);
                p->r = -ENOMEM;
                return;
        }
        feature->ties = grown;
        feature->ties[feature->n_ties++] = tie;
}

static void add_tie(CatalogueParser *p, Feature *feature)
{
        add_any_tie(p, feature, false);
}

static void add_bad(CatalogueParser *p, Feature *feature)
{
        add_any_tie(p, feature, true);
}

static const struct {
        const char *name;
        void (*set)(CatalogueParser *p, Feature *feature);
} keys[] = {
        {"summary", set_summary}, {"governs", add_governs}, {"tie", add_tie},         {"bad", add_bad},
        {"since", set_since},     {"note", set_note},       {"libvirt", add_libvirt},
};

static void set_value(CatalogueParser *p)
{
        Feature *feature = catalogue_current(p);

        if (!feature) {
                catalogue_fault(p, p->value_line, false,
                                _("The key \"%s\" stands before the first [feature]."), p->key);
                return;
        }
        for (size_t i = 0; i < ELEMENTSOF(keys); i++)
                if (streq(keys[i].name, p->key)) {
                        keys[i].set(p, feature);
                        return;
                }
        catalogue_fault(p, p->value_line, false,
                        _("\"%s\" is no key; there are: summary, governs, tie, bad, since, note, libvirt."),
                        p->key);
}

void catalogue_flush(CatalogueParser *p)
{
        if (p->key && p->value && p->r == 0)
                set_value(p);
        free(TAKE(p->key));
        free(TAKE(p->value));
}

static void lint_drivers(CatalogueParser *p, const Feature *feature, const Governs *governs)
{
        for (size_t i = 0; i < feature->n_ties; i++) {
                size_t size;
                const char *driver = tie_foreign_driver(&feature->ties[i], governs, &size);

                if (driver)
                        catalogue_fault(p, feature->ties[i].line, true,
                                        _("The tie speaks of +%.*s, which \"governs = %s\" does not name as "
                                          "a driver."),
                                        (int)size, driver, governs->command);
        }
}

void catalogue_finish(CatalogueParser *p)
{
        Feature *feature;
        bool tied = false;

        catalogue_flush(p);
        feature = catalogue_current(p);
        if (!feature || p->r < 0)
                return;
        for (size_t i = 0; i < feature->n_ties; i++)
                tied = tied || !feature->ties[i].bad;
        if (!feature->summary)
                catalogue_fault(p, feature->line, false, _("The feature \"%s\" has no summary."),
                                feature->name);
        if (!tied)
                catalogue_fault(p, feature->line, false,
                                _("The feature \"%s\" has no tie, so nothing could show it."),
                                feature->name);
        if (!feature->since)
                catalogue_fault(p, feature->line, true,
                                _("The feature \"%s\" does not say since when (since = …)."), feature->name);
        for (size_t i = 0; i < feature->n_governs; i++)
                lint_drivers(p, feature, &feature->governs[i]);
}

bool catalogue_looks_like_key(const char *text)
{
        for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
                const char *rest = startswith(text, keys[i].name);

                if (rest && rest[strspn(rest, " \t")] == '=')
                        return true;
        }
        return false;
}

int catalogue_file_error(const CatalogueFile *file, const char *name, MusterError **ret_error)
{
        for (size_t i = 0; i < file->n_faults; i++)
                if (!file->faults[i].warning)
                        return error_set(ret_error, -EBADMSG, "%s:%u: %s", name, file->faults[i].line,
                                         file->faults[i].message);
        /* The faults that were kept are all warnings. */
        return error_set(ret_error, -EBADMSG, _("%s has %zu errors; \"muster catalogue check\" lists them."),
                         name, file->n_errors);
}
