/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The header of a saved state: what is taken lies within its file, and makes the same header again. */

#include <stdint.h>
#include <stdlib.h>

#include "base/checksum.h"
#include "base/util.h"
#include "daemon/save-file.h"

#define AT_HEADER_SUM 56U
#define PREFIX        64U

static void require(bool holds)
{
        if (!holds)
                abort();
}

static void check(const uint8_t *data, size_t size, uint64_t file_size)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        CLEANUP(free) char *again = NULL;
        SaveHeader header = {}, back = {};
        size_t again_size;

        if (save_header_parse(data, size, file_size, &header, &error) < 0) {
                require(error && !header.definition);
                return;
        }
        require(header.offset >= PREFIX && header.offset <= file_size &&
                header.length == file_size - header.offset);
        /* The JSON that we write may need more room than that which was read. */
        if (save_header_format(&header, &again, &again_size) >= 0) {
                require(save_header_parse(again, again_size, file_size, &back, NULL) == 0);
                require(streq(back.definition, header.definition) && streq(back.token, header.token) &&
                        back.running == header.running && back.checksum == header.checksum);
        }
        save_header_clear(&header);
        save_header_clear(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As it is, and with a checksum that is right for all of it, since none would be found by chance. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CLEANUP(free) uint8_t *copy = NULL;
        uint64_t offset = 0, length = 0, sum;

        check(data, size, size);
        if (size < PREFIX)
                return 0;
        copy = malloc(size);
        require(copy != NULL);
        memcpy(copy, data, size);
        memset(copy + AT_HEADER_SUM, 0, sizeof(sum));
        memcpy(copy + 12, &(uint32_t){(uint32_t)(size - PREFIX)}, sizeof(uint32_t));
        sum = checksum64(copy, size);
        memcpy(copy + AT_HEADER_SUM, &sum, sizeof(sum));
        memcpy(&offset, copy + 16, sizeof(offset));
        memcpy(&length, copy + 24, sizeof(length));
        check(copy, size, offset + length);
        return 0;
}
