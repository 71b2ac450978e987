/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Libraries that only some calls need, loaded by the first one that does: mapping and relocating libcrypto
 * costs more than all else that a warm `muster has` does together.
 */

#include <stddef.h>

typedef struct DynlibSymbol {
        const char *name;
        void *pointer; /* of a function pointer, to be set */
} DynlibSymbol;

#define DYNLIB_SYMBOL(function, pointer)                                                                    \
        {                                                                                                   \
#function, &(pointer)                                                                       \
        }

/*
 * Loads the library `soname` for the rest of the process and sets every pointer. -ENOPKG where the library
 * or one of its symbols is missing; nothing is set then. Thread-safe; the caller sees to it that it is done
 * once (pthread_once()).
 */
int dynlib_load(const char *soname, const DynlibSymbol *symbols, size_t n_symbols);
