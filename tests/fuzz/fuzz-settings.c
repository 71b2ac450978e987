/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A musterd.conf: what is taken is within its bounds, and what is not has a place and a sentence. */

#include <stdint.h>
#include <stdlib.h>

#include "base/util.h"
#include "daemon/settings-private.h"

static void require(bool holds)
{
        if (!holds)
                abort();
}

static void check_value(const SettingKey *key, const Settings *settings)
{
        const void *field = (const char *)settings + key->offset;
        const char *path = key->type <= SETTING_SOCKET ? *(char *const *)field : NULL;
        uint64_t number = key->type == SETTING_COUNT ? *(const unsigned *)field : 0;

        if (path)
                require(path[0] == '/' && path[1] && path[strlen(path) - 1] != '/' && !strstr(path, "//") &&
                        !strstr(path, "/../") && text_is_utf8(path, strlen(path)));
        if (key->type == SETTING_SOCKET)
                require(strlen(path) < 108);
        if (key->type == SETTING_SIZE || key->type == SETTING_TIME)
                number = *(const uint64_t *)field;
        if (key->type == SETTING_COUNT || key->type == SETTING_SIZE || key->type == SETTING_TIME)
                require(number >= key->min && number <= key->max);
        if (key->type == SETTING_UIDS)
                require(settings->uid_first <= settings->uid_last);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        Settings settings = {.session = size % 2};
        bool set[64] = {false};
        int r;

        require(settings_n_keys <= ELEMENTSOF(set));
        if (size > SETTINGS_FILE_MAX)
                return 0;
        r = settings_parse("conf", (const char *)data, size, &settings, set, &error);
        require((r < 0) == (error != NULL));
        if (r < 0)
                require(startswith(muster_error_message(error), "conf:"));
        for (size_t i = 0; i < settings_n_keys; i++)
                if (set[i])
                        check_value(&settings_keys[i], &settings);
        settings_clear(&settings);
        return 0;
}
