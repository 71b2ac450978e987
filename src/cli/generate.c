/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/generate.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "cli/output.h"

int generate(const char *what, MusterError **ret_error)
{
        static const struct {
                const char *name;
                void (*generate)(void);
        } generators[] = {
                {"man", generate_man},
                {"bash", generate_bash},
                {"zsh", generate_zsh},
                {"fish", generate_fish},
        };

        for (size_t i = 0; i < ELEMENTSOF(generators); i++)
                if (streq(generators[i].name, what)) {
                        generators[i].generate();
                        return 0;
                }
        return error_set(ret_error, -EINVAL, _("'%s' cannot be generated; give man, bash, zsh or fish."),
                         what);
}

static void cleanup_catalogue(MusterCatalogue **catalogue)
{
        muster_catalogue_unref(*catalogue);
}

static int complete_features(MusterError **ret_error)
{
        CLEANUP(catalogue) MusterCatalogue *catalogue = NULL;
        const char *name;
        int r;

        r = muster_catalogue_new(&catalogue, ret_error);
        for (size_t i = 0; r >= 0 && (name = muster_catalogue_feature(catalogue, i)); i++)
                say("%s\n", name);
        return r;
}

static int complete_emulators(MusterError **ret_error)
{
        CLEANUP(strv) char **paths = NULL;
        int r;

        r = muster_emulators_find(&paths, ret_error);
        for (char **path = paths; r >= 0 && path && *path; path++)
                say("%s\n", *path);
        return r;
}

int complete(const char *what, MusterError **ret_error)
{
        if (streq(what, "feature"))
                return complete_features(ret_error);
        if (streq(what, "emulator"))
                return complete_emulators(ret_error);
        return error_set(ret_error, -EINVAL, _("'%s' cannot be completed; give feature or emulator."), what);
}

char *without_quotes(const char *text)
{
        char *copy = strdup(text);

        for (char *c = copy; c && *c; c++)
                if (strchr("'\"`[]\\:$", *c))
                        *c = ' ';
        return copy;
}

char **first_words(void)
{
        CLEANUP(strv) char **words = NULL;

        for (const Verb *const *verb = verbs; *verb; verb++) {
                CLEANUP(free) char *word = strndup((*verb)->name, strcspn((*verb)->name, " "));

                if (!word || (!strv_contains(words, word) && strv_append(&words, word) < 0))
                        return NULL;
        }
        return TAKE(words);
}
