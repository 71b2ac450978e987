/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What muster_gate_request_*() gathered; the gate and blockdev-add read it. */

#include "base/error.h"
#include "base/json.h"
#include "muster/gate.h"

#define NODE_NAME_MAX         31 /* QEMU's BlockDriverState.node_name is char[32] */
#define REQUEST_OPTIONS_MAX   256
#define REQUEST_BACKING_MAX   200 /* QEMU itself gives up on absurd chains; libvirt stops at 200 */
#define REQUEST_TEXT_MAX      65536
#define REQUEST_KEY_DEPTH_MAX 16
#define NODE_NAME_DEFAULT     "muster-disk"

typedef struct RequestOption {
        char *key, *value;
} RequestOption;

typedef struct RequestImage {
        char *driver, *filename;
        char *format; /* NULL: raw */
} RequestImage;

struct MusterGateRequest {
        char *driver, *filename;
        char *format; /* NULL: the guest writes the protocol node itself */
        char *node_name;
        MusterAccess access;
        bool access_set; /* a tree may come without: then it speaks for itself */
        bool has_fallback;
        MusterAccess fallback;
        unsigned launch;
        RequestOption *options;
        size_t n_options;
        RequestImage *backing; /* from the top down */
        size_t n_backing;
        json_object *tree; /* NULL, or the whole request */
};

/* "ro", "rw", "on-demand" */
const char *access_name(MusterAccess access);

/* The set's number if `filename` is /dev/fdset/N, else -1. */
int64_t fdset_of_filename(const char *filename);

static inline void cleanup_gate_request(MusterGateRequest **request)
{
        muster_gate_request_free(*request);
}
