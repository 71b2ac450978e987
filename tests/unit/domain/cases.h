/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What tests of definitions share: recorded emulators, a host that is always the same, a plan as lines. */

#include "domain/plan.h"

/* Verdicts of the shipped catalogue on what an emulator of tests/data/replies said: "7.2-x86_64". KVM works.
 * Kept for the process. */
MusterVerdicts *case_verdicts(const char *emulator);

/*
 * x86_64; firmware of tests/data/firmware, images of tests/data/images by any path that ends in
 * "/images/NAME" (NAME.head), every program in /usr/bin, /dev/vhost-net and /dev/vhost-vsock, one network
 * "default" (user), some SMBIOS strings, the time 2023-11-14T22:13:20 UTC, and random bytes that count up
 * from `seed`.
 */
typedef struct CaseHost {
        DomainHost host;
        FirmwareList *firmware;
        uint8_t seed;
} CaseHost;

/* Any file that is looked for is there: *.qcow2 an image without backing file, all else raw. */
extern bool case_every_image;

void case_host_init(CaseHost *ret);
void case_host_clear(CaseHost *host);

/*
 * Reads, completes and plans as far as it goes without an error; each may be NULL afterwards. A file named
 * y_daemon… or n_daemon… is for a daemon of root's: with descriptors, 3 being the monitor's, and the
 * sandbox.
 */
typedef struct Case {
        Faults faults;
        Domain *domain;
        Plan *plan;
        CaseHost host;
} Case;

void case_run(const char *file, const char *text, size_t size, const char *emulator, Case *ret);
void case_clear(Case *item);

/*
 * One line for each option with its argument, unquoted, then "process: JSON", "file: JSON", "fd: JSON",
 * "command: JSON", "affinity: JSON", "environment: NAME JSON", "lifecycle: NAME JSON" for each of these; to
 * strv_free().
 */
char **case_lines(const Plan *plan);
