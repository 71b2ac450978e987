/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of <filesystem> share. */

#include "domain/device/filesystem.h"
#include "domain/value.h"
#include "domain/virtio.h"

typedef struct Filesystem {
        VirtioModel model;
        VirtioOptions virtio;
        XmlElement *source, *driver, *binary;
        bool virtiofs; /* else 9p */
        bool readonly;
        char *directory; /* NULL: not given */
        char *socket;    /* of a virtiofsd that runs already; NULL: none */
        char *tag;
        /* 9p */
        int accessmode; /* passthrough, mapped, squash */
        int multidevs;  /* default, remap, forbid, warn; -1: not said */
        char *fmode, *dmode;
        bool immediate; /* writes through */
        /* virtiofs */
        uint64_t queue;                               /* size; 0: not said */
        char *program;                                /* NULL: the one that is found */
        int xattr, posix_lock, flock, cache, sandbox; /* -1: not said */
        bool has_threads;
        uint64_t threads;
        uint64_t open_files; /* at most; 0: not said */
} Filesystem;

/* filesystem-virtiofs.c */
int filesystem_read_virtiofs(Domain *domain, Part *part);
int filesystem_plan_virtiofs(Plan *plan, Part *part, json_object *device);
