/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "cli/remote.h"
#include "cli/verbs.h"

static const Option option_eject = {
        .name = "eject",
        .help = N_("take the medium out"),
};

static const Option option_insert = {
        .name = "insert",
        .help = N_("put one in"),
};

static const Option option_update = {
        .name = "update",
        .help = N_("put another one in"),
};

static const Option option_block = {
        .name = "block",
        .help = N_("SOURCE is a block device"),
};

static const Option option_force = {
        .name = "force",
        .help = N_("even if the guest has locked the drive"),
};

static char *drive_xml(const Invocation *invocation, const char *source)
{
        const char *target = invocation->arguments[1];
        bool block = option_given(invocation, &option_block);
        char *text = NULL;
        size_t size;
        FILE *file = open_memstream(&text, &size);

        if (!file)
                return NULL;
        fprintf(file, "<disk type='%s' device='%s'>", block ? "block" : "file",
                startswith(target, "fd") ? "floppy" : "cdrom");
        if (source) {
                fprintf(file, "<source %s='", block ? "dev" : "file");
                remote_put_xml(file, source);
                fputs("'/>", file);
        }
        fputs("<target dev='", file);
        remote_put_xml(file, target);
        fputs("'/></disk>", file);
        if (fclose(file) != 0) {
                free(text);
                return NULL;
        }
        return text;
}

static const char *what_was_done(const Invocation *invocation)
{
        if (option_given(invocation, &option_eject))
                return _("Successfully ejected media.");
        return option_given(invocation, &option_insert) ? _("Successfully inserted media.")
                                                        : _("Successfully updated media.");
}

static int act(Client *client, const Invocation *invocation, MusterError **ret_error)
{
        bool eject = option_given(invocation, &option_eject);
        CLEANUP(free)
        char *source = invocation->n_arguments > 2 ? remote_file(invocation->arguments[2]) : NULL,
             *text = NULL;
        CLEANUP(json) json_object *answer = NULL;
        int r;

        if (eject == (invocation->n_arguments > 2))
                return error_set(ret_error, -EINVAL, _("Give either the medium's file, or --eject."));
        text = drive_xml(invocation, source);
        if (!text)
                return error_oom(ret_error);
        r = remote_send_device(client, invocation, "PUT", text, &answer, ret_error);
        return r < 0 ? r
                     : remote_done(client, invocation, answer, what_was_done(invocation), NULL, ret_error);
}

static int run(Invocation *invocation, MusterError **ret_error)
{
        return remote_run(invocation, act, ret_error);
}

static const Option *const options[] = {&option_eject, &option_insert, &option_update, &option_block,
                                        &option_force, REMOTE_WHERE,   REMOTE_OPTIONS, NULL};

const Verb verb_change_media = {
        .name = "change-media",
        .group = VERB_GROUP_DEVICES,
        .arguments = N_("DOMAIN TARGET [SOURCE]"),
        .summary = N_("change the medium of a CD-ROM or floppy drive"),
        .about = N_("Inserts SOURCE, in place of what is in there, or with --eject ejects "
                    "that. By default it changes the guest if it runs, else the definition.\n"
                    "Exits with 0, 1 if the daemon refuses it (no such domain, not in that "
                    "state), 2 on an error."),
        .example = "muster change-media guest sda --eject",
        .min_arguments = 2,
        .max_arguments = 3,
        .options = options,
        .complete = COMPLETE_DOMAIN_FILE,
        .run = run,
};
