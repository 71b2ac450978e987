/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* <iothreads>, <iothreadids>: threads that disks and controllers may be served by. */

#include "domain/part.h"

extern const PartKind section_iothreads;

/* Whether there is one of this number; its object is "iothreadNUMBER". */
bool iothread_exists(const Domain *domain, unsigned number);
