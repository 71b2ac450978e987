/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>

#include "base/i18n.h"
#include "cli/cache.h"
#include "cli/output-file.h"
#include "cli/output.h"
#include "cli/verbs.h"

static const Option option_output = {
        .letter = 'o',
        .name = "output",
        .argument = N_("FILE"),
        .help = N_("write the archive to this file rather than to standard output"),
        .complete = COMPLETE_FILE,
};

static int open_output(OutputFile *file, const char *path, MusterError **ret_error)
{
        if (path)
                return output_file_open(file, path, ret_error);
        if (isatty(STDOUT_FILENO))
                return error_set(ret_error, -EINVAL,
                                 _("An archive is nothing for a terminal; redirect it, as in 'muster cache "
                                   "export > records.tar', or give --output."));
        file->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
        return file->fd < 0 ? error_errno(ret_error, -errno, _("Standard output cannot be used")) : 0;
}

/* NULL where there are none. */
static int take_names(const Invocation *invocation, char ***ret, MusterError **ret_error)
{
        CLEANUP(strv) char **names = NULL;

        for (size_t i = 0; i < invocation->n_arguments; i++) {
                CLEANUP(free) char *name = NULL;
                int r = cache_name(invocation->arguments[i], &name, ret_error);

                if (r < 0)
                        return r;
                if (strv_append(&names, name) < 0)
                        return error_oom(ret_error);
        }
        *ret = TAKE(names);
        return 0;
}

/* The archive of an empty store, which is zeros alone, as long as the library's. */
static int export_nothing(int fd, char *const *names, MusterError **ret_error)
{
        static const char zeros[20 * 512];

        if (names)
                return cache_has_nothing(*names, ret_error);
        for (size_t done = 0; done < sizeof(zeros);) {
                ssize_t n = write(fd, zeros + done, sizeof(zeros) - done);

                if (n < 0 && errno != EINTR)
                        return error_errno(ret_error, -errno, _("The archive cannot be written"));
                done += n > 0 ? (size_t)n : 0;
        }
        return 0;
}

static int run(Invocation *invocation, MusterError **ret_error)
{
        const char *path = option_value(invocation, &option_output);
        CLEANUP(strv) char **names = NULL;
        CLEANUP(store) MusterStore *store = NULL;
        CLEANUP(free) char *directory = NULL;
        CLEANUP(output_file) OutputFile file = OUTPUT_FILE_NULL;
        int n, r;

        if (option_given(invocation, &option_json) && !path)
                return error_set(ret_error, -EINVAL,
                                 _("With --json the archive needs a file of its own; give --output."));
        r = take_names(invocation, &names, ret_error);
        if (r >= 0)
                r = cache_open_existing(&store, &directory, ret_error);
        if (r >= 0)
                r = open_output(&file, path, ret_error);
        if (r < 0)
                return r;
        n = store ? muster_store_export(store, file.fd, (const char *const *)names, ret_error)
                  : export_nothing(file.fd, names, ret_error);
        r = n < 0 ? n : output_file_commit(&file, ret_error);
        if (r < 0)
                return r;
        if (option_given(invocation, &option_json)) {
                CLEANUP(json) json_object *object = json_object_new_object();

                if (!object || json_add_int(object, "exported", n) < 0)
                        return error_oom(ret_error);
                r = say_json(object, ret_error);
                return r < 0 ? r : EXIT_OK;
        }
        if (n == 0)
                note(_("There is no record in %s, so the archive is empty."), directory);
        return EXIT_OK;
}

static const Option *const options[] = {&option_output, NULL};

const Verb verb_cache_export = {
        .name = "cache export",
        .group = VERB_GROUP_STORE,
        .arguments = N_("[DIGEST|PATH...]"),
        .summary = N_("write records to an archive, for other hosts or an image"),
        .about = N_("Writes the records, or those that are named as for 'cache show', as a tar archive to "
                    "standard output. It holds what depends on the emulator alone; what also depends on the "
                    "host (KVM, which CPU models run) is learned anew where it is imported. The same "
                    "records give the same bytes.\n"
                    "Exits with 0, or 2 on an error."),
        .example = "muster cache export > records.tar",
        .max_arguments = 1000,
        .options = options,
        .complete = COMPLETE_EMULATOR,
        .run = run,
};
