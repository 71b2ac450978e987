/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>

#include "base/i18n.h"
#include "base/util.h"
#include "cli/cache.h"
#include "cli/output.h"
#include "cli/verbs.h"

static int open_input(const char *path, int *ret_fd, MusterError **ret_error)
{
        if (path && !streq(path, "-")) {
                *ret_fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
                return *ret_fd < 0 ? error_errno(ret_error, -errno, _("%s cannot be read"), path) : 0;
        }
        if (isatty(STDIN_FILENO))
                return error_set(ret_error, -EINVAL,
                                 _("An archive is expected on standard input; redirect it, as in 'muster "
                                   "cache import < records.tar', or name a file."));
        *ret_fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
        return *ret_fd < 0 ? error_errno(ret_error, -errno, _("Standard input cannot be used")) : 0;
}

static int run(Invocation *invocation, MusterError **ret_error)
{
        const char *path = invocation->n_arguments > 0 ? invocation->arguments[0] : NULL;
        CLEANUP(store) MusterStore *store = NULL;
        CLEANUP(json) json_object *report = NULL;
        CLEANUP(free) char *text = NULL;
        CLEANUP(fd) int fd = -1;
        int r;

        r = cache_open(&store, ret_error);
        if (r >= 0)
                r = open_input(path, &fd, ret_error);
        if (r >= 0)
                r = muster_store_import(store, fd, &text, ret_error);
        if (r < 0)
                return r;
        if (option_given(invocation, &option_json))
                return say_json_text(text, ret_error);
        if (json_parse(text, strlen(text), &report) < 0)
                return error_oom(ret_error);
        say(_("%lld imported, %lld updated, %lld known already, in %s\n"),
            (long long)json_get_int(report, "imported", 0), (long long)json_get_int(report, "updated", 0),
            (long long)json_get_int(report, "known", 0), muster_store_directory(store));
        return EXIT_OK;
}

const Verb verb_cache_import = {
        .name = "cache import",
        .group = VERB_GROUP_STORE,
        .arguments = N_("[FILE]"),
        .summary = N_("take records from an archive"),
        .about = N_("Reads an archive that 'cache export' wrote (plain, or packed by gzip, xz or zstd) from "
                    "a file, or from standard input. All of it is checked before any of it is stored. A "
                    "record that is here already stays, but for outcomes of 'muster verify' that it lacks. "
                    "Whoever made the archive is trusted with what is said of emulators: take it from hosts "
                    "of your own. With --json it is an object.\n"
                    "Exits with 0, or 2 on an error."),
        .example = "muster cache import records.tar",
        .max_arguments = 1,
        .complete = COMPLETE_FILE,
        .run = run,
};
