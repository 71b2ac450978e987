/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of descriptors share. */

#include <net/if.h>
#include <stdint.h>

#include "daemon/descriptors.h"

#define NETDEV_NODE "/dev/net/tun"
#define MAC_SIZE    6

/*
 * descriptors-tap.c: makes the device, or opens the one that is there, into the bridge, up. `fds` has room
 * for `n` descriptors, those that are open are set in every case, the others stay -1. `name`: the one that
 * it got.
 */
int tap_open(const json_object *tap, size_t n, int *fds, char name[static IFNAMSIZ],
             MusterError **ret_error);

/* descriptors-macvtap.c: the same. */
int macvtap_open(const json_object *macvtap, size_t n, int *fds, char name[static IFNAMSIZ],
                 MusterError **ret_error);
/* A name that is free as of now, into the object. */
int macvtap_settle(json_object *macvtap, MusterError **ret_error);
/* If it is a macvtap device with this address. */
void macvtap_delete(const char *name, const char *mac);
/* The queues of a macvtap device that is there. -ENXIO: it is none. */
int macvtap_open_queues(const char *name, size_t n, int *fds, MusterError **ret_error);

/* descriptors-netdev.c: ioctls of network devices, with sentences. */
int netdev_socket(int *ret, MusterError **ret_error);
bool netdev_exists(const char *name);
int netdev_parse_mac(const char *text, uint8_t ret[static MAC_SIZE]);
int netdev_mac(int socket, const char *name, uint8_t ret[static MAC_SIZE]);
int netdev_set_mac(int socket, const char *name, const uint8_t mac[static MAC_SIZE],
                   MusterError **ret_error);
int netdev_mtu(int socket, const char *name, int *ret, MusterError **ret_error);
int netdev_set_mtu(int socket, const char *name, int mtu, MusterError **ret_error);
int netdev_set_up(int socket, const char *name, MusterError **ret_error);
/* -EPERM with the remedy, else error_errno(). */
int netdev_fail(int r, const char *name, MusterError **ret_error);
