/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Which firmware a guest gets, from the descriptors that firmware packages and administrators leave in
 * folders (QEMU's docs/interop/firmware.json). Parsing and choosing are pure; firmware_load() reads the
 * folders and blocks.
 *
 * A descriptor that makes no sense stays in the list with its problem: it never fits, is named where nothing
 * fits, and does not keep the others from being used.
 */

#include <stdbool.h>

#include "base/error.h"

#define FIRMWARE_SIZE_MAX  ((size_t)64 * 1024) /* of a descriptor */
#define FIRMWARE_FILES_MAX 1000                /* entries of a folder */
#define FIRMWARE_ITEMS_MAX 256                 /* of any list in a descriptor */
#define FIRMWARE_TEXT_MAX  4095                /* bytes of a file name, a tag */
#define FIRMWARE_NAME_MAX  127                 /* bytes of any other text */

typedef enum FirmwareInterface {
        FIRMWARE_BIOS = 1 << 0,
        FIRMWARE_EFI = 1 << 1,
        FIRMWARE_OPENFIRMWARE = 1 << 2,
        FIRMWARE_UBOOT = 1 << 3,
} FirmwareInterface;

typedef enum FirmwareDevice {
        FIRMWARE_FLASH,
        FIRMWARE_KERNEL,
        FIRMWARE_MEMORY,
} FirmwareDevice;

typedef enum FirmwareMode {
        FIRMWARE_SPLIT,     /* code shared and read-only, variables in a file of the guest's own */
        FIRMWARE_COMBINED,  /* both in one file of the guest's own */
        FIRMWARE_STATELESS, /* code only */
} FirmwareMode;

typedef struct FirmwareTarget {
        char *architecture; /* QEMU's name: "i386", not "i686" */
        char **machines;    /* patterns as of fnmatch() */
} FirmwareTarget;

typedef struct Firmware {
        char *path;           /* of the descriptor; NULL where it came from no file */
        MusterError *problem; /* if set, all below is empty */
        unsigned interfaces;  /* of FirmwareInterface; those that muster does not know are left out */
        FirmwareDevice device;
        FirmwareMode mode; /* of flash */
        char *executable, *executable_format;
        char *nvram_template, *nvram_format; /* of split flash only */
        FirmwareTarget *targets;
        size_t n_targets;
        char **features, **tags;
} Firmware;

typedef struct FirmwareList {
        Firmware **items; /* in the order in which they are to be tried */
        size_t n_items;
} FirmwareList;

/*
 * What is asked for. Everything may be 0 or NULL, which asks for nothing in particular, except architecture
 * and machine. libvirt's XML maps to features so: <feature name=… enabled=…> as they are, <smm state='off'>
 * and <loader secure='no'> to `without` requires-smm, <loader secure='yes'> to `with` requires-smm,
 * <suspend-to-mem enabled='yes'> to `with` acpi-s3.
 */
typedef struct FirmwareWanted {
        const char *architecture;                 /* libvirt's or QEMU's name */
        const char *machine;                      /* a type's own name: descriptors know no alias */
        unsigned interfaces;                      /* of FirmwareInterface: any of these will do */
        const char *const *with, *const *without; /* NULL-terminated */
        bool stateless;
        const char *format, *nvram_format;
        const char *loader; /* this executable and no other: to find what belongs to it */
} FirmwareWanted;

/* One descriptor's JSON text. -EBADMSG: it is none, or says too much or too little; -ENOMEM. */
int firmware_parse(const char *text, size_t size, Firmware **ret, MusterError **ret_error);
Firmware *firmware_free(Firmware *firmware);

bool firmware_has(const Firmware *firmware, const char *feature);

/* *ret_why: a clause in the user's language why it does not fit, to free(); NULL if it does. -ENOMEM. */
int firmware_fits(const Firmware *firmware, const FirmwareWanted *wanted, char **ret_why);

/* The first that fits. -ENOENT: none does, with a line of why not for each in the error's detail. */
int firmware_choose(const FirmwareList *list, const FirmwareWanted *wanted, const Firmware **ret,
                    MusterError **ret_error);

/*
 * The host's folders, the most general one first; the user's own where `user`, which is not for root, whose
 * guests must not depend on whose environment it was started from. To strv_free().
 */
int firmware_folders(bool user, char ***ret);

/*
 * The descriptors of the folders by file name. One in a later folder hides those of the same name in earlier
 * ones; an empty one, or a link to /dev/null, only hides. A folder that does not exist is empty. -E2BIG:
 * more than FIRMWARE_FILES_MAX files in one; else what reading failed with.
 */
int firmware_load(char *const *folders, FirmwareList **ret, MusterError **ret_error);
FirmwareList *firmware_list_free(FirmwareList *list);

DEFINE_CLEANUP(Firmware, firmware_free);
DEFINE_CLEANUP(FirmwareList, firmware_list_free);
