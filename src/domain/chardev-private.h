/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What chardev.c reads and chardev-plan.c writes. */

#include "domain/chardev.h"

typedef enum ChardevType {
        CHARDEV_PTY,
        CHARDEV_FILE,
        CHARDEV_DEV,
        CHARDEV_PIPE,
        CHARDEV_UNIX,
        CHARDEV_TCP,
        CHARDEV_UDP,
        CHARDEV_NULL,
        CHARDEV_STDIO,
        CHARDEV_VC,
        CHARDEV_SPICEVMC,
        CHARDEV_SPICEPORT,
        CHARDEV_DBUS,
        CHARDEV_VDAGENT,
        CHARDEV_NMDM,
} ChardevType;

typedef enum ChardevProtocol {
        CHARDEV_RAW,
        CHARDEV_TELNET,
        CHARDEV_TELNETS,
        CHARDEV_TLS,
} ChardevProtocol;

typedef struct ChardevSource {
        char *path;                     /* NULL: a socket of the domain's own; a pty without a name */
        int append;                     /* of a file; -1: not said */
        bool bind;                      /* the emulator listens, else it connects */
        char *host, *service;           /* of tcp; of udp to where it sends */
        char *bind_host, *bind_service; /* udp: from where */
        int protocol;                   /* ChardevProtocol */
        bool reconnects;
        uint64_t reconnect; /* seconds */
        char *channel;      /* the name of spiceport and dbus */
        bool has_clipboard, clipboard;
        bool has_mouse, mouse_of_client;
        char *log;
        int log_append; /* -1: not said */
} ChardevSource;
