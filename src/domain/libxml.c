/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/libxml.h"

#include <pthread.h>

#include "base/dynlib.h"
#include "base/util.h"

/* The name that the library has carried since 2.14; before it was one for twenty years. */
#if LIBXML_VERSION >= 21400
#define LIBRARY "libxml2.so.16"
#else
#define LIBRARY "libxml2.so.2"
#endif

Libxml libxml;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int loaded;

static void load(void)
{
#define SYMBOL(name) DYNLIB_SYMBOL(name, libxml.name),
        const DynlibSymbol symbols[] = {LIBXML_FUNCTIONS(SYMBOL)};
#undef SYMBOL

        loaded = dynlib_load(LIBRARY, symbols, ELEMENTSOF(symbols));
        /* Before there are threads that use it. */
        if (loaded == 0)
                libxml.xmlInitParser();
}

int libxml_load(void)
{
        pthread_once(&once, load);
        return loaded;
}
