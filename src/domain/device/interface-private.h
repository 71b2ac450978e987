/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of <interface> share: the card (-device), its other end (-netdev), and passt. */

#include "domain/device/interface.h"
#include "domain/value.h"
#include "domain/virtio.h"

typedef enum InterfaceType {
        INTERFACE_USER,
        INTERFACE_BRIDGE,
        INTERFACE_ETHERNET,
        INTERFACE_NETWORK,
        INTERFACE_VHOSTUSER,
        INTERFACE_VDPA,
        INTERFACE_UDP,
        INTERFACE_MCAST,
        INTERFACE_SERVER,
        INTERFACE_CLIENT,
        INTERFACE_NULL,
        INTERFACE_DIRECT, /* macvtap; only by descriptors */
        /* refused from here on */
        INTERFACE_HOSTDEV,
        INTERFACE_INTERNAL,
        INTERFACE_VDS,
} InterfaceType;

#define INTERFACE_QUEUES_MAX 256
#define INTERFACE_FLAGS_MAX  24
#define INTERFACE_PORTS_MAX  1000 /* single ports that are forwarded, each one an argument */

typedef struct PortRange {
        uint64_t start, end, to;
        bool exclude;
} PortRange;

typedef struct PortForward {
        XmlElement *element;
        bool udp;
        char *address, *device; /* of the host; NULL: any */
        PortRange *ranges;
        size_t n_ranges;
} PortForward;

typedef struct InterfaceIp {
        XmlElement *element; /* NULL: none */
        char *address;
        bool has_prefix;
        uint64_t prefix;
} InterfaceIp;

typedef struct Endpoint {
        char *address; /* NULL: none */
        uint64_t port;
} Endpoint;

/* The card. */
typedef struct InterfaceCard {
        char *model;
        bool is_virtio;
        VirtioModel virtio_model;
        VirtioOptions virtio;
        XmlElement *driver;
        bool has_options;                                   /* that virtio only has */
        int flags[INTERFACE_FLAGS_MAX];                     /* of interface-card.c's table; -1: not said */
        int txmode;                                         /* -1: not said */
        uint64_t queues, rx_queue_size, tx_queue_size, mtu; /* 0: not said */
        bool failover;                                      /* <teaming type='persistent'> */
} InterfaceCard;

typedef struct Interface {
        InterfaceType type;
        InterfaceType means; /* the same, but what <source network=…> stands for; from `complete` on */
        InterfaceCard card;
        char mac[MAC_TEXT_SIZE]; /* "": not given */
        bool link_down;
        XmlElement *source, *backend;
        char *name; /* bridge, network, device, socket: by type */
        char *target;
        int managed; /* the target; -1: not said */
        int mode;    /* of macvtap: vepa, bridge, private */
        uint64_t sndbuf;
        bool has_sndbuf;
        int driver; /* <driver name=…>: 0 vhost, 1 qemu; -1: not said */
        bool vhost; /* a tap device's packets bypass the emulator; from `complete` on */
        /* user, passt */
        bool passt;
        char *log_file, *hostname, *fqdn;
        InterfaceIp ip4, ip6;
        PortForward *forwards;
        size_t n_forwards;
        /* vhostuser */
        bool server;
        uint64_t reconnect; /* seconds; 0: not said */
        /* sockets */
        Endpoint remote, local;
} Interface;

/* interface-source.c */
int interface_read_source(Domain *domain, Part *part);
int interface_complete_source(Domain *domain, Part *part);
bool interface_is_tap(const Interface *net);
bool interface_is_generated(const char *target);
const char *interface_mode(const Interface *net); /* of macvtap */

/* interface-user.c: <ip>, <portForward>, and what becomes of them */
int interface_read_user(Domain *domain, Part *part);
int interface_plan_user(Plan *plan, Part *part, json_object *netdev);
int interface_plan_passt(Plan *plan, Part *part, json_object *netdev);
void interface_clear_user(Interface *net);

/* interface-card.c */
int interface_read_card(Domain *domain, Part *part);
int interface_complete_card(Domain *domain, Part *part);
int interface_plan_card(Plan *plan, Part *part, const char *netdev); /* NULL: not connected */

/* interface-descriptors.c: a tap device that somebody else opens */
int interface_plan_descriptors(Plan *plan, Part *part, json_object *netdev);

/* interface-netdev.c. *ret_id: to free(); NULL if it is not connected. */
int interface_plan_netdev(Plan *plan, Part *part, char **ret_id);
