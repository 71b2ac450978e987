/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The faults that a check finds, with the place in the arguments that it is looking at. */

#include "qapi/schema.h"

typedef enum FaultKind {
        FAULT_UNKNOWN_MEMBER,
        FAULT_MISSING_MEMBER,
        FAULT_TYPE,          /* a number for a string, … */
        FAULT_UNKNOWN_VALUE, /* no such value of an enumeration, or no such branch */
        FAULT_DEPTH,         /* the schema leads in a circle, or the arguments nest too deep */
        FAULT_TOO_MANY,      /* there are more */
        FAULT_DEPRECATED,    /* from here on warnings */
        FAULT_UNSTABLE,
} FaultKind;

/* A segment of the place: a member (`key`, borrowed), or an element of an array (`key` is NULL). */
typedef struct Place {
        const struct Place *parent;
        const char *key;
        size_t element;
} Place;

#define FAULTS_MAX 256

typedef struct Faults {
        json_object *array; /* owned */
        unsigned n;
        unsigned n_errors;
} Faults;

int faults_init(Faults *faults);
void faults_done(Faults *faults);

/* -ENOMEM, or -E2BIG once there are FAULTS_MAX, the last of which says so: then stop. */
int faults_add(Faults *faults, const Place *place, FaultKind kind, const char *format, ...)
        __attribute__((format(printf, 4, 5)));

/* A foreign name made fit for a sentence: short, one line. NULL when out of memory. */
char *fault_name(const char *name);
