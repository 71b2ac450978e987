/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The launch plan: the argv, block nodes as they were gated, files and directories to prepare, processes to
 * start first, and every decision that depended on a feature of the emulator. Pure: nothing of it is done
 * here.
 */

#include "domain/command.h"
#include "domain/domain.h"

typedef enum PlanFileAction {
        PLAN_FILE_DIRECTORY, /* make it, mode 0700, if it is not there */
        PLAN_FILE_EXISTS,    /* must be there: an image, a kernel */
        PLAN_FILE_COPY,      /* from `from`, if it is not there (NVRAM from its template) */
        PLAN_FILE_REPLACE,   /* from `from`, always */
        PLAN_FILE_CREATE,    /* empty, by the emulator: a log, a socket: nothing of that name may be in the
                                way */
        PLAN_FILE_REMOVE,    /* when it has ended */
        PLAN_FILE_SECRET,    /* mode 0600, with what the definition says at the path `from` */
} PlanFileAction;

struct Plan {
        Domain *domain;
        Command command;
        json_object *blockdev;    /* array of nodes, in the order in which they are added */
        json_object *files;       /* array of {"path", "action", "purpose", "from"?} */
        json_object *fds;         /* array of {"fd", "purpose", …}: plan_descriptors() */
        json_object *processes;   /* array of {"argv", "purpose", "socket"?, "privileged"?} */
        json_object *commands;    /* array of QMP commands to run before the guest does */
        json_object *affinity;    /* array of {"thread": "vcpu"|"iothread"|"emulator", "id"?, "cpus"?,
                                     "scheduler"?, "priority"?}, before that, too; "emulator" is every thread
                                     of which nothing else says it */
        json_object *decisions;   /* array of {"feature", "verdict", "driver"?, "choice", "forced"?, "for",
                                     "evidence"} */
        json_object *environment; /* object of variables that the emulator needs to have */
        json_object *lifecycle; /* {"on_poweroff": "destroy", …}: what is to be done when the guest stops */
        int next_fd;            /* 0: none was given yet */
        bool evidence;          /* whether that is wanted in decisions */
        json_object
                *additions; /* NULL: not wanted. Array of {"option": "-device", "properties": {…}} as they
                               were before they became an argument; {"option", "argument"} of others */
};

/* A plan of a completed domain without errors. 0 with faults reported, and *ret NULL if one is an error. */
int plan_new(Domain *domain, bool evidence, Plan **ret);
Plan *plan_free(Plan *plan);

/*
 * Of these parts of a completed domain alone, with `additions`: what they would add to an emulator that runs
 * the rest. As plan_new().
 */
int plan_new_parts(Domain *domain, Part *const *parts, size_t n, bool evidence, Plan **ret);

/* {"argv", "environment", "blockdev", "files", "fds", "processes", "commands", "affinity", "lifecycle",
 * "decisions"}; NULL when out of memory. */
json_object *plan_to_json(const Plan *plan);

/* For a POSIX shell: variables and the argv, one a line; to free(). NULL when out of memory. */
char *plan_to_shell(const Plan *plan);

/* For `plan` functions of parts. Options without properties, or whose text is no list of them: -cpu. */
int plan_option(Plan *plan, const char *option, const char *argument);

/*
 * One of the options that option_syntax() knows, as JSON or text as the emulator takes it. Takes
 * `properties` (NULL: -ENOMEM). What cannot be said is a fault of the part.
 */
int plan_properties(Plan *plan, const Part *part, const char *option, json_object *properties);

/* "-device": the same, with the part's ID (its alias), place, boot index, ROM and acpi-index added. */
int plan_device(Plan *plan, const Part *part, json_object *properties);

/* The same for a further device of the part, with its own ID and no place. */
int plan_object(Plan *plan, const Part *part, const char *qom_type, const char *id, json_object *properties);

/* A node that the gate has decided on, to be added in this order. Takes it. */
int plan_blockdev(Plan *plan, const Part *part, json_object *node);

int plan_file(Plan *plan, PlanFileAction action, const char *path, const char *from, const char *purpose);

/*
 * Descriptors that the emulator is to inherit (DomainHost.descriptors): `count` of them, numbered in a row
 * from *ret_fd on. Takes `how` (-ENOMEM if it is NULL), to which {"fd", "count"?, "purpose", "alias",
 * "getfd"?} is added. It says what they are:
 *
 *   {"open": "/dev/vhost-net"}   for reading and writing, each by itself
 *   {"tap": {"name", "otherwise"?, "existing"?, "bridge"?, "mac", "mtu"?}}
 *   {"macvtap": {"name", "otherwise"?, "link", "mode", "mac", "mtu"?}}
 *
 * of which the latter two are the queues of one device. "name" may end in %d, where the kernel puts a
 * number. "otherwise" is another one, for when there is such a device already. "existing": there must be.
 * "mac" is the guest's.
 */
int plan_descriptors(Plan *plan, const Part *part, const char *purpose, unsigned count, json_object *how,
                     int *ret_fd);

/*
 * How an option names it: by the number; or, of what is added to an emulator that runs, by a name that it is
 * given with getfd, "ALIAS-NUMBER", which the entry says to be so with "getfd": true. To free().
 */
char *plan_descriptor_name(const Plan *plan, const Part *part, int fd);

/* A variable for the emulator; the last one of a name counts. */
int plan_environment(Plan *plan, const char *name, const char *value);

/* Takes `argv` (array of strings). */
int plan_process(Plan *plan, const char *purpose, const char *socket, json_object *argv);

/* Takes `thread`, as Plan.affinity has it; -ENOMEM if it is NULL. */
int plan_affinity(Plan *plan, json_object *thread);

/*
 * A QMP command to run when the emulator has started and before its guest does, for what no argument can
 * say. Takes `arguments`.
 */
int plan_command(Plan *plan, const Part *part, const char *command, json_object *arguments);

/*
 * Whether the feature is present, kept as a decision for the part with its evidence. Choices: what is done
 * because of it, a short clause in the user's language for either case (NULL: it is not said).
 */
bool plan_has(Plan *plan, const Part *part, const char *feature, const char *driver, const char *if_present,
              const char *if_not);

/* A decision of the part alone, whose choice is its own. */
int plan_decide(Plan *plan, const Part *part, const char *feature, const char *driver, const char *choice);

/* A fault of the part's element: the emulator cannot do what is asked. `attribute` may be NULL. */
#define plan_fault(plan, element, attribute, ...)                                                           \
        xml_fault((plan)->domain->xml, FAULT_ERROR, element, attribute, __VA_ARGS__)

/* RUN_DIRECTORY/NAME/file, STATE_DIRECTORY/NAME/file: a domain's own; to free(). NULL: out of memory. */
char *plan_run_path(Plan *plan, const char *file);
char *plan_state_path(Plan *plan, const char *file);

DEFINE_CLEANUP(Plan, plan_free);
