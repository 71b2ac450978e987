/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Rows of text in aligned columns. */

#include "cli/output.h"

typedef struct Table Table;

/* `headers`: one for each column. NULL when out of memory. */
Table *table_new(const char *const *headers, size_t n_columns);
Table *table_free(Table *table);

/* Adds a row of cells, one for each column; `style` is that of the column `styled`. -ENOMEM. */
int table_add(Table *table, const char *const *cells, size_t styled, Style style);

/*
 * The table as text, a line a row. The last column is cut so that lines keep to `width` columns (0: no
 * limit). NULL when out of memory.
 */
char *table_to_text(const Table *table, unsigned width, bool coloured);

/*
 * The same as virsh prints it, for scripts that cut it into fields: a blank before each cell, a rule below
 * the headers, nothing cut.
 */
char *table_to_ruled_text(const Table *table, bool coloured);

DEFINE_CLEANUP(Table, table_free);
