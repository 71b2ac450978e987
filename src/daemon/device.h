/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What "device" works out in the pool. */

#include "daemon/descriptors.h"
#include "daemon/operations.h"
#include "domain/hotplug.h"

typedef struct DeviceWork {
        /* Copies of what runs, for the pool. */
        char *live, *config, *name;
        MusterVerdicts *verdicts;
        json_object *chains;
        char *run_directory, *state_directory; /* of all domains */
        bool root;
        pid_t pid; /* of the emulator */
        ProcessUser user;
        bool has_user;

        /* Of a change of medium: the target, and the disk as it should be (of data->device; NULL: empty). */
        char *drive;
        const char *medium;
        size_t medium_size;

        /* What comes of it. */
        DeviceChange *change;          /* NULL: nothing runs that would be changed */
        char *new_config;              /* NULL: the definition stays */
        json_object *remove, *granted; /* as files_prepare() has them */
        json_object *blocks;           /* the chains afterwards */
        char *path;
        json_object *links; /* as descriptors_settle() has them */
        Descriptors descriptors;
        size_t n_sent; /* of those, to the emulator */
} DeviceWork;

int device_work_fill(Operation *operation, DeviceWork *work);
int device_work_plan(Operation *operation, MusterError **ret_error);  /* in the pool */
int device_work_files(Operation *operation, MusterError **ret_error); /* in the pool */
int device_work_open(Operation *operation, MusterError **ret_error);  /* in the pool */

/* The next descriptor to hand over, which is the caller's then, and its name there (NULL: out of memory), to
 * free(). False: there is none left. */
bool device_work_next(DeviceWork *work, int *ret_fd, char **ret_name);
/* The name of the last one that was, to be taken back. */
bool device_work_last(DeviceWork *work, char **ret_name);
DeviceWork *device_work_free(DeviceWork *work);
