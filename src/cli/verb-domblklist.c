/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/i18n.h"
#include "base/util.h"
#include "cli/remote.h"
#include "cli/table.h"
#include "cli/verbs.h"

static const Option option_details = {
        .name = "details",
        .help = N_("the images below, too"),
};

static int add(Table *table, const char *target, const char *source)
{
        return table_add(table, (const char *const[]){target, source && *source ? source : "-"},
                         /* styled= */ 2, STYLE_PLAIN);
}

static const char *file_of(const json_object *image)
{
        return json_get_string(image, "file") ?: json_get_string(image, "filename");
}

/* {"vda": [the images from the top down]} */
static int add_chains(Table *table, const json_object *disks, bool details)
{
        int r = 0;

        json_object_object_foreach (disks, target, chain) {
                size_t n = json_object_is_type(chain, json_type_array) ? json_object_array_length(chain) : 0;

                if (n == 0)
                        r = r < 0 ? r : add(table, target, NULL);
                for (size_t i = 0; r >= 0 && i < (details ? n : n > 0); i++)
                        r = add(table, i == 0 ? target : "", file_of(json_object_array_get_idx(chain, i)));
        }
        return r;
}

static int add_disks(Table *table, const json_object *disks)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < json_object_array_length(disks); i++) {
                const json_object *disk = json_object_array_get_idx(disks, i);

                r = add(table, json_get_string(disk, "target") ?: "?", file_of(disk));
        }
        return r;
}

static int act(Client *client, const Invocation *invocation, MusterError **ret_error)
{
        const char *const headers[] = {_("Target"), _("Source")};
        CLEANUP(Table) Table *table = table_new(headers, ELEMENTSOF(headers));
        bool details = option_given(invocation, &option_details);
        CLEANUP(json) json_object *answer = NULL;
        json_object *chains, *disks;
        CLEANUP(free) char *text = NULL;
        int r;

        r = remote_call(client, "GET", remote_path(invocation, "disks", NULL), NULL, &answer, ret_error);
        if (r < 0)
                return r;
        if (option_given(invocation, &option_json))
                return say_json(answer, ret_error);
        chains = json_get(answer, "disks", json_type_object);
        disks = json_get(answer, "disks", json_type_array);
        if (!table || (chains && add_chains(table, chains, details) < 0) ||
            (disks && add_disks(table, disks) < 0))
                return error_oom(ret_error);
        text = table_to_ruled_text(table, output_coloured());
        if (!text)
                return error_oom(ret_error);
        say_raw(text);
        return EXIT_OK;
}

static int run(Invocation *invocation, MusterError **ret_error)
{
        return remote_run(invocation, act, ret_error);
}

static const Option *const options[] = {&option_details, REMOTE_OPTIONS, NULL};

const Verb verb_domblklist = {
        .name = "domblklist",
        .arguments = N_("DOMAIN"),
        .summary = N_("list a domain's disks"),
        .about = N_("The target, by which other verbs name it, and the image that is written; "
                    "with --details also the images below.\n"
                    "Exits with 0, 1 if the daemon refuses it (no such domain, not in that "
                    "state), 2 on an error."),
        .example = "muster domblklist guest",
        .min_arguments = 1,
        .max_arguments = 1,
        .options = options,
        .complete = COMPLETE_DOMAIN,
        .run = run,
};
