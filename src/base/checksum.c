/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/checksum.h"

#include <string.h>

#define FNV_OFFSET UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME  UINT64_C(0x100000001b3)

uint64_t checksum64(const void *data, size_t size)
{
        const unsigned char *bytes = data;
        uint64_t hash = FNV_OFFSET;

        for (size_t i = 0; i < size; i++)
                hash = (hash ^ bytes[i]) * FNV_PRIME;
        return hash;
}

uint64_t checksum64_text(const char *text)
{
        return checksum64(text, strlen(text));
}
