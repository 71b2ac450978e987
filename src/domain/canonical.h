/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "domain/domain.h"

/*
 * Puts the children of <domain> and <devices> into the order in which libvirt writes them; namesakes keep
 * theirs, and comments stay before what follows them.
 */
int domain_sort(Domain *domain);
