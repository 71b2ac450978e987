/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* <redirfilter>: which USB devices a client may redirect. */

#include "domain/domain.h"

extern const PartKind device_redirfilter;

/* As usb-redir takes it: "0x08:0x1234:0xBEEF:0x0200:1|-1:-1:-1:-1:0"; NULL: there is none. Borrowed. */
const char *redirfilter_text(const Domain *domain);
