/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A firmware descriptor: what is taken is whole, and can be matched against what a guest asks for. */

#include <errno.h>
#include <stdint.h>

#include "base/util.h"
#include "domain/firmware.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
        if (!holds)
                abort();
}

static void check_whole(const Firmware *firmware)
{
        require(firmware->executable && firmware->executable[0] == '/' && firmware->features);
        require(firmware->n_targets > 0 && !firmware->problem);
        if (firmware->device != FIRMWARE_FLASH)
                return;
        require(firmware->executable_format != NULL);
        require((firmware->mode == FIRMWARE_SPLIT) == (firmware->nvram_template != NULL));
        require((firmware->mode == FIRMWARE_SPLIT) == (firmware->nvram_format != NULL));
}

static void check_choice(Firmware *firmware, const FirmwareWanted *wanted)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        FirmwareList list = {.items = &firmware, .n_items = 1};
        CLEANUP(free) char *why = NULL;
        const Firmware *chosen = NULL;

        require(firmware_fits(firmware, wanted, &why) == 0);
        require(firmware_choose(&list, wanted, &chosen, &error) == (why ? -ENOENT : 0));
        require(!error == !why && !chosen == !!why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CLEANUP(Firmware) Firmware *firmware = NULL;
        CLEANUP(MusterError) MusterError *error = NULL;
        const char *const with[] = {"secure-boot", NULL}, *const without[] = {"enrolled-keys", NULL};
        FirmwareWanted wanted = {.architecture = "x86_64",
                                 .machine =
                                         "pc-q35-7.2-with-a-long-name-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};

        if (firmware_parse((const char *)data, size, &firmware, &error) < 0) {
                require(error && !firmware);
                return 0;
        }
        check_whole(firmware);
        check_choice(firmware, &wanted);
        wanted.interfaces = FIRMWARE_EFI;
        wanted.with = with;
        wanted.without = without;
        check_choice(firmware, &wanted);
        wanted.stateless = true;
        check_choice(firmware, &wanted);
        return 0;
}
