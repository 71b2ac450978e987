/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a domain is called and what accelerates it: type, name, uuid, genid, title, description, metadata. */

#include "domain/part.h"
#include "domain/value.h"

extern const PartKind section_general;

typedef struct General {
        bool kvm; /* else TCG */
        char *name;
        char uuid[UUID_TEXT_SIZE]; /* "": not given; from `complete` on it is there */
        bool has_genid;
        char genid[UUID_TEXT_SIZE];
} General;

/* The data of this section. */
const General *domain_general(const Domain *domain);

/* Borrowed. Fit to be a directory's name. */
const char *domain_name(const Domain *domain);
