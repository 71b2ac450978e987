/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/dynlib.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

/* Never unloaded: libraries that register exit handlers do not survive that. */
int dynlib_load(const char *soname, const DynlibSymbol *symbols, size_t n_symbols)
{
        void *library = dlopen(soname, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);

        if (!library)
                return -ENOPKG;
        for (size_t i = 0; i < n_symbols; i++)
                if (!dlsym(library, symbols[i].name)) {
                        dlclose(library);
                        return -ENOPKG;
                }
        for (size_t i = 0; i < n_symbols; i++) {
                void *symbol = dlsym(library, symbols[i].name);

                memcpy(symbols[i].pointer, &symbol, sizeof(symbol));
        }
        return 0;
}
