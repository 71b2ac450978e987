/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of <os> share: os.c has the kind, the others one concern each. */

#include "domain/plan.h"
#include "domain/section/os.h"

typedef enum OsLoader {
        OS_LOADER_ROM,    /* -bios */
        OS_LOADER_PFLASH, /* flash devices, of which the second is the guest's own */
} OsLoader;

/* Switches: -1, not said. */
typedef struct OsFirmware {
        XmlElement *loader, *nvram_element; /* NULL: not there */
        XmlElement *smm;                    /* <features><smm>, which belongs to <features> */
        unsigned interface;                 /* FirmwareInterface of <os firmware=…>; 0: not said */
        char **with, **without;             /* <firmware><feature …>; NULL: none */
        int type;                           /* OsLoader; -1 */
        char *path, *format;                /* NULL: not said */
        int readonly, secure, stateless;
        char *nvram, *nvram_format, *nvram_template, *template_format;
} OsFirmware;

typedef struct Os {
        XmlElement *element, *type;
        char *arch, *machine; /* libvirt's names */
        OsBoot boot[_OS_BOOT_MAX];
        unsigned n_boot;
        bool taken[_OS_BOOT_MAX];
        int menu; /* -1: not said */
        bool has_menu_timeout, has_reboot_timeout, use_serial;
        uint64_t menu_timeout; /* milliseconds */
        int reboot_timeout;    /* milliseconds, -1: never */
        char *kernel, *initrd, *cmdline, *dtb, *shim;
        OsSmbios smbios;
        OsFirmware firmware;
} Os;

Os *os_of(const Domain *domain);

/* The text of a child, which is the absolute path of a file; an empty one is none. */
int os_read_path(Domain *domain, XmlElement *parent, const char *name, char **ret);

/* os-machine.c */
int os_read_type(Domain *domain, Os *os);
int os_complete_machine(Domain *domain, Os *os);

/* os-boot.c: boot order and menu, kernel, tables. */
int os_read_boot(Domain *domain, Os *os);
int os_complete_boot(Domain *domain, Os *os);
int os_plan_boot(Plan *plan, const Part *part, json_object *machine);

/* os-firmware.c reads and completes, os-choose.c chooses, os-flash.c plans. */
int os_read_firmware(Domain *domain, Os *os);
int os_complete_firmware(Domain *domain, Os *os);
int os_plan_firmware(Plan *plan, const Part *part, json_object *machine);
void os_clear_firmware(OsFirmware *firmware);

/* What <features><smm state=…> says: 1, 0; -1 if nothing. */
int os_smm_state(const OsFirmware *firmware);

/* A copy of `value`, if nothing is there yet. -ENOMEM. */
int os_set_default(char **text, const char *value);

/* Takes a descriptor that fits, or reports that none does. */
int os_choose_firmware(Domain *domain, Os *os);

/* Of a file that was named: takes what belongs to it, if a descriptor says so. */
int os_look_up_loader(Domain *domain, Os *os);
