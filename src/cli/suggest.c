/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/suggest.h"

#include "base/util.h"

#define LENGTH_MAX 63

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
        unsigned least = a < b ? a : b;

        return least < c ? least : c;
}

/* Optimal string alignment: three rows of the matrix, since a swap looks two rows back. */
unsigned edit_distance(const char *a, const char *b)
{
        unsigned rows[3][LENGTH_MAX + 1];
        size_t n_a = strlen(a), n_b = strlen(b);

        if (n_a > LENGTH_MAX || n_b > LENGTH_MAX)
                return streq(a, b) ? 0 : LENGTH_MAX;
        for (unsigned j = 0; j <= n_b; j++)
                rows[0][j] = j;
        for (unsigned i = 1; i <= n_a; i++) {
                unsigned *row = rows[i % 3], *above = rows[(i - 1) % 3], *two_above = rows[(i + 1) % 3];

                row[0] = i;
                for (unsigned j = 1; j <= n_b; j++) {
                        row[j] = min3(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
                        if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                            two_above[j - 2] + 1 < row[j])
                                row[j] = two_above[j - 2] + 1;
                }
        }
        return rows[n_a % 3][n_b];
}

void suggestion_feed(Suggestion *suggestion, const char *candidate)
{
        size_t length = strlen(suggestion->word);
        unsigned distance = edit_distance(suggestion->word, candidate);

        /* An abbreviation is nearer than any typing error. */
        if (length >= 2 && startswith(candidate, suggestion->word))
                distance = 0;
        if (distance > (length < 3 ? 1 : (length + 2) / 3) || distance >= LENGTH_MAX)
                return;
        if (!suggestion->best || distance < suggestion->distance) {
                suggestion->best = candidate;
                suggestion->distance = distance;
        }
}
