/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Runs a fuzz target over every file of a folder, so that the seeds and past findings are plain tests. */

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fileio.h"
#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int run_file(int folder, const char *name)
{
        CLEANUP(free) char *data = NULL;
        size_t size;
        int r;

        r = read_file_at(folder, name, JSON_SIZE_MAX, &data, &size);
        if (r < 0) {
                fprintf(stderr, "%s: %s\n", name, strerror(-r));
                return r;
        }
        LLVMFuzzerTestOneInput((const uint8_t *)data, size);
        return 0;
}

int main(int argc, char **argv)
{
        CLEANUP(dir) DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
        struct dirent *entry;
        unsigned n = 0;

        if (!folder) {
                fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
                return 1;
        }
        while ((entry = readdir(folder))) {
                if (entry->d_name[0] == '.')
                        continue;
                if (run_file(dirfd(folder), entry->d_name) < 0)
                        return 1;
                n++;
        }
        if (n == 0) {
                fprintf(stderr, "%s has no seeds, so nothing was tested\n", argv[1]);
                return 1;
        }
        return 0;
}
