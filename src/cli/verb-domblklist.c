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

/* {"vda": {"images": [from the top down]}} */
static int add_disk(Table *table, const char *target, const json_object *disk, bool details)
{
        json_object *images = json_get(disk, "images", json_type_array);
        size_t n = images ? json_object_array_length(images) : 0;
        int r;

        r = add(table, target, n > 0 ? file_of(json_object_array_get_idx(images, 0)) : NULL);
        for (size_t i = 1; r >= 0 && details && i < n; i++)
                r = add(table, "", file_of(json_object_array_get_idx(images, i)));
        return r;
}

static int add_disks(Table *table, json_object *disks, bool details)
{
        json_object_object_foreach (disks, target, disk) {
                int r = add_disk(table, target, disk, details);

                if (r < 0)
                        return r;
        }
        return 0;
}

static int act(Client *client, const Invocation *invocation, MusterError **ret_error)
{
        const char *const headers[] = {_("Target"), _("Source")};
        CLEANUP(Table) Table *table = table_new(headers, ELEMENTSOF(headers));
        bool details = option_given(invocation, &option_details);
        CLEANUP(json) json_object *answer = NULL;
        json_object *disks;
        CLEANUP(free) char *text = NULL;
        int r;

        r = remote_call(client, "GET", remote_path(invocation, "disks", NULL), NULL, &answer, ret_error);
        if (r < 0)
                return r;
        if (option_given(invocation, &option_json))
                return say_json(answer, ret_error);
        disks = json_get(answer, "disks", json_type_object);
        if (!table || (disks && add_disks(table, disks, details) < 0))
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
        .group = VERB_GROUP_DEVICES,
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
