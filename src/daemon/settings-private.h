/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of the settings share: the table of keys, and the text of a value made the value. */

#include "daemon/settings.h"

/* inih's buffer for a line in Debian's build is 200 bytes; this holds whatever the build. */
#define SETTINGS_FILE_MAX (64U * 1024)

typedef enum SettingType {
        SETTING_PATH,   /* char *: absolute, as short as it can be written */
        SETTING_SOCKET, /* char *: a path that fits into a sockaddr_un */
        SETTING_NAMES,  /* char **: names of groups, between blanks or commas; may be none */
        SETTING_NAME,   /* char *: of a user; empty: NULL */
        SETTING_SLICE,  /* char *: of a unit; empty: NULL */
        SETTING_COUNT,  /* unsigned */
        SETTING_SIZE,   /* uint64_t bytes: "8M" */
        SETTING_TIME,   /* uint64_t microseconds: "60", "500ms", "2min" */
        SETTING_SWITCH, /* bool */
        SETTING_UIDS,   /* two uid_t, the first and the last: "10000-19999"; empty: both 0 */
} SettingType;

/*
 * One key of musterd.conf. The defaults are texts like those in the file, but that a path may begin with
 * $XDG_RUNTIME_DIR, $XDG_CONFIG_HOME or $XDG_STATE_HOME, and that NULL stands for the store's own folder.
 */
typedef struct SettingKey {
        const char *section, *name;
        SettingType type;
        size_t offset;             /* within Settings */
        const char *system, *user; /* defaults of the system's instance, of a user's */
        uint64_t min, max;         /* of a count, bytes, microseconds, a uid */
        bool system_only;          /* a user's instance has no right to do what it asks for */
} SettingKey;

extern const SettingKey settings_keys[];
extern const size_t settings_n_keys;

/*
 * Pure: `text`, without blanks around it, becomes the value of `key` in *settings, which has none yet. Else
 * -EINVAL with a sentence that begins with "[section] name".
 */
int setting_parse(const SettingKey *key, const char *text, Settings *settings, MusterError **ret_error);

/*
 * Pure: the text of a file, of which `name` is shown. `set` has an element for each key, which becomes true
 * where the file has it. -EINVAL with name and line.
 */
int settings_parse(const char *name, const char *text, size_t size, Settings *settings, bool *set,
                   MusterError **ret_error);

/* "$XDG_STATE_HOME/muster" with the variable's value, or what the XDG specification has in its place.
 * -ENOENT with the name of the variable that is missing; a relative path is as good as none. */
int settings_expand(const char *text, char **ret, MusterError **ret_error);
