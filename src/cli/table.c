/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/table.h"

#include <errno.h>

#include "base/util.h"

#define GAP        2
#define LAST_LEAST 12 /* what is left of the last column on the narrowest terminal */

typedef struct Row {
        char **cells;
        size_t styled;
        Style style;
} Row;

struct Table {
        size_t n_columns;
        Row *rows; /* the first one has the headers */
        size_t n_rows;
};

Table *table_free(Table *table)
{
        if (!table)
                return NULL;
        for (size_t i = 0; i < table->n_rows; i++)
                strv_free(table->rows[i].cells);
        free(table->rows);
        free(table);
        return NULL;
}

static int append(Table *table, const char *const *cells, size_t styled, Style style)
{
        CLEANUP(strv) char **row = calloc(table->n_columns + 1, sizeof(*row));
        Row *grown = reallocarray(table->rows, table->n_rows + 1, sizeof(*grown));

        if (grown)
                table->rows = grown;
        if (!row || !grown)
                return -ENOMEM;
        for (size_t i = 0; i < table->n_columns; i++) {
                row[i] = text_clean(cells[i] ?: "");
                if (!row[i])
                        return -ENOMEM;
        }
        table->rows[table->n_rows++] = (Row){.cells = TAKE(row), .styled = styled, .style = style};
        return 0;
}

Table *table_new(const char *const *headers, size_t n_columns)
{
        CLEANUP(Table) Table *table = calloc(1, sizeof(*table));

        if (!table)
                return NULL;
        table->n_columns = n_columns;
        if (append(table, headers, /* styled= */ n_columns, STYLE_BOLD) < 0)
                return NULL;
        return TAKE(table);
}

int table_add(Table *table, const char *const *cells, size_t styled, Style style)
{
        return append(table, cells, styled, style);
}

static size_t column_width(const Table *table, size_t column)
{
        size_t widest = 0;

        for (size_t i = 0; i < table->n_rows; i++) {
                size_t columns = text_columns(table->rows[i].cells[column]);

                if (columns > widest)
                        widest = columns;
        }
        return widest;
}

/* The first `columns` columns of `text`; the last of them is a mark where something was cut. */
static void put_cut(FILE *file, const char *text, size_t columns)
{
        const char *end = text;
        size_t n = 0;

        if (text_columns(text) <= columns) {
                fputs(text, file);
                return;
        }
        for (; *end; end++)
                if (((unsigned char)*end & 0xc0) != 0x80 && n++ == columns - 1)
                        break;
        fprintf(file, "%.*s%s", (int)(end - text), text, output_utf8() ? "…" : ">");
}

static void put_row(FILE *file, const Table *table, const Row *row, const size_t *widths, size_t last,
                    bool coloured)
{
        for (size_t i = 0; i < table->n_columns; i++) {
                bool styled = coloured && (row->styled == i || row->styled == table->n_columns);
                bool is_last = i == table->n_columns - 1;

                if (styled)
                        fputs(style_escape(row->style), file);
                put_cut(file, row->cells[i], is_last ? last : widths[i]);
                if (styled)
                        fputs(style_escape(STYLE_RESET), file);
                if (!is_last)
                        fprintf(file, "%*s", (int)(widths[i] - text_columns(row->cells[i]) + GAP), "");
        }
        fputc('\n', file);
}

char *table_to_text(const Table *table, unsigned width, bool coloured)
{
        CLEANUP(free) size_t *widths = calloc(table->n_columns, sizeof(*widths));
        char *text = NULL;
        size_t size, before = 0, last;
        FILE *file;

        if (!widths)
                return NULL;
        for (size_t i = 0; i < table->n_columns; i++)
                widths[i] = column_width(table, i);
        for (size_t i = 0; i + 1 < table->n_columns; i++)
                before += widths[i] + GAP;
        last = width == 0 ? SIZE_MAX : width > before + LAST_LEAST ? width - before : LAST_LEAST;
        file = open_memstream(&text, &size);
        if (!file)
                return NULL;
        for (size_t i = 0; i < table->n_rows; i++)
                put_row(file, table, &table->rows[i], widths, last, coloured);
        if (fclose(file) != 0) {
                free(text);
                return NULL;
        }
        return text;
}

static void put_ruled_row(FILE *file, const Table *table, const Row *row, const size_t *widths,
                          bool coloured)
{
        for (size_t i = 0; i < table->n_columns; i++) {
                bool styled = coloured && row->styled == i;

                fprintf(file, " %s%s%s", styled ? style_escape(row->style) : "", row->cells[i],
                        styled ? style_escape(STYLE_RESET) : "");
                if (i < table->n_columns - 1)
                        fprintf(file, "%*s", (int)(widths[i] - text_columns(row->cells[i]) + GAP), "");
        }
        fputc('\n', file);
}

char *table_to_ruled_text(const Table *table, bool coloured)
{
        CLEANUP(free) size_t *widths = calloc(table->n_columns, sizeof(*widths));
        size_t size, total = 0;
        char *text = NULL;
        FILE *file;

        if (!widths)
                return NULL;
        for (size_t i = 0; i < table->n_columns; i++) {
                widths[i] = column_width(table, i);
                total += widths[i] + GAP + 1;
        }
        file = open_memstream(&text, &size);
        if (!file)
                return NULL;
        for (size_t i = 0; i < table->n_rows; i++) {
                put_ruled_row(file, table, &table->rows[i], widths, coloured);
                for (size_t j = 0; i == 0 && j < total; j++)
                        fputc('-', file);
                if (i == 0)
                        fputc('\n', file);
        }
        if (fclose(file) != 0) {
                free(text);
                return NULL;
        }
        return text;
}
