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

/* What a plan says beside where an image lies: further members of its nodes, objects or NULL. Those that the
 * gate sets by itself (modes, names, what is below) are none of them. */
typedef struct RequestExtra {
        json_object *storage;
        json_object *slice; /* a raw node of its own above the storage: "offset", "size" */
        json_object *format;
} RequestExtra;

typedef struct RequestImage {
        char *driver, *filename; /* filename NULL: the members say where */
        char *format;            /* NULL: raw */
        RequestExtra extra;
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
        RequestExtra extra;   /* of the disk's own image */
        json_object *filters; /* NULL, or an array of filter nodes above the format, from the bottom up */
        bool chain_ends;      /* the last image has no backing image, whatever its header says */
        bool chain_open;      /* it may have one, which its header names: leave it to the emulator */
        json_object *tree;    /* NULL, or the whole request */
};

/* The same as muster_gate_request_add_backing(), of an image whose members may say where it lies. */
int request_add_image(MusterGateRequest *request, const char *driver, const char *filename,
                      const char *format);

/* Further members, of the disk's own image or (`backing` from 1 on) of a lower one. Takes them. */
void request_set_extra(MusterGateRequest *request, size_t backing, RequestExtra extra);
void request_extra_clear(RequestExtra *extra);

/* A filter above all that is there: its driver and members, without name, mode and file. Takes it. */
int request_add_filter(MusterGateRequest *request, json_object *filter);

/*
 * "<top><suffix>", within QEMU's 31 bytes: a long name is cut, and made unlike its neighbours by a digest of
 * the whole. Suffixes have at most 20 bytes.
 */
int node_name_derive(const char *top, const char *suffix, char ret[static NODE_NAME_MAX + 1]);

/* "ro", "rw", "on-demand" */
const char *access_name(MusterAccess access);

/* The set's number if `filename` is /dev/fdset/N, else -1. */
int64_t fdset_of_filename(const char *filename);

static inline void cleanup_gate_request(MusterGateRequest **request)
{
        muster_gate_request_free(*request);
}
