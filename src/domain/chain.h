/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Chains (block/chain.h) and definitions: how a disk's chain begins, and what a definition says after the
 * chain has changed.
 */

#include "block/chain.h"
#include "domain/plan.h"

/*
 * The chain of every disk of a plan that has images: {"vda": {…}, …}, to be kept with the running domain.
 */
int chains_of_plan(const Plan *plan, json_object **ret, MusterError **ret_error);

/*
 * Writes the images that headers named into the disk's <backingStore>, and the chain's end, so that the
 * definition says by itself what was found. Of a disk of a completed domain; 0, -ENOMEM.
 */
int chain_write_found(Part *part);

/*
 * The definition with the disk's <source>, <driver type> and <backingStore> as the chain has them: images
 * that were there keep their elements (whatever else these say), further ones are written by file and
 * format, and the end is <backingStore/> unless the chain is open. Canonical text, to free(). Nothing else
 * changes: it is an edit of text, and works on a definition without an emulator, too. -ENOENT: no such disk.
 */
int chain_write_xml(const char *xml, size_t size, const json_object *chain, char **ret_xml,
                    MusterError **ret_error);
