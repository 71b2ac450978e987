/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* <disk>: disks, CD-ROM and floppy drives, and LUNs passed through. */

#include "domain/part.h"

extern const PartKind device_disk;

/* The bus that it hangs on, which is the type of the controller that it needs where its place is of
 * PLACE_DRIVE: "scsi", "sata", "ide", "fdc"; else "virtio", "usb", "sd". */
const char *disk_bus(const Part *part);
