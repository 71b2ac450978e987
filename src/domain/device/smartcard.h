/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* <smartcard>: a card in a CCID reader: the host's, one of certificates, one of a client. */

#include "domain/part.h"

extern const PartKind device_smartcard;
