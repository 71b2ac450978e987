/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What <source network=NAME> means on this host: files NAME.conf in /etc/muster/networks.d and, but for
 * root, in $XDG_CONFIG_HOME/muster/networks.d. They are INI, a section for each network:
 *
 *   [default]
 *   type = user
 *
 *   [lan]
 *   type = bridge
 *   bridge = br0
 *
 * Types are user (the emulator's own network in user space), passt (the same by passt), bridge (one of the
 * host's, named by the key of that name, joined by qemu-bridge-helper) and ethernet (a tap device, which the
 * domain's <target dev=…> names).
 *
 * A later file, by folder and then by name, replaces a network whole. "default", which virt-install writes
 * where nothing else is said, is type = user as long as no file says otherwise. conf/networks.d/README is
 * the same for who administers a host.
 */

#include <stdbool.h>

#include "base/error.h"
#include "base/json.h"

#define NETWORK_FILE_MAX  ((size_t)64 * 1024)
#define NETWORK_FILES_MAX 1000 /* entries of a folder */

typedef struct Network {
        char *name, *type, *bridge; /* bridge: NULL but for type = bridge */
        char *file;
} Network;

typedef struct NetworkList {
        Network *items;
        size_t n_items;
} NetworkList;

/* To strv_free(). */
int network_folders(bool user, char ***ret);

/* A folder that does not exist is empty. -EBADMSG: a file makes no sense; it is named, with what would. */
int network_load(char *const *folders, NetworkList **ret, MusterError **ret_error);
NetworkList *network_list_free(NetworkList *list);

/* {"type", "bridge"?}; -ENOENT. */
int network_find(const NetworkList *list, const char *name, json_object **ret);

DEFINE_CLEANUP(NetworkList, network_list_free);
