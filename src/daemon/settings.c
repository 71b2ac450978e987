/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The keys stand in one table: where each lies in the file and in Settings, its type, its defaults and its
 * bounds. A default is a text of the same syntax as in the file and goes through the same parser, after the
 * file was read and only for what it left open: a variable of the environment that is not set is no fault
 * as long as nothing needs it. conf/musterd.conf and musterd.conf(5) are held against the table by
 * tests/tree/test_service.py.
 */

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/fileio.h"
#include "base/i18n.h"
#include "base/util.h"
#include "daemon/settings-private.h"
#include "muster/store.h"

#define SYSTEM_FILE "/etc/muster/musterd.conf"
#define USER_FILE   "$XDG_CONFIG_HOME/muster/musterd.conf"

#define AT(field)   offsetof(Settings, field)
#define MIB         (UINT64_C(1) << 20)
#define GIB         (UINT64_C(1) << 30)

/* clang-format off */
const SettingKey settings_keys[] = {
        {"paths", "socket", SETTING_SOCKET, AT(socket), "/run/muster/muster.sock", "$XDG_RUNTIME_DIR/muster/muster.sock"},
        {"paths", "run", SETTING_PATH, AT(run), "/run/muster", "$XDG_RUNTIME_DIR/muster"},
        {"paths", "definitions", SETTING_PATH, AT(definitions), "/etc/muster/domains", "$XDG_CONFIG_HOME/muster/domains"},
        {"paths", "state", SETTING_PATH, AT(state), "/var/lib/muster", "$XDG_STATE_HOME/muster"},
        {"paths", "logs", SETTING_PATH, AT(logs), "/var/log/muster", "$XDG_STATE_HOME/muster/log"},
        {"paths", "cache", SETTING_PATH, AT(cache), NULL, NULL},

        {"access", "groups", SETTING_NAMES, AT(groups), "muster", "", .system_only = true},
        {"access", "read_only_groups", SETTING_NAMES, AT(read_only_groups), "muster-read", "", .system_only = true},

        {"limits", "connections", SETTING_COUNT, AT(connections), "512", "512", 1, 65536},
        {"limits", "connections_per_user", SETTING_COUNT, AT(connections_per_user), "128", "128", 1, 65536},
        {"limits", "body_size", SETTING_SIZE, AT(body_size), "8M", "8M", 4096, 64 * MIB},
        {"limits", "idle", SETTING_TIME, AT(idle_usec), "60s", "60s", USEC_PER_SEC, 3600 * USEC_PER_SEC},
        {"limits", "domains", SETTING_COUNT, AT(domains), "10000", "10000", 1, 1000000},
        {"limits", "call", SETTING_TIME, AT(call_usec), "10s", "10s", 100 * USEC_PER_MSEC, 3600 * USEC_PER_SEC},
        {"limits", "start", SETTING_TIME, AT(start_usec), "60s", "60s", USEC_PER_SEC, 3600 * USEC_PER_SEC},
        {"limits", "probe", SETTING_TIME, AT(probe_usec), "30s", "30s", USEC_PER_SEC, 3600 * USEC_PER_SEC},

        {"emulator", "user", SETTING_NAME, AT(user), "muster-emulator", "", .system_only = true},
        {"emulator", "uids", SETTING_UIDS, AT(uid_first), "1900000000-1900065535", "", 1000, UINT32_MAX - 2, .system_only = true},
        {"emulator", "supplementary_groups", SETTING_NAMES, AT(supplementary_groups), "kvm render", "", .system_only = true},
        {"emulator", "sandbox", SETTING_SWITCH, AT(sandbox), "yes", "yes"},
        {"emulator", "scopes", SETTING_SWITCH, AT(scopes), "yes", "yes"},
        {"emulator", "slice", SETTING_SLICE, AT(slice), "muster.slice", "muster.slice"},
        {"emulator", "log_size", SETTING_SIZE, AT(log_size), "2M", "2M", 4096, GIB},
        {"emulator", "log_count", SETTING_COUNT, AT(log_count), "3", "3", 0, 100},
};
/* clang-format on */
const size_t settings_n_keys = ELEMENTSOF(settings_keys);

_Static_assert(AT(uid_last) == AT(uid_first) + sizeof(uid_t), "SETTING_UIDS sets the two of them");

static int expand_home(const char *below, char **ret, MusterError **ret_error)
{
        const char *home = secure_getenv("HOME");

        if (!home || home[0] != '/')
                return error_set(ret_error, -ENOENT,
                                 _("HOME is not set to an absolute path, so there is no place for what "
                                   "belongs to this user; set it, or name the paths in a file by "
                                   "--config."));
        *ret = text_format("%s/%s", home, below);
        return *ret ? 0 : error_oom(ret_error);
}

int settings_expand(const char *text, char **ret, MusterError **ret_error)
{
        static const struct {
                const char *name, *below_home; /* NULL: nothing takes its place */
        } variables[] = {
                {"XDG_RUNTIME_DIR", NULL},
                {"XDG_CONFIG_HOME", ".config"},
                {"XDG_STATE_HOME", ".local/state"},
        };

        for (size_t i = 0; text[0] == '$' && i < ELEMENTSOF(variables); i++) {
                const char *rest = startswith(text + 1, variables[i].name);
                const char *value = rest ? secure_getenv(variables[i].name) : NULL;
                CLEANUP(free) char *base = NULL;
                int r;

                if (!rest)
                        continue;
                if (!value || value[0] != '/') {
                        if (!variables[i].below_home)
                                return error_set(ret_error, -ENOENT,
                                                 _("%s is not set to an absolute path, so there is no place "
                                                   "for the socket; log in through PAM's pam_systemd, or "
                                                   "set it."),
                                                 variables[i].name);
                        r = expand_home(variables[i].below_home, &base, ret_error);
                        if (r < 0)
                                return r;
                        value = base;
                }
                *ret = text_format("%s%s", value, rest);
                return *ret ? 0 : error_oom(ret_error);
        }
        *ret = strdup(text);
        return *ret ? 0 : error_oom(ret_error);
}

static int store_folder(char **ret, MusterError **ret_error)
{
        int r = muster_store_default_directory(ret);

        if (r == -ENOENT)
                return error_set(ret_error, r,
                                 _("Neither HOME nor XDG_CACHE_HOME is set to an absolute path, so there is "
                                   "no place for the cache; set one of them, or MUSTER_CACHE_DIR."));
        return r < 0 ? error_oom(ret_error) : 0;
}

static int take_default(const SettingKey *key, Settings *settings, MusterError **ret_error)
{
        const char *text = settings->session ? key->user : key->system;
        CLEANUP(free) char *expanded = NULL;
        int r = text ? settings_expand(text, &expanded, ret_error) : store_folder(&expanded, ret_error);

        return r < 0 ? r : setting_parse(key, expanded, settings, ret_error);
}

/* The daemon does as root what its file says, so the file must be root's, or the caller's own. A FIFO must
 * not hold us up. -ENOENT: none, without a sentence. */
static int read_file_of_ours(const char *file, char **ret, size_t *ret_size, MusterError **ret_error)
{
        CLEANUP(fd) int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        struct stat st;
        int r;

        if (fd < 0 && errno == ENOENT)
                return -ENOENT;
        if (fd < 0 || fstat(fd, &st) < 0)
                return error_errno(ret_error, -errno, _("The configuration %s cannot be read"), file);
        if (!S_ISREG(st.st_mode))
                return error_set(ret_error, -EINVAL, _("The configuration %s is no regular file."), file);
        if ((st.st_uid != 0 && st.st_uid != geteuid()) || (st.st_mode & S_IWOTH))
                return error_set(ret_error, -EPERM,
                                 _("The configuration %s belongs to somebody else, or everybody may write "
                                   "to it; make it your own (chown, chmod o-w)."),
                                 file);
        r = read_fd(fd, SETTINGS_FILE_MAX, ret, ret_size);
        if (r == -EFBIG)
                return error_set(ret_error, -EINVAL, _("The configuration %s is larger than %u bytes."),
                                 file, SETTINGS_FILE_MAX);
        return r < 0 ? error_errno(ret_error, r, _("The configuration %s cannot be read"), file) : 0;
}

static int load_file(const char *named, Settings *settings, bool *set, MusterError **ret_error)
{
        CLEANUP(free) char *file = NULL, *text = NULL;
        size_t size = 0;
        int r = settings_expand(named               ? named
                                : settings->session ? USER_FILE
                                                    : SYSTEM_FILE,
                                &file, ret_error);

        if (r < 0)
                return r;
        r = read_file_of_ours(file, &text, &size, ret_error);
        if (r == -ENOENT && named)
                return error_errno(ret_error, r, _("The configuration %s cannot be read"), file);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        return settings_parse(file, text, size, settings, set, ret_error);
}

static int check_together(const Settings *settings, MusterError **ret_error)
{
        if (settings->connections_per_user > settings->connections)
                return error_set(
                        ret_error, -EINVAL,
                        _("[limits] connections_per_user (%u) exceeds connections (%u), so one user "
                          "could keep all others out; lower it."),
                        settings->connections_per_user, settings->connections);
        return 0;
}

static int load(const char *file, Settings *settings, MusterError **ret_error)
{
        bool set[ELEMENTSOF(settings_keys)] = {false};
        int r = load_file(file, settings, set, ret_error);

        for (size_t i = 0; r == 0 && i < settings_n_keys; i++)
                if (!set[i])
                        r = take_default(&settings_keys[i], settings, ret_error);
        return r < 0 ? r : check_together(settings, ret_error);
}

int settings_load(bool session, const char *file, Settings *ret, MusterError **ret_error)
{
        Settings settings = {.session = session};
        int r = load(file, &settings, ret_error);

        if (r < 0) {
                settings_clear(&settings);
                return r;
        }
        *ret = settings;
        return 0;
}

void settings_clear(Settings *settings)
{
        for (size_t i = 0; i < settings_n_keys; i++) {
                void *field = (char *)settings + settings_keys[i].offset;

                switch (settings_keys[i].type) {
                case SETTING_PATH:
                case SETTING_SOCKET:
                case SETTING_NAME:
                case SETTING_SLICE:
                        free(*(char **)field);
                        break;
                case SETTING_NAMES:
                        strv_free(*(char ***)field);
                        break;
                case SETTING_COUNT:
                case SETTING_SIZE:
                case SETTING_TIME:
                case SETTING_SWITCH:
                case SETTING_UIDS:
                        break;
                }
        }
        *settings = (Settings){0};
}

int settings_set_socket(Settings *settings, const char *path, MusterError **ret_error)
{
        Settings parsed = {};
        int r;

        for (size_t i = 0; i < settings_n_keys; i++)
                if (settings_keys[i].type == SETTING_SOCKET) {
                        r = setting_parse(&settings_keys[i], path, &parsed, ret_error);
                        if (r < 0)
                                return r;
                        free(settings->socket);
                        settings->socket = parsed.socket;
                }
        return 0;
}
