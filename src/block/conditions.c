/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "block/decide.h"
#include "emulator/launch.h"

/*
 * Reopening needs the right to open. An emulator that gave up its user or its root directory has opened its
 * images before, and fails at the next reopening: at the first write, or worse, at the end of a migration.
 * /dev/fdset/N is opened by taking the descriptor of the set whose access mode matches, so a set serves
 * reopening only if it holds one that reads only and one that writes.
 */

static int append(char **list, const char *item)
{
        char *longer;

        if (!item || asprintf(&longer, "%s%s%s", *list ? *list : "", *list ? ", " : "", item) < 0)
                return -ENOMEM;
        free(*list);
        *list = longer;
        return 0;
}

static const GateFdset *find_fdset(const GateLaunch *launch, int64_t id)
{
        for (size_t i = 0; i < launch->n_fdsets; i++)
                if (launch->fdsets[i].id == id)
                        return launch->fdsets + i;
        return NULL;
}

static int fdset_condition(const Gate *gate, const char *filename, char **list)
{
        const GateFdset *set = find_fdset(gate->launch, fdset_of_filename(filename));
        CLEANUP(free) char *text = NULL;
        const char *format;

        if (!gate->launch->fdsets_known)
                format = _("%s may lack a read-only or a writable descriptor, which only the running "
                           "emulator can "
                           "tell");
        else if (!set)
                format = _("%s is not an fd set of this emulator");
        else if (!set->readable)
                format = _("%s has no read-only descriptor");
        else if (!set->writable)
                format = _("%s has no writable descriptor");
        else
                return 0;
        if (asprintf(&text, format, filename) < 0) {
                text = NULL;
                return -ENOMEM;
        }
        return append(list, text);
}

int gate_conditions(const Gate *gate, const char *filename, char **ret)
{
        unsigned conditions = gate->launch->conditions;
        CLEANUP(free) char *list = NULL;
        bool fdset = fdset_of_filename(filename) >= 0;

        /* What the set of a running emulator holds is known better than by the caller's bit. */
        if (fdset && gate->launch->fdsets_known)
                conditions &= ~(unsigned)LAUNCH_SINGLE_FD;
        for (unsigned bit = 1; bit && bit <= conditions; bit <<= 1)
                if ((conditions & bit) && append(&list, launch_condition_name(bit)) < 0)
                        return -ENOMEM;
        if (fdset && !(conditions & LAUNCH_SINGLE_FD) && fdset_condition(gate, filename, &list) < 0)
                return -ENOMEM;
        *ret = TAKE(list);
        return 0;
}

int gate_fdset_lacks(const Gate *gate, const char *filename, MusterAccess access, char **ret)
{
        int64_t id = fdset_of_filename(filename);
        const GateFdset *set;
        int r;

        if (id < 0 || !gate->launch->fdsets_known)
                return 0;
        set = find_fdset(gate->launch, id);
        if (set && (access == MUSTER_ACCESS_RO ? set->readable : set->writable))
                return 0;
        if (!set)
                r = asprintf(ret,
                             _("This emulator has no fd set %lld; pass the image's descriptors with add-fd "
                               "first."),
                             (long long)id);
        else
                r = asprintf(ret,
                             access == MUSTER_ACCESS_RO ? _("The fd set %lld has no descriptor that is open "
                                                            "read-only; add one with add-fd.")
                                                        : _("The fd set %lld has no descriptor that is open "
                                                            "read-write; add one with "
                                                            "add-fd."),
                             (long long)id);
        return r < 0 ? -ENOMEM : 1;
}
