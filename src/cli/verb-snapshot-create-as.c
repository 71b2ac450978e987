/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "cli/remote.h"
#include "cli/verbs.h"

static const Option option_disk_only = {
        .name = "disk-only",
        .help = N_("the disks, and not the memory"),
};

static const Option option_diskspec = {
        .name = "diskspec",
        .argument = N_("DISKSPEC"),
        .help = N_("a disk's target, and the image on which it goes on: "
                   "vda,file=PATH[,driver=qcow2]; a comma in a value is doubled"),
        .repeat = true,
};

static const Option option_reuse = {
        .name = "reuse-external",
        .help = N_("the images are there already, made by someone who knows what is below them"),
};

static const Option option_atomic = {
        .name = "atomic",
        .help = N_("all disks or none, as always"),
};

static const Option option_no_metadata = {
        .name = "no-metadata",
        .help = N_("keep nothing but the images, as always"),
};

/* "vda,file=PATH,driver=qcow2": a comma in a value is doubled. */
static int parse_member(json_object *disk, const char *text, bool first, bool *ret_skip,
                        MusterError **ret_error)
{
        const char *value = startswith(text, "file=") ?: startswith(text, "source=");
        CLEANUP(free) char *file = value ? remote_file(value) : NULL;

        if (first)
                return json_add_string(disk, "target", text);
        if (value)
                return file ? json_add_string(disk, "file", file) : -ENOMEM;
        value = startswith(text, "driver=") ?: startswith(text, "format=");
        if (value)
                return json_add_string(disk, "format", value);
        if (streq(text, "snapshot=no"))
                *ret_skip = true;
        else if (streq(text, "stype=block"))
                return json_add_bool(disk, "block", true);
        else if (!streq(text, "snapshot=external") && !streq(text, "stype=file"))
                return error_set(
                        ret_error, -EINVAL,
                        _("'%s' is not known in --diskspec; give TARGET,file=PATH[,driver=FORMAT]."), text);
        return 0;
}

/* Cuts `text` at commas in place; NULL at the end. */
static char *next_member(char **text)
{
        char *start = *text, *from, *to;

        if (!start)
                return NULL;
        for (from = to = start; *from; *to++ = *from++) {
                if (*from != ',')
                        continue;
                if (from[1] != ',')
                        break;
                from++;
        }
        *text = *from ? from + 1 : NULL;
        *to = '\0';
        return start;
}

static int add_disk(json_object *disks, bool reuse, const char *spec, MusterError **ret_error)
{
        CLEANUP(json) json_object *disk = body_new();
        CLEANUP(free) char *copy = strdup(spec);
        char *rest = copy, *member;
        bool first = true, skip = false;
        int r = 0;

        if (!disk || !copy || (reuse && json_add_bool(disk, "reuse", true) < 0))
                return error_oom(ret_error);
        for (; r >= 0 && (member = next_member(&rest)); first = false)
                r = parse_member(disk, member, first, &skip, ret_error);
        if (r == -ENOMEM)
                return error_oom(ret_error);
        return r < 0 || skip ? r : json_append(disks, TAKE(disk));
}

/* NULL with an error set. */
static json_object *make_body(const Invocation *invocation, MusterError **ret_error)
{
        CLEANUP(json) json_object *body = body_new(), *disks = json_object_new_array();
        bool reuse = option_given(invocation, &option_reuse);
        const char *spec;
        size_t cursor = 0;

        if (invocation->n_arguments > 1)
                body = body_text(body, "name", invocation->arguments[1]);
        if (!body || !disks)
                return error_oom(ret_error), NULL;
        while ((spec = option_next(invocation, &option_diskspec, &cursor)))
                if (add_disk(disks, reuse, spec, ret_error) < 0)
                        return NULL;
        if (json_object_array_length(disks) == 0) {
                error_set(ret_error, -EINVAL,
                          _("Name the disks, and where they go on: --diskspec vda,file=PATH."));
                return NULL;
        }
        return json_add(body, "disks", TAKE(disks)) < 0 ? (error_oom(ret_error), NULL) : TAKE(body);
}

static int act(Client *client, const Invocation *invocation, MusterError **ret_error)
{
        const char *name = invocation->n_arguments > 1 ? invocation->arguments[1] : NULL;
        CLEANUP(json) json_object *answer = NULL;
        json_object *body;
        int r;

        if (!option_given(invocation, &option_disk_only))
                return error_set(ret_error, -EOPNOTSUPP,
                                 _("Only disks can be taken a snapshot of; give --disk-only, or see 'save' "
                                   "for the guest's memory."));
        body = make_body(invocation, ret_error);
        if (!body)
                return -EINVAL;
        r = remote_call(client, "POST", remote_path(invocation, "snapshots", NULL), body, &answer,
                        ret_error);
        return r < 0 ? r
                     : remote_done(client, invocation, answer,
                                   name ? _("Domain snapshot %s created") : _("Domain snapshot created"),
                                   name, ret_error);
}

static int run(Invocation *invocation, MusterError **ret_error)
{
        return remote_run(invocation, act, ret_error);
}

static const Option *const options[] = {&option_disk_only,   &option_diskspec, &option_reuse, &option_atomic,
                                        &option_no_metadata, REMOTE_OPTIONS,   NULL};

const Verb verb_snapshot_create_as = {
        .name = "snapshot-create-as",
        .group = VERB_GROUP_DEVICES,
        .arguments = N_("DOMAIN [NAME]"),
        .summary = N_("let a guest's disks go on in new images"),
        .about = N_("Makes an image on top of each disk that is named by --diskspec, all at "
                    "the same moment; what was written before stays as it is, and can be "
                    "copied. 'blockcommit --active --pivot' undoes it. Of snapshots only the "
                    "disks are taken (--disk-only), and nothing is kept of them but the "
                    "images.\n"
                    "Exits with 0, 1 if the daemon refuses it (no such domain, not in that "
                    "state), 2 on an error."),
        .example = "muster snapshot-create-as guest before-update --disk-only --diskspec "
                   "vda,file=/var/lib/images/guest.1.qcow2",
        .min_arguments = 1,
        .max_arguments = 2,
        .options = options,
        .complete = COMPLETE_DOMAIN,
        .run = run,
};
