/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* <os>: architecture, machine type, firmware, kernel, boot order. */

#include "domain/part.h"

extern const PartKind section_os;

typedef enum OsBoot {
        OS_BOOT_DISK,
        OS_BOOT_CDROM,
        OS_BOOT_FLOPPY,
        OS_BOOT_NETWORK,
        _OS_BOOT_MAX,
} OsBoot;

/* QEMU's name of the architecture: "x86_64", "i386", "aarch64", "arm", "riscv64", "ppc64". */
const char *os_arch(const Domain *domain);

/* i386 or x86_64. */
bool os_is_x86(const Domain *domain);

/* The machine type: as it was given; from `complete` on the one that an alias ("q35") stands for. */
const char *os_machine(const Domain *domain);

/* Of the machine type; PCI_MACHINE_NONE where it has no PCI. */
PciMachine os_pci_machine(const Domain *domain);

/* In `complete`: the boot index that <boot dev=…> gives to the first device of that class that asks, and no
 * other; 0: none. */
unsigned os_take_boot(Domain *domain, OsBoot boot);

/* <smbios mode=…>: whose tables the guest is shown. */
typedef enum OsSmbios {
        OS_SMBIOS_EMULATE, /* the emulator's own */
        OS_SMBIOS_HOST,
        OS_SMBIOS_SYSINFO, /* those of <sysinfo> */
} OsSmbios;

OsSmbios os_smbios(const Domain *domain);

/* From `complete` on: whether the firmware needs system management mode, so that <smm> is on. */
bool os_needs_smm(const Domain *domain);

/* The machine's entry in query-machines; NULL. */
json_object *os_machine_facts(const Domain *domain);
