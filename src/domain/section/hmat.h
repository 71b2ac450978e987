/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * <interconnects> of <cpu><numa>, and <cache> of its cells: how fast a node's memory is, for ACPI's HMAT.
 * They are read for what is wrong with them, and planned from the XML.
 */

#include "domain/section/numa.h"

int hmat_read(Domain *domain, Numa *numa);

/* Whether there are any. */
bool hmat_read_caches(Domain *domain, XmlElement *cell);
bool hmat_is_given(const Numa *numa);

int hmat_plan(Plan *plan, const Part *part, const Numa *numa);
