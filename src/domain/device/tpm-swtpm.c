/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * swtpm runs beside the emulator and ends with its connection. swtpm_setup gives a new TPM its endorsement
 * key before that; where there is a state already it leaves all as it is. No certificates are made for the
 * key, which a certificate authority of this machine would have to sign.
 */

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/device/tpm-private.h"

/* Appends words; a NULL ends them. */
static int append_words(json_object *argv, const char *const *words)
{
        int r = 0;

        for (; r >= 0 && *words; words++)
                r = json_append_string(argv, *words);
        return r;
}

/* Swtpm's options cannot say a comma within a value. */
static bool check_comma(Plan *plan, const Part *part, const char *path)
{
        if (!strchr(path, ','))
                return true;
        plan_fault(plan, part->element, /* attribute= */ NULL,
                   _("swtpm takes no path with a comma in it, and this is one: %s; rename the domain or the "
                     "directory."),
                   path);
        return false;
}

static bool find_program(Plan *plan, const char *name, char **ret)
{
        const DomainHost *host = plan->domain->host;
        int r;

        r = host->find_program(host, name, ret);
        if (r == -ENOMEM)
                plan->domain->faults->out_of_memory = true;
        return r >= 0;
}

static char *bank_list(const Tpm *tpm)
{
        char *list = strdup("");

        for (unsigned i = 0; list && tpm_banks[i]; i++) {
                char *longer;

                if (!(tpm->banks & (1U << i)))
                        continue;
                longer = text_format("%s%s%s", list, *list ? "," : "", tpm_banks[i]);
                free(list);
                list = longer;
        }
        return list;
}

static int run_setup(Plan *plan, const Tpm *tpm, const char *program, const char *state,
                     const char *const *words)
{
        CLEANUP(json) json_object *argv = json_object_new_array();
        int r;

        if (!argv)
                return -ENOMEM;
        r = json_append_string(argv, program);
        if (r >= 0 && !tpm->version_1)
                r = json_append_string(argv, "--tpm2");
        if (r >= 0)
                r = append_words(argv, (const char *const[]){"--tpmstate", state, NULL});
        if (r >= 0)
                r = append_words(argv, words);
        return r < 0 ? r : plan_process(plan, "tpm-setup", /* socket= */ NULL, TAKE(argv));
}

static int plan_setup(Plan *plan, const Part *part, const Tpm *tpm, const char *state)
{
        CLEANUP(free) char *program = NULL, *banks = bank_list(tpm);
        int r;

        if (!banks)
                return -ENOMEM;
        if (!find_program(plan, "swtpm_setup", &program)) {
                xml_fault(
                        plan->domain->xml, tpm->banks != 0 ? FAULT_ERROR : FAULT_WARNING, part->element,
                        /* attribute= */ NULL,
                        _("There is no swtpm_setup here to give a new TPM its endorsement key and banks of "
                          "registers; install it (package swtpm-tools)."));
                return 0;
        }
        r = run_setup(plan, tpm, program, state,
                      (const char *const[]){"--createek", "--lock-nvram", "--not-overwrite", NULL});
        if (r < 0 || tpm->banks == 0)
                return r;
        return run_setup(plan, tpm, program, state,
                         (const char *const[]){"--reconfigure", "--pcr-banks", banks, NULL});
}

static int add_log(Plan *plan, const Tpm *tpm, json_object *argv)
{
        CLEANUP(free) char *path = NULL, *log = NULL;

        if (!tpm->has_debug)
                return 0;
        path = plan_run_path(plan, "tpm.log");
        if (path)
                log = text_format("file=%s,level=%llu", path, (unsigned long long)tpm->debug);
        return log ? append_words(argv, (const char *const[]){"--log", log, NULL}) : -ENOMEM;
}

static int plan_server(Plan *plan, const Tpm *tpm, const char *program, const char *state,
                       const char *socket)
{
        CLEANUP(free) char *directory = text_format("dir=%s,mode=0600", state);
        CLEANUP(free) char *control = text_format("type=unixio,path=%s,mode=0600", socket);
        CLEANUP(json) json_object *argv = json_object_new_array();
        int r;

        if (!directory || !control || !argv)
                return -ENOMEM;
        r = append_words(argv, (const char *const[]){program, "socket", NULL});
        if (r >= 0 && !tpm->version_1)
                r = json_append_string(argv, "--tpm2");
        if (r >= 0)
                r = append_words(argv, (const char *const[]){"--tpmstate", directory, "--ctrl", control,
                                                             "--terminate", NULL});
        if (r >= 0)
                r = add_log(plan, tpm, argv);
        return r < 0 ? r : plan_process(plan, "tpm", socket, TAKE(argv));
}

/* The directories and the socket, before anything runs in them. */
static int plan_files(Plan *plan, const Tpm *tpm, const char *state, const char *socket)
{
        int r = 0;

        if (!tpm->path) {
                CLEANUP(free) char *parent = strdup(state);

                if (!parent)
                        return -ENOMEM;
                *strrchr(parent, '/') = '\0';
                r = plan_file(plan, PLAN_FILE_DIRECTORY, parent, /* from= */ NULL, "state");
        }
        if (r >= 0)
                r = plan_file(plan, PLAN_FILE_DIRECTORY, state, /* from= */ NULL, "tpm");
        return r < 0 ? r : plan_file(plan, PLAN_FILE_CREATE, socket, /* from= */ NULL, "tpm");
}

int tpm_plan_emulator(Plan *plan, Part *part, const Tpm *tpm, char **ret_socket)
{
        CLEANUP(free) char *state = tpm->path ? strdup(tpm->path) : plan_state_path(plan, "tpm");
        CLEANUP(free) char *socket = plan_run_path(plan, "tpm.sock"), *program = NULL;
        int r;

        if (!state || !socket)
                return -ENOMEM;
        if (!check_comma(plan, part, state) || !check_comma(plan, part, socket))
                return 0;
        if (!find_program(plan, "swtpm", &program)) {
                plan_fault(
                        plan, part->element, /* attribute= */ NULL,
                        _("There is no swtpm here to emulate a TPM; install it (package swtpm), or remove "
                          "<tpm>."));
                return 0;
        }
        r = plan_files(plan, tpm, state, socket);
        if (r >= 0)
                r = plan_setup(plan, part, tpm, state);
        if (r >= 0)
                r = plan_server(plan, tpm, program, state, socket);
        if (r >= 0)
                *ret_socket = TAKE(socket);
        return r;
}
