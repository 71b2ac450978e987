/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Processes of half a millisecond, timed without an interpreter's noise:
 *   bench-spawn ROUNDS [NAME=VALUE…] COMMAND [ARGUMENT…] [-- [NAME=VALUE…] COMMAND [ARGUMENT…]]…
 * runs the commands in turn, ROUNDS times each after a few that do not count, with output to /dev/null, and
 * prints a JSON array of {"median", "low", "high"} in microseconds, a command each; low and high are the
 * quartiles. NAME=VALUE goes into that command's environment. A command that ends with anything but 0 or 1
 * ends the bench.
 */

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"

#define COMMANDS_MAX 16
#define WARM_UP      10

typedef struct Command {
        char **argv;
        char **environment;
        double *usec;
} Command;

static double now(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static double run(const Command *command, const posix_spawn_file_actions_t *actions)
{
        double began = now();
        pid_t pid;
        int status;

        if (posix_spawnp(&pid, command->argv[0], actions, NULL, command->argv, command->environment) != 0 ||
            waitpid(pid, &status, 0) < 0 || !WIFEXITED(status) || WEXITSTATUS(status) > 1) {
                fprintf(stderr, "bench-spawn: %s failed\n", command->argv[0]);
                exit(2);
        }
        return now() - began;
}

/* Our environment with the command's own variables before it: getenv() finds the first. */
static char **make_environment(char **own, size_t n_own)
{
        size_t n = 0;
        char **all;

        while (environ[n])
                n++;
        all = calloc(n_own + n + 1, sizeof(*all));
        if (!all)
                exit(2);
        memcpy(all, own, n_own * sizeof(*all));
        for (size_t i = 0, at = n_own; i < n; i++) {
                bool hidden = false;

                for (size_t j = 0; j < n_own; j++)
                        hidden |= strncmp(environ[i], own[j], strcspn(own[j], "=") + 1) == 0;
                if (!hidden)
                        all[at++] = environ[i];
        }
        return all;
}

static size_t parse(char **words, Command *commands, size_t rounds)
{
        size_t n = 0;

        while (*words && n < COMMANDS_MAX) {
                char **own = words;

                while (*words && strchr(*words, '='))
                        words++;
                commands[n] = (Command){.argv = words,
                                        .environment = make_environment(own, (size_t)(words - own)),
                                        .usec = calloc(rounds, sizeof(double))};
                if (!commands[n].usec)
                        exit(2);
                n++;
                while (*words && !streq(*words, "--"))
                        words++;
                if (*words)
                        *words++ = NULL;
        }
        return n;
}

static int compare(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;

        return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
        size_t rounds = argc > 2 ? strtoul(argv[1], NULL, 10) : 0, n;
        posix_spawn_file_actions_t actions;
        Command commands[COMMANDS_MAX];

        if (rounds == 0) {
                fprintf(stderr, "usage: %s ROUNDS [NAME=VALUE]... COMMAND... [-- ...]\n", argv[0]);
                return 2;
        }
        n = parse(argv + 2, commands, rounds);
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
        for (size_t round = 0; round < rounds + WARM_UP; round++)
                for (size_t i = 0; i < n; i++) {
                        double usec = run(&commands[i], &actions);

                        if (round >= WARM_UP)
                                commands[i].usec[round - WARM_UP] = usec;
                }
        for (size_t i = 0; i < n; i++) {
                qsort(commands[i].usec, rounds, sizeof(double), compare);
                printf("%s{\"median\": %.1f, \"low\": %.1f, \"high\": %.1f}%s\n", i == 0 ? "[" : " ",
                       commands[i].usec[rounds / 2], commands[i].usec[rounds / 4],
                       commands[i].usec[rounds * 3 / 4], i + 1 == n ? "]" : ",");
        }
        return 0;
}
