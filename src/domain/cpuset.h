/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Sets of processors and of NUMA nodes, as value_cpuset() makes them: sorted, without doubles. */

#include "base/json.h"
#include "domain/xml.h"

/* Above any host's and any guest's; what is a set of the guest's is checked against its number, too. */
#define CPUSET_MAX 16383

typedef struct Cpuset {
        unsigned *items;
        size_t n;
} Cpuset;

/* An attribute. 1: it is there and makes sense; 0: it is missing; -EINVAL: reported. */
int cpuset_read(Xml *xml, XmlElement *element, const char *attribute, unsigned max, Cpuset *ret);

bool cpuset_has(const Cpuset *set, unsigned item);
int cpuset_add(Cpuset *set, unsigned item); /* keeps the order */

/* "0-3,8", to free(); NULL: out of memory. */
char *cpuset_to_text(const Cpuset *set);

/* ["0-3", "8"]: ranges, for options that are given again for each; NULL: out of memory. */
json_object *cpuset_to_ranges(const Cpuset *set);

/* [0, 1, 2, 3, 8]; NULL: out of memory. */
json_object *cpuset_to_json(const Cpuset *set);

void cpuset_clear(Cpuset *set);
