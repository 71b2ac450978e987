/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/dynlib.h"
#include "base/i18n.h"
#include "base/util.h"
#include "store/archive-private.h"

/*
 * Libarchive goes by LC_CTYPE to convert names, and calls a UTF-8 name an error in the C locale. So the
 * thread has a UTF-8 locale while libarchive deals with names; the process's locale is left alone.
 */

#define LIBARCHIVE_SYMBOL(function) DYNLIB_SYMBOL(function, la.function),

Libarchive la = {.once = PTHREAD_ONCE_INIT};

static void load_libarchive(void)
{
        const DynlibSymbol symbols[] = {LIBARCHIVE(LIBARCHIVE_SYMBOL)};

        la.r = dynlib_load(ARCHIVE_LIBRARY, symbols, ELEMENTSOF(symbols));
        la.utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", /* base= */ (locale_t)0);
}

int need_libarchive(MusterError **ret_error)
{
        pthread_once(&la.once, load_libarchive);
        if (la.r < 0)
                return error_set(ret_error, la.r,
                                 _("Tar archives need %s, which cannot be loaded; install the package "
                                   "libarchive13 (libarchive13t64 on newer systems)."),
                                 ARCHIVE_LIBRARY);
        return 0;
}

static bool has_control_characters(const char *text)
{
        for (const unsigned char *s = (const unsigned char *)text; *s; s++)
                if (*s < 0x20 || *s == 0x7f || (*s == 0xc2 && s[1] < 0xa0))
                        return true;
        return false;
}

static bool has_dots(const char *name)
{
        for (size_t n; *name; name += n + (name[n] == '/')) {
                n = strcspn(name, "/");
                if ((n == 1 && name[0] == '.') || (n == 2 && name[0] == '.' && name[1] == '.'))
                        return true;
        }
        return false;
}

const char *archive_name_fault(const char *name)
{
        size_t size = strlen(name);

        if (size == 0)
                return _("is empty");
        if (size > ARCHIVE_NAME_MAX)
                return _("is longer than 255 bytes");
        if (!text_is_utf8(name, size))
                return _("is no UTF-8");
        if (has_control_characters(name))
                return _("has control characters in it");
        if (name[0] == '/')
                return _("is absolute");
        return has_dots(name) ? _("has a \".\" or \"..\" in it") : NULL;
}

int archive_report_name(int r, const char *name, const char *fault, MusterError **ret_error)
{
        CLEANUP(free) char *shown = text_for_terminal(name, strlen(name), ARCHIVE_NAME_SHOWN);

        if (!shown)
                return error_oom(ret_error);
        return error_set(
                ret_error, r,
                _("The name \"%s\" of a member of the archive %s; only relative paths of files can be "
                  "such names."),
                shown, fault);
}
