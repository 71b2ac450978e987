/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Values as libvirt's format writes them. The parsers are pure and take the whole text or nothing (-EINVAL,
 * -ERANGE); the readers below take an attribute or an element's text, and report what makes no sense as a
 * fault with what would.
 */

#include <stdint.h>

#include "domain/xml.h"

#define UUID_TEXT_SIZE 37
#define MAC_TEXT_SIZE  18

/* A decimal number, or with "0x" a hexadecimal one; no sign, no blank. */
int value_uint(const char *text, uint64_t max, uint64_t *ret);

/* "yes"/"no", "on"/"off": libvirt has both, in different places, and muster takes either. */
int value_switch(const char *text, bool *ret);

/*
 * A number of units in bytes: b, bytes, KB (1000), k, KiB (1024), MB, M, MiB, up to E and EiB, of any case
 * as libvirt takes them. `unit` may be NULL: `fallback` then (1024 for memory).
 */
int value_size(const char *number, const char *unit, uint64_t fallback, uint64_t *ret_bytes);

/* Any spelling of 32 hexadecimal digits with dashes anywhere or none, as its usual one. */
int value_uuid(const char *text, char ret[static UUID_TEXT_SIZE]);

/* Six bytes, one or two digits each; of one station, so neither multicast nor all zero. In lower case. */
int value_mac(const char *text, char ret[static MAC_TEXT_SIZE]);

/* "0-3,^2,8" as sorted numbers without doubles, none above `max`; to free(). */
int value_cpuset(const char *text, unsigned max, unsigned **ret, size_t *ret_n);

/* What may be a node-name, an alias, an ID on the command line: letters, digits, "-._", a letter first. */
bool value_is_id(const char *text);

/* The index of `text` in a NULL-terminated list of words; -EINVAL. */
int value_word(const char *text, const char *const *words);

/*
 * Readers. An attribute that is missing leaves *ret as it is and returns 0, one that was taken returns 1;
 * one that makes no sense leaves *ret, too, is reported, and returns -EINVAL.
 */
int read_uint(Xml *xml, XmlElement *element, const char *attribute, uint64_t max, uint64_t *ret);
int read_switch(Xml *xml, XmlElement *element, const char *attribute, bool *ret);
int read_word(Xml *xml, XmlElement *element, const char *attribute, const char *const *words, int *ret);

/* A copy of the text, to free(); what was in *ret is freed. */
int read_text(Xml *xml, XmlElement *element, const char *attribute, char **ret);

/* The element's own text, with its attribute "unit". */
int read_size(Xml *xml, XmlElement *element, uint64_t fallback, uint64_t *ret_bytes);
int read_number(Xml *xml, XmlElement *element, uint64_t max, uint64_t *ret);
