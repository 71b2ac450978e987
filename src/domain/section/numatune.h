/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* <numatune>: from which nodes of the host the guest's memory is. */

#include "base/json.h"
#include "domain/part.h"

extern const PartKind section_numatune;

bool numatune_is_given(const Domain *domain);

/* Adds "host-nodes" and "policy" to a memory backend, of a cell of the guest (-1: it has none). */
int numatune_add_backend(const Domain *domain, int cell, json_object *backend);
