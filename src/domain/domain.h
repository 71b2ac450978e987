/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A definition as it is being read, completed and planned: its XML and its parts. One thread at a time. */

#include "domain/faults.h"
#include "domain/host.h"
#include "domain/part.h"
#include "feature/verdict.h"

#define DOMAIN_PARTS_MAX 2000

typedef struct Domain {
        Xml *xml;
        Faults *faults;         /* lent: the caller's */
        const DomainHost *host; /* from domain_complete() on */
        MusterVerdicts *verdicts;
        const MusterFacts *facts;
        XmlElement *devices_element; /* <devices>; NULL until something needs it */
        Part **sections;             /* one of each section kind, in their order */
        Part **devices;              /* in document order; what was implied is at the end */
        size_t n_sections, n_devices;
        char *emulator; /* <emulator>; NULL: not said */
        Pci *pci;       /* from place_assign() on; NULL on a machine without */
} Domain;

/*
 * Reads all of it. 0 with faults reported; *ret is set unless it is no XML at all, or no <domain>. `faults`
 * must live as long as the domain.
 */
int domain_read(const char *text, size_t size, Faults *faults, Domain **ret);
Domain *domain_free(Domain *domain);

/*
 * Fills in what this emulator decides, as far as nothing is wrong so far; all that `imply`, `complete`, the
 * assignment of places and `check` do. Once. Takes a reference to the verdicts; `host` must live as long.
 */
int domain_complete(Domain *domain, MusterVerdicts *verdicts, const DomainHost *host);

/* The data of the section or device; the kind must be the part's. */
Part *domain_section(const Domain *domain, const PartKind *kind);

/* The next device of this kind after `last` (NULL: the first), in document order. NULL at the end. */
Part *domain_next(const Domain *domain, const PartKind *kind, const Part *last);

/*
 * The lowest number from `least` on that no device of this kind has. `number` says which one a device has;
 * -1: none. `which` is handed to it.
 */
unsigned domain_free_number(const Domain *domain, const PartKind *kind, unsigned least,
                            int64_t (*number)(const Part *part, int which), int which);

/* Makes <name> at the end of <devices>, for the caller to fill and then to hand to domain_add_device(). */
int domain_new_element(Domain *domain, const char *name, XmlElement **ret);

/* Reads an element of <devices> that was just made as a further device. ret may be NULL. */
int domain_add_device(Domain *domain, XmlElement *element, Part **ret);

/* What the emulator is asked, from `complete` on. */
bool domain_has_type(const Domain *domain, const char *qom_type);
/* Whether a schema path is met: "blockdev-add/arg-type/+file/aio/^io_uring". */
bool domain_schema_has(const Domain *domain, const char *path);
/* Whether a command line option takes a parameter, by query-command-line-options. */
bool domain_option_has(const Domain *domain, const char *option, const char *parameter);
/* The present verdict of a feature (of a driver); plan_has() where the plan depends on it. */
bool domain_has_feature(const Domain *domain, const char *feature, const char *driver);
/* The answer to a command that a probe asks, borrowed; NULL where it was not answered. */
json_object *domain_answer(const Domain *domain, const char *command);
/* Its path, for messages. Borrowed. */
const char *domain_emulator_text(const Domain *domain);

DEFINE_CLEANUP(Domain, domain_free);
