/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <getopt.h>
#include <locale.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/i18n.h"
#include "base/util.h"
#include "config.h"
#include "daemon/api.h"
#include "daemon/instance.h"
#include "daemon/log.h"

/* Probes and files of domains that hang must not keep those of others from the pool. */
#define POOL_SIZE  "32"

#define EXIT_USAGE 2

typedef struct Options {
        bool session, debug;
        const char *config, *socket;
} Options;

static void help(void)
{
        printf(_("musterd [--session] [--config FILE] [--socket PATH] [--debug]\n"
                 "\n"
                 "The daemon that keeps muster's domains.\n"
                 "\n"
                 "  --session      a user's instance rather than the system's\n"
                 "  --config FILE  its configuration, rather than the instance's own musterd.conf\n"
                 "  --socket PATH  where it listens, unless the service manager hands it a socket\n"
                 "  --debug        log more\n"
                 "  --version      print the version\n"
                 "  --help         print this\n"
                 "\n"
                 "musterd(8) and musterd.conf(5) say more.\n"));
}

/* 1: go on. */
static int parse(int argc, char **argv, Options *ret)
{
        static const struct option options[] = {
                {"session", no_argument, NULL, 's'},
                {"config", required_argument, NULL, 'c'},
                {"socket", required_argument, NULL, 'S'},
                {"debug", no_argument, NULL, 'd'},
                {"routes", no_argument, NULL, 'r'}, /* for a test */
                {"version", no_argument, NULL, 'V'},
                {"help", no_argument, NULL, 'h'},
                {},
        };
        int c;

        while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0)
                switch (c) {
                case 's':
                        ret->session = true;
                        break;
                case 'c':
                        ret->config = optarg;
                        break;
                case 'S':
                        ret->socket = optarg;
                        break;
                case 'd':
                        ret->debug = true;
                        break;
                case 'r':
                        api_print_routes(stdout);
                        return EXIT_SUCCESS;
                case 'V':
                        printf("musterd %s\n", MUSTER_VERSION);
                        return EXIT_SUCCESS;
                case 'h':
                        help();
                        return EXIT_SUCCESS;
                default:
                        return EXIT_USAGE;
                }
        if (optind < argc) {
                fprintf(stderr, _("musterd: '%s' is too much; see musterd --help.\n"), argv[optind]);
                return EXIT_USAGE;
        }
        return -1;
}

static int run(const Options *options)
{
        static Instance instance = {.lock_fd = -1};
        CLEANUP(MusterError) MusterError *error = NULL;
        int r, status = EXIT_USAGE;

        r = settings_load(options->session, options->config, &instance.daemon.settings, &error);
        if (r >= 0 && options->socket)
                r = settings_set_socket(&instance.daemon.settings, options->socket, &error);
        if (r != -EINVAL)
                status = EXIT_FAILURE; /* which another try may mend */
        if (r >= 0)
                r = instance_start(&instance, &error);
        if (r >= 0) {
                systemd_notify("READY=1");
                log_message(LOG_INFO, NULL, NULL, _("Version %s: %zu domains, %zu of them run"),
                            MUSTER_VERSION, instance.daemon.n_domains, instance.daemon.n_running);
                uv_run(&instance.loop, UV_RUN_DEFAULT);
        } else {
                log_error(LOG_ERR, NULL, NULL, error, _("Cannot start"));
        }
        if (instance_clear(&instance))
                _exit(r < 0 ? status : EXIT_SUCCESS);
        return r < 0 ? status : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
        Options options = {};
        int status;

        setlocale(LC_ALL, "");
        bindtextdomain(MUSTER_TEXT_DOMAIN, MUSTER_LOCALE_DIR);
        status = parse(argc, argv, &options);
        if (status >= 0)
                return status;
        umask(0077);
        signal(SIGPIPE, SIG_IGN);
        /* A pool's thread works now and then, and needs no heap of its own to be fast. */
        mallopt(M_ARENA_MAX, 1);
        setenv("UV_THREADPOOL_SIZE", POOL_SIZE, /* overwrite= */ 0);
        log_open(options.debug ? LOG_DEBUG : LOG_INFO);
        return run(&options);
}
