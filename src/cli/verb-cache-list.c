/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "cli/cache.h"
#include "cli/evidence.h"
#include "cli/table.h"
#include "cli/verbs.h"

/* The paths, or why none leads there now. */
static char *describe_state(json_object *record)
{
        json_object *paths = json_get(record, "paths", json_type_array), *path;
        CLEANUP(json) json_object *valid = json_object_new_array();

        for (size_t i = 0; valid && (path = array_object(paths, i)); i++)
                if (json_get_bool(path, "valid", false) &&
                    json_append_string(valid, json_get_string(path, "path") ?: "?") < 0)
                        return NULL;
        if (!valid)
                return NULL;
        if (json_object_array_length(valid) > 0)
                return join_strings(valid);
        return strdup(json_get_string(record, "why") ?: json_get_string(record, "damaged") ?: "");
}

static int add_record(Table *table, json_object *record)
{
        bool valid = json_get_bool(record, "valid", false);
        CLEANUP(free) char *digest = NULL, *size = NULL, *created = NULL, *used = NULL, *state = NULL;

        digest = text_format("%.12s", json_get_string(record, "digest") ?: "?");
        size = text_of_size(json_get_int(record, "size", 0));
        created = text_of_age(json_get_int(record, "created", 0));
        used = text_of_age(json_get_int(record, "used", 0));
        state = describe_state(record);
        if (!digest || !size || !created || !used || !state)
                return -ENOMEM;
        return table_add(table,
                         (const char *const[]){digest, json_get_string(record, "name") ?: "?",
                                               json_get_string(record, "version") ?: "?", size, created,
                                               used, valid ? _("valid") : _("not now"), state},
                         /* styled= */ 6, valid ? STYLE_GOOD : STYLE_OPEN);
}

static int add_failure(Table *table, json_object *entry, json_object *failure)
{
        CLEANUP(free) char *digest = NULL, *size = NULL, *created = NULL, *message = NULL;
        const char *path = json_get_string(failure, "path") ?: "?", *slash = strrchr(path, '/');

        digest = text_format("%.12s", json_get_string(entry, "digest") ?: "-");
        size = text_of_size(json_get_int(entry, "size", 0));
        created = text_of_age(json_get_int(entry, "created", 0));
        message = text_clean(json_get_string(failure, "message") ?: "?");
        if (!digest || !size || !created || !message)
                return -ENOMEM;
        return table_add(table,
                         (const char *const[]){digest, slash ? slash + 1 : path, "-", size, created, "-",
                                               _("failed"), message},
                         /* styled= */ 6, STYLE_BAD);
}

static int say_total(const char *directory, json_object *array, MusterError **ret_error)
{
        CLEANUP(free) char *size = NULL;
        unsigned long records = 0;
        json_object *entry;
        int64_t bytes = 0;

        for (size_t i = 0; (entry = array_object(array, i)); i++) {
                records += !json_get(entry, "failure", json_type_object);
                bytes += json_get_int(entry, "size", 0);
        }
        size = text_of_size(bytes);
        if (!size)
                return error_oom(ret_error);
        say_styled(STYLE_DIM, P_("%lu record, %s in %s\n", "%lu records, %s in %s\n", records), records,
                   size, directory);
        return EXIT_OK;
}

static int say_table(const char *directory, json_object *array, MusterError **ret_error)
{
        const char *const headers[] = {_("DIGEST"),  _("EMULATOR"), _("VERSION"), _("SIZE"),
                                       _("CREATED"), _("USED"),     _("STATE"),   _("PATHS")};
        CLEANUP(Table) Table *table = table_new(headers, ELEMENTSOF(headers));
        CLEANUP(free) char *text = NULL;
        json_object *entry;

        for (size_t i = 0; table && (entry = array_object(array, i)); i++) {
                json_object *failure = json_get(entry, "failure", json_type_object);

                if ((failure ? add_failure(table, entry, failure) : add_record(table, entry)) < 0)
                        return error_oom(ret_error);
        }
        text = table ? table_to_text(table, output_width(), output_coloured()) : NULL;
        if (!text)
                return error_oom(ret_error);
        if (json_object_array_length(array) > 0)
                say_raw(text);
        return say_total(directory, array, ret_error);
}

static int run(Invocation *invocation, MusterError **ret_error)
{
        CLEANUP(store) MusterStore *store = NULL;
        CLEANUP(json) json_object *array = NULL;
        CLEANUP(free) char *directory = NULL, *text = NULL;
        const char *answer;
        int r;

        r = cache_open_existing(&store, &directory, ret_error);
        if (r >= 0 && store)
                r = muster_store_list(store, &text, ret_error);
        if (r < 0)
                return r;
        answer = text ?: NOTHING_LISTED;
        if (option_given(invocation, &option_json))
                return say_json_text(answer, ret_error);
        if (json_parse(answer, strlen(answer), &array) < 0)
                return error_oom(ret_error);
        return say_table(directory, array, ret_error);
}

const Verb verb_cache_list = {
        .name = "cache list",
        .group = VERB_GROUP_STORE,
        .summary = N_("list what is stored about emulators"),
        .about = N_("Lists every record: which emulator, how large, when it was made and last used, and "
                    "whether a path leads to it now; where none does, why. Emulators that could not be "
                    "probed are listed too, with the reason. With --json it is an array.\n"
                    "The cache is in MUSTER_CACHE_DIR, else in /var/cache/muster for root and in "
                    "XDG_CACHE_HOME/muster for others.\n"
                    "Exits with 0, or 2 on an error."),
        .example = "muster cache list",
        .run = run,
};
