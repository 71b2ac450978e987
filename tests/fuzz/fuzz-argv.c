/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A command line, a word a line: its definition is XML again, and it does not differ from itself. */

#include <stdint.h>
#include <stdlib.h>

#include "base/util.h"
#include "domain/argv.h"

static void require(bool holds)
{
        if (!holds)
                abort();
}

static void check(char *const *words)
{
        static const ArgvAbout about = {.name = "vm",
                                        .uuid = "557a5bcc-4414-44e1-9bf7-5eb9686f53c2",
                                        .emulator = "/usr/bin/qemu-system-x86_64",
                                        .arch = "x86_64"};
        CLEANUP(json) json_object *unmapped = NULL, *differences = json_object_new_array();
        CLEANUP(argv) Argv argv = {}, again = {};
        CLEANUP(free) char *text = NULL;
        CLEANUP(xml) Xml *xml = NULL;
        Faults faults = {};

        if (argv_read(words, &argv, NULL) < 0)
                return;
        require(argv_read(words, &again, NULL) == 0);
        require(argv_compare(&argv, &again, differences) == 0);
        require(json_object_array_length(differences) == 0);
        require(argv_to_definition(&argv, &about, &text, &unmapped) == 0);
        require(xml_parse(text, strlen(text), "domain", &faults, &xml) == 0 && xml);
        faults_clear(&faults);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CLEANUP(free) char *text = strndup((const char *)data, size);
        CLEANUP(strv) char **words = NULL;

        require(text && strv_split(text, "\n", &words) == 0);
        if (size < 65536 && words)
                check(words);
        return 0;
}
