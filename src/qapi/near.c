/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "qapi/near.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/util.h"

#define NAME_MAX_NEAR 63

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
        unsigned least = a < b ? a : b;

        return least < c ? least : c;
}

/* '_' for '-' is what a hand slips most: QAPI has both, device_add and object-add. */
static bool alike(char a, char b)
{
        return a == b || ((a == '-' || a == '_') && (b == '-' || b == '_'));
}

/* Edits with swaps of neighbours counted once (optimal string alignment), on three rows. */
static unsigned edit_distance(const char *a, size_t na, const char *b, size_t nb)
{
        unsigned rows[3][NAME_MAX_NEAR + 1];
        unsigned *before = rows[0], *last = rows[1], *row = rows[2], *spare;

        for (size_t j = 0; j <= nb; j++)
                last[j] = (unsigned)j;
        for (size_t i = 1; i <= na; i++) {
                row[0] = (unsigned)i;
                for (size_t j = 1; j <= nb; j++) {
                        row[j] = min3(last[j] + 1, row[j - 1] + 1, last[j - 1] + !alike(a[i - 1], b[j - 1]));
                        if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                            before[j - 2] + 1 < row[j])
                                row[j] = before[j - 2] + 1;
                }
                spare = before;
                before = last;
                last = row;
                row = spare;
        }
        return last[nb];
}

void near_offer(Near *near, const char *name)
{
        size_t n = strlen(name), wanted = strnlen(near->wanted, NAME_MAX_NEAR + 1);
        unsigned distance, limit = wanted < 3 ? 0 : wanted < 6 ? 1 : wanted < 12 ? 2 : 3;

        if (n > NAME_MAX_NEAR || wanted > NAME_MAX_NEAR)
                return;
        distance = edit_distance(near->wanted, wanted, name, n);
        if (distance > limit || (near->best && distance >= near->distance))
                return;
        near->best = name;
        near->distance = distance;
}
