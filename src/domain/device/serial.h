/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* <serial>: UARTs of the machine, ISA, PCI, USB and sPAPR ones, the debug console. */

#include "domain/chardev.h"

extern const PartKind device_serial;

/* Whether this port is one that a <console> stands for as well, as libvirt has it: the machine's own kinds,
 * not those that plug into PCI or USB. */
bool serial_has_console(const Part *part);

const Chardev *serial_chardev(const Part *part);

/* The alias that it has or will get; to free(). */
char *serial_alias(const Part *part);
