/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the files of <disk> share:
 *
 *   disk.c          the descriptor: names, buses, places
 *   disk-read.c     what the element says of the disk as a whole
 *   disk-source.c   where an image lies: files, block devices, directories, NVMe
 *   disk-network.c  the same, on the network
 *   disk-secret.c   passwords, keys of encrypted images, TLS
 *   disk-chain.c    backing images, given or read from the images' headers
 *   disk-tune.c     <iotune>
 *   disk-nodes.c    block nodes, through the gate
 *   disk-device.c   what the guest sees
 */

#include "block/request.h"
#include "domain/device/disk.h"
#include "domain/value.h"
#include "domain/virtio.h"

#define DISK_CHAIN_MAX 200 /* images, the disk's own included: libvirt's limit */

typedef enum DiskDevice {
        DISK_DISK,
        DISK_CDROM,
        DISK_FLOPPY,
        DISK_LUN,
} DiskDevice;

typedef enum DiskBus {
        DISK_VIRTIO,
        DISK_SCSI,
        DISK_SATA,
        DISK_IDE,
        DISK_USB,
        DISK_FDC,
        DISK_SD,
        DISK_BUSES,
} DiskBus;

typedef enum DiskCache {
        DISK_CACHE_DEFAULT,
        DISK_CACHE_NONE,
        DISK_CACHE_WRITETHROUGH,
        DISK_CACHE_WRITEBACK,
        DISK_CACHE_DIRECTSYNC,
        DISK_CACHE_UNSAFE,
} DiskCache;

/* A secret in a file of muster's state directory. */
typedef struct DiskSecret {
        char uuid[UUID_TEXT_SIZE]; /* "": none */
        bool base64;               /* the file holds text in Base64 (ceph's keys), not the secret's bytes */
} DiskSecret;

typedef struct DiskImage {
        XmlElement *element;  /* <disk> or <backingStore>; of an image that a header names, the disk's */
        XmlElement *source;   /* <source>; NULL: none */
        char *format;         /* QEMU's driver; NULL only before it has been read */
        json_object *storage; /* "driver" and further members of the storage node; NULL: empty drive */
        char *path;           /* of a local file or device; NULL: it is on the network, or a directory */
        bool network;
        bool existing; /* `path` is there; known from `check` on */
        bool found;    /* it was named by a header, not by the definition */
        json_object *slice;
        DiskSecret auth;         /* for the storage's member ... */
        const char *auth_member; /* ... of this name */
        bool tls;
        DiskSecret key; /* of LUKS, which is `format` itself or, in qcow2, a layer of it */
} DiskImage;

/* Each -1 where it was not said. */
typedef struct DiskFlags {
        int ioeventfd, event_idx, copy_on_read, discard_no_unref, removable;
} DiskFlags;

typedef struct Disk {
        DiskDevice device;
        DiskBus bus;
        bool bus_given;
        char *target; /* "vda" */
        int number;   /* 0 of "vda"; -1: the name is no such */
        VirtioModel model;
        VirtioOptions virtio;
        XmlElement *driver, *target_element, *blockio, *geometry, *iotune;

        DiskCache cache;
        int aio, discard, detect_zeroes, error_policy, rerror_policy; /* 0: not said; disk-read.c's words */
        DiskFlags flags;
        uint64_t queues, queue_size, iothread; /* 0: not said */
        uint64_t metadata_cache;               /* bytes; 0: not said */
        uint64_t logical_size, physical_size, discard_granularity;
        uint64_t cylinders, heads, sectors;
        int translation;
        uint64_t rotation_rate;
        bool readonly, shareable, transient;
        bool tray_open; /* so there is no medium in it */
        int startup_policy;
        char *serial, *wwn, *vendor, *product;

        DiskImage **images; /* the disk's own, then its backing images from the top down */
        size_t n_images;
        bool chain_given; /* the definition ends it, by <backingStore/> */
        bool chain_known; /* nothing is below the last image */
        bool absent;      /* startupPolicy='optional', and its image is not there */

        bool tuned;
        char *throttle_group;
        json_object *limits; /* of a throttle-group */
} Disk;

/* The member `name` of each list of words is what the emulator calls it, too, but where a comment says so.
 */
extern const char *const disk_aio_words[];
extern const char *const disk_discard_words[];
extern const char *const disk_detect_zeroes_words[];
extern const char *const disk_error_words[];

enum { DISK_AIO_NATIVE = 1, DISK_AIO_THREADS, DISK_AIO_IO_URING };
enum { DISK_DISCARD_UNMAP = 1, DISK_DISCARD_IGNORE };
enum { DISK_ZEROES_OFF = 1, DISK_ZEROES_ON, DISK_ZEROES_UNMAP };
enum { DISK_ERROR_STOP = 1, DISK_ERROR_REPORT, DISK_ERROR_IGNORE, DISK_ERROR_ENOSPACE };
enum { DISK_STARTUP_MANDATORY, DISK_STARTUP_REQUISITE, DISK_STARTUP_OPTIONAL };

/* disk-read.c */
/* An image format as definitions and headers name it, as QEMU names it. Replaces *ret. */
int disk_read_format(Domain *domain, XmlElement *element, const char *attribute, const char *text,
                     char **ret);
int disk_read_options(Domain *domain, Part *part);

/* disk-source.c: <source> of a <disk> or <backingStore>, into image->storage and its like. */
int disk_read_source(Domain *domain, XmlElement *owner, DiskDevice device, DiskImage *image);
/* The storage of a local path, as a node of QEMU. */
int disk_storage_of_path(const char *path, bool block, DiskDevice device, json_object **ret);

/* disk-network.c */
int disk_read_network(Domain *domain, DiskImage *image);

/* disk-secret.c */
int disk_read_auth(Domain *domain, XmlElement *owner, DiskImage *image);
int disk_read_encryption(Domain *domain, XmlElement *owner, DiskImage *image);
/* Objects for the image, and its nodes' members that name them. */
int disk_plan_secrets(Plan *plan, Part *part, size_t index, json_object *storage, json_object *format);

/* disk-chain.c */
int disk_read_chain(Domain *domain, Part *part);
int disk_find_chain(Domain *domain, Part *part);
DiskImage *disk_image_new(void);
DiskImage *disk_image_free(DiskImage *image);
int disk_add_image(Disk *disk, DiskImage *image); /* takes it */

/* disk-tune.c */
int disk_read_tune(Domain *domain, Part *part);
void disk_check_tune(Domain *domain, Part *part);
/* The group's object, where it is the disk's, and the filter for the gate. */
int disk_plan_tune(Plan *plan, Part *part, json_object **ret_filter);

/* disk-nodes.c: the nodes; *ret_drive the top one's name, to free(), NULL where there is none. */
int disk_plan_nodes(Plan *plan, Part *part, char **ret_drive);
/*
 * Whether the emulator has a feature; if not, a fault in the words of what the catalogue knows: "disk vda
 * asks for io_uring; …".
 */
bool disk_require(Plan *plan, const Part *part, const XmlElement *element, const char *attribute,
                  const char *feature, const char *driver, const char *what);

/* disk-device.c */
void disk_check_device(Domain *domain, Part *part);
int disk_plan_device(Plan *plan, Part *part, const char *drive);

DEFINE_CLEANUP(DiskImage, disk_image_free);
