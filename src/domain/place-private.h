/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The assignment of places by the kind of bus. Each adds the controllers that are missing for its own. */

#include "domain/domain.h"

#define PLACE_CONTROLLERS_MAX 256 /* of one type, as far as they are added unasked */

int place_assign_drives(Domain *domain);
int place_assign_virtio_serial(Domain *domain);
int place_assign_ccid(Domain *domain);
int place_assign_usb(Domain *domain);
int place_assign_spapr_vio(Domain *domain);
int place_assign_pci(Domain *domain);

/* The part's <address type=…>, which is made if it is not there. */
int place_element(Part *part, XmlElement **ret);

/* Where a fault of its address is shown: the address, or the part that has none. */
XmlElement *place_fault_element(const Part *part);

/* "disk vda", "usb controller 0", "<rng> in line 12": for messages. To free(). */
char *place_part_name(const Part *part);

/*
 * Whether it has, or wants, a place of this type. A console that is the twin of a serial port repeats that
 * one's address and is plugged in nowhere.
 */
bool place_is(const Part *part, PlaceType type);

/* Two parts want the same place: a fault of the second. */
int place_clash(Domain *domain, const Part *first, const Part *second);
