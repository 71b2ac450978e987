/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/generate.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "cli/output.h"
#include "cli/remote.h"

#define COMPLETE_USEC (2 * USEC_PER_SEC)

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

/* Nothing is started for it, and an answer that takes long comes too late. */
static int complete_domains(MusterError **ret_error)
{
        CLEANUP(Client) Client *client = NULL;
        CLEANUP(json) json_object *domains = NULL;
        int r;

        r = client_new(/* address= */ NULL, /* session= */ false, &client, ret_error);
        if (r < 0)
                return r;
        client->may_start = false;
        client->usec = COMPLETE_USEC;
        r = remote_domains(client, &domains, ret_error);
        for (size_t i = 0; r >= 0 && i < json_object_array_length(domains); i++)
                say("%s\n", json_get_string(json_object_array_get_idx(domains, i), "name") ?: "");
        return r;
}

int complete(const char *what, MusterError **ret_error)
{
        if (streq(what, "feature"))
                return complete_features(ret_error);
        if (streq(what, "emulator"))
                return complete_emulators(ret_error);
        if (streq(what, "domain"))
                return complete_domains(ret_error);
        return error_set(ret_error, -EINVAL,
                         _("'%s' cannot be completed; give domain, feature or emulator."), what);
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
