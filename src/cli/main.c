/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * muster, the command line. A warm `muster has` is to cost little more than a process, so nothing is done
 * here that the verb does not need: numbers keep the C locale (they are read and printed as JSON has them),
 * and signals, contexts and catalogues are set up by the verbs that use them.
 */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>

#include "base/i18n.h"
#include "base/util.h"
#include "cli/cancel.h"
#include "cli/generate.h"
#include "cli/help.h"
#include "cli/invocation.h"
#include "cli/output.h"
#include "config.h"

/* A closed 0, 1 or 2 would be the next file that is opened; writing to one that was closed must fail. */
static void fill_standard_fds(void)
{
        for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
                if (fcntl(fd, F_GETFD) < 0 &&
                    open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0)
                        _exit(EXIT_TROUBLE);
}

static int trouble(MusterError *error, int r)
{
        CLEANUP(MusterError) MusterError *unsaid = NULL;

        if (!error)
                error_errno(&unsaid, r, _("Failed"));
        complain(error ?: unsaid);
        return EXIT_TROUBLE;
}

static int finish(int status)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        int r = output_finish(&error);

        if (r >= 0)
                return status;
        /* Whoever closed the pipe knows. */
        return r == -EPIPE ? EXIT_TROUBLE : trouble(error, r);
}

static int run_verb(Invocation *invocation)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        int r = invocation->verb->run(invocation, &error);

        if (r >= 0)
                return finish(r);
        r = trouble(error, r);
        fflush(stdout);
        return cancel_signal() ? 128 + cancel_signal() : r;
}

static int run(Invocation *invocation)
{
        if (invocation->version)
                say("muster %s\n", muster_version());
        else if (invocation->help && invocation->verb)
                help_verb(invocation->verb);
        else if (invocation->help && invocation->group)
                help_group(stdout, invocation->group);
        else if (invocation->help)
                help_overview(stdout);
        else if (invocation->verb)
                return run_verb(invocation);
        else if (invocation->group) {
                help_group(stderr, invocation->group);
                return EXIT_TROUBLE;
        } else {
                help_overview(stderr);
                return EXIT_TROUBLE;
        }
        return finish(EXIT_OK);
}

/* For the build and for shells: not part of what people use, so not in the table. */
static int run_internal(const char *what, const char *argument)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        int r;

        r = streq(what, "--generate") ? generate(argument, &error) : complete(argument, &error);
        return r < 0 ? trouble(error, r) : finish(EXIT_OK);
}

int main(int argc, char *argv[])
{
        CLEANUP(MusterError) MusterError *error = NULL;
        __attribute__((cleanup(cleanup_invocation))) Invocation invocation = {0};
        int r;

        fill_standard_fds();
        signal(SIGPIPE, SIG_IGN);
        setlocale(LC_CTYPE, "");
        setlocale(LC_MESSAGES, "");
        bindtextdomain(MUSTER_TEXT_DOMAIN, MUSTER_LOCALE_DIR);
        output_init();
        if (argc == 3 && (streq(argv[1], "--generate") || streq(argv[1], "--complete")))
                return run_internal(argv[1], argv[2]);
        r = invocation_parse(argc, argv, &invocation, &error);
        return r < 0 ? trouble(error, r) : run(&invocation);
}
