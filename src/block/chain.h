/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The images of one disk of a running emulator, from the top down, with the names of their nodes: data that
 * is kept for as long as the emulator runs, since after the first overlay, commit or copy the names are no
 * longer those that a fresh plan would give. JSON:
 *
 *   {"disk": "vda",                    the target, as the definition has it
 *    "device": "virtio-disk0",         the ID of the guest's device
 *    "prefix": "muster-virtio-disk0",  what names of nodes begin with
 *    "serial": 0,                      how many further names were made; it only grows
 *    "filters": ["muster-virtio-disk0"],       nodes above the topmost image's, from the top down; may be []
 *    "open": false,                    true: the emulator may have opened further images below the last
 *    "shared"?: true,                  <shareable/>: other guests write to it, too
 *    "transient"?: true,               <transient/>: the topmost image is removed at the end
 *    "images": [
 *       {"file"?: "/images/vda.qcow2", absent: not a local file or device; then "options" say where it is
 *        "driver": "file", "format": "qcow2",
 *        "node": "muster-virtio-disk0-format", "storage": "muster-virtio-disk0-storage",
 *        "slice"?: "muster-virtio-disk0-slice",  between the two
 *        "read-only": false,           the format node's; of the topmost image: whether the guest may write
 *        "storage-mode": "auto"|"read-only"|"writable",   how its storage node is open
 *        "options": {"storage": {"cache": …}, "format": {"cache": …}}   what else these two nodes were given
 *       }, …]}
 *
 * All functions here are pure; those that edit take one chain and make another.
 */

#include "base/error.h"
#include "base/json.h"

#define CHAIN_NODE_NAME_MAX 31

typedef enum ChainStorage {
        CHAIN_STORAGE_AUTO,      /* auto-read-only: O_RDWR while somebody writes, O_RDONLY else */
        CHAIN_STORAGE_READ_ONLY, /* O_RDONLY for good */
        CHAIN_STORAGE_WRITABLE,  /* O_RDWR from the start */
} ChainStorage;

/*
 * Of nodes in the order in which they are added (Plan.blockdev: all disks' together). `top` is the topmost
 * one's name, that of the device's "drive". 0 and *ret NULL where there is no such node: an empty drive.
 * -EBADMSG: they are no chain.
 */
int chain_new(const json_object *nodes, const char *disk, const char *device, const char *prefix,
              const char *top, json_object **ret, MusterError **ret_error);

/* A chain that was read from somewhere: -EBADMSG with what is wrong in it. */
int chain_check(const json_object *chain, MusterError **ret_error);

size_t chain_length(const json_object *chain);
json_object *chain_image(const json_object *chain, size_t index); /* borrowed; NULL beyond the end */
const char *chain_top(const json_object *chain);                  /* of filters and images */
const char *chain_disk(const json_object *chain);
ChainStorage chain_storage_mode(const json_object *image);

/*
 * Which image is meant: its file, "vda[2]" or "[2]" (as libvirt: 0 is the topmost), or the name of its node.
 * -ENOENT with the chain's files.
 */
int chain_find(const json_object *chain, const char *which, size_t *ret, MusterError **ret_error);

/* "<prefix>-s<serial>", the name of a new image's node, from which the gate derives those below; counts. */
int chain_new_name(json_object *chain, char ret[static CHAIN_NODE_NAME_MAX + 1]);

/* What a header names this image by: its path, or "json:{…}"; to free(). NULL: out of memory. */
char *chain_backing_name(const json_object *image);

/* Whether one of the chains but `disk`'s has this file. NULL: none has; else that disk. */
const char *chains_find_user(const json_object *chains, const char *file, const char *disk);

/* blockdev-del of all nodes of the images [first, first + n), from the top down, as steps (step.h). */
int chain_add_removal(const json_object *chain, size_t first, size_t n, json_object *steps);
/* The same of the whole chain, filters first. */
int chain_add_removal_all(const json_object *chain, json_object *steps);

/* --- edits: copies ------------------------------------------------------------------------------- */

/* `image` (taken) above all; what was topmost is read-only from then on. */
int chain_push(const json_object *chain, json_object *image, json_object **ret);

/* Without the images [first, first + n). With first == 0 the next one becomes what the guest writes. */
int chain_drop(const json_object *chain, size_t first, size_t n, json_object **ret);

/* The topmost `n` images make way for `image` (taken). */
int chain_replace(const json_object *chain, size_t n, json_object *image, json_object **ret);
