/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * All that the layer asks of the host, as functions, so that what it does is a function of its input: the
 * command line and the daemon give it the real ones (host_local()), tests what they like.
 */

#include "base/json.h"
#include "domain/firmware.h"

typedef struct DomainHost DomainHost;

struct DomainHost {
        const char *arch; /* libvirt's name of the host's own: "x86_64" */
        bool root;        /* the emulator and its helpers will be started by root */

        /* Where a domain's own files go: sockets that live as long as it runs, and what outlives it (NVRAM,
         * a TPM's state). Absolute; "/NAME" is put behind both. */
        const char *run_directory, *state_directory;

        /*
         * The number that a listening socket for the monitor will have in the emulator; 0: it makes one
         * itself. Where it was made before, a client can connect before the emulator is up.
         */
        int monitor_fd;

        /*
         * Whether the emulator is handed what only root may open (tap and macvtap devices, /dev/vhost-net,
         * /dev/vhost-vsock), as descriptors whose numbers follow the monitor's; the plan says how each is
         * made. Else the emulator opens them, or a helper that it starts.
         */
        bool descriptors;

        /* Whether the emulator confines itself (-sandbox), as far as its binary can and the domain lets it.
         */
        bool sandbox;

        /* The descriptors of firmware; borrowed. */
        int (*firmware)(const DomainHost *host, const FirmwareList **ret, MusterError **ret_error);

        /* The first bytes of a file, at most `size`. -ENOENT, …: what opening or reading it failed with. */
        int (*read_head)(const DomainHost *host, const char *path, void *buffer, size_t size,
                         size_t *ret_size);

        /* Whether there is such a file or directory, block device or socket: what stat() said of its mode.
         */
        int (*file_mode)(const DomainHost *host, const char *path, mode_t *ret);

        /* A program of this name ("swtpm", "virtiofsd", "passt"): its path, to free(). -ENOENT. */
        int (*find_program)(const DomainHost *host, const char *name, char **ret);

        /*
         * What <source network=NAME> means here, as JSON of <interface>-like words: {"type": "user"},
         * {"type": "bridge", "bridge": "br0"}, … -ENOENT: there is no such network.
         */
        int (*network)(const DomainHost *host, const char *name, json_object **ret, MusterError **ret_error);

        /* For UUIDs and MAC addresses that nobody gave. */
        int (*random)(const DomainHost *host, void *buffer, size_t size);

        /* Seconds since the epoch, for a clock that is set off from it. NULL: the system's. */
        int64_t (*now)(const DomainHost *host);

        void *userdata;
};

/* This machine: files, programs in PATH, muster's own configuration of networks. To host_free(). */
int host_local(DomainHost **ret, MusterError **ret_error);

/* The same, where a domain's own files lie elsewhere; either may be NULL. */
int host_local_at(const char *run_directory, const char *state_directory, DomainHost **ret,
                  MusterError **ret_error);
DomainHost *host_free(DomainHost *host);

DEFINE_CLEANUP(DomainHost, host_free);
