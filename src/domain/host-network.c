/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/host-network.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <net/if.h>
#include <sys/stat.h>

#include "base/fileio.h"
#include "base/i18n.h"
#include "base/util.h"

#define ADMINISTRATORS_DIR "/etc/muster/networks.d"

static const char *const types[] = {"user", "passt", "bridge", "ethernet", NULL};

/* By the XDG base directory specification: a relative path is to be ignored. */
static int add_users(char ***folders)
{
        const char *config = secure_getenv("XDG_CONFIG_HOME"), *home = secure_getenv("HOME");
        CLEANUP(free) char *folder = NULL;

        if (config && config[0] == '/')
                folder = text_format("%s/muster/networks.d", config);
        else if (home && home[0] == '/')
                folder = text_format("%s/.config/muster/networks.d", home);
        else
                return 0;
        return folder ? strv_append(folders, folder) : -ENOMEM;
}

int network_folders(bool user, char ***ret)
{
        CLEANUP(strv) char **folders = NULL;
        int r;

        r = strv_append(&folders, ADMINISTRATORS_DIR);
        if (r == 0 && user)
                r = add_users(&folders);
        if (r < 0)
                return r;
        *ret = TAKE(folders);
        return 0;
}

/* --- the list ------------------------------------------------------------------------------------ */

static void network_clear(Network *network)
{
        free(network->name);
        free(network->type);
        free(network->bridge);
        free(network->file);
        *network = (Network){0};
}

NetworkList *network_list_free(NetworkList *list)
{
        if (!list)
                return NULL;
        for (size_t i = 0; i < list->n_items; i++)
                network_clear(&list->items[i]);
        free(list->items);
        free(list);
        return NULL;
}

static Network *find(const NetworkList *list, const char *name)
{
        for (size_t i = 0; i < list->n_items; i++)
                if (streq(list->items[i].name, name))
                        return &list->items[i];
        return NULL;
}

int network_find(const NetworkList *list, const char *name, json_object **ret)
{
        const Network *network = find(list, name);
        CLEANUP(json) json_object *words = NULL;

        if (!network && !streq(name, "default"))
                return -ENOENT;
        words = json_object_new_object();
        if (!words || json_add_string(words, "type", network ? network->type : "user") < 0 ||
            (network && network->bridge && json_add_string(words, "bridge", network->bridge) < 0))
                return -ENOMEM;
        *ret = TAKE(words);
        return 0;
}

/* --- one file ------------------------------------------------------------------------------------ */

typedef struct Reading {
        NetworkList *list;
        const char *file;
        MusterError **ret_error;
        int r;
} Reading;

/* The section's network; one of an earlier file begins anew. */
static Network *open_section(Reading *reading, const char *section)
{
        NetworkList *list = reading->list;
        Network *network = find(list, section);

        if (network && streq(network->file, reading->file))
                return network;
        if (network) {
                network_clear(network);
        } else {
                Network *grown = reallocarray(list->items, list->n_items + 1, sizeof(*grown));

                if (!grown)
                        return NULL;
                list->items = grown;
                network = &grown[list->n_items];
                *network = (Network){0};
        }
        network->name = strdup(section);
        network->file = strdup(reading->file);
        if (!network->name || !network->file) {
                network_clear(network);
                /* What has no name must not stay in the list. */
                if (network < list->items + list->n_items)
                        *network = list->items[--list->n_items];
                return NULL;
        }
        if (network == list->items + list->n_items)
                list->n_items++;
        return network;
}

static char **key_of(Network *network, const char *key)
{
        if (streq(key, "type"))
                return &network->type;
        return streq(key, "bridge") ? &network->bridge : NULL;
}

static int take(Reading *reading, const char *section, const char *key, const char *value)
{
        Network *network;
        char **slot;

        if (!*section)
                return error_set(reading->ret_error, -EBADMSG,
                                 _("%s: \"%s\" stands before any network; put [NAME] above it."),
                                 reading->file, key);
        network = open_section(reading, section);
        if (!network)
                return error_oom(reading->ret_error);
        slot = key_of(network, key);
        if (!slot)
                return error_set(reading->ret_error, -EBADMSG,
                                 _("%s: [%s] has \"%s\", which muster does not know; type and bridge there "
                                   "are."),
                                 reading->file, section, key);
        if (*slot)
                return error_set(reading->ret_error, -EBADMSG, _("%s: [%s] has \"%s\" twice; keep one."),
                                 reading->file, section, key);
        *slot = strdup(value);
        return *slot ? 0 : error_oom(reading->ret_error);
}

static int on_value(void *userdata, const char *section, const char *key, const char *value)
{
        Reading *reading = userdata;

        if (reading->r == 0)
                reading->r = take(reading, section, key, value ?: "");
        return 1;
}

static bool is_type(const char *type)
{
        for (size_t i = 0; types[i]; i++)
                if (streq(types[i], type))
                        return true;
        return false;
}

static int check_network(const Network *network, MusterError **ret_error)
{
        size_t n = network->bridge ? strlen(network->bridge) : 0;

        if (!network->type || !is_type(network->type))
                return error_set(ret_error, -EBADMSG,
                                 _("%s: [%s] needs a type: user, passt, bridge or ethernet."), network->file,
                                 network->name);
        if (streq(network->type, "bridge") != (network->bridge != NULL))
                return error_set(ret_error, -EBADMSG,
                                 network->bridge
                                         ? _("%s: only with type = bridge does [%s] have a bridge.")
                                         : _("%s: [%s] does not say which bridge; add bridge = br0."),
                                 network->file, network->name);
        if (network->bridge && (n == 0 || n >= IFNAMSIZ || strpbrk(network->bridge, "/ \t:%")))
                return error_set(ret_error, -EBADMSG, _("%s: [%s]: \"%s\" is no name of a bridge."),
                                 network->file, network->name, network->bridge);
        return 0;
}

static int parse(NetworkList *list, const char *file, const char *text, MusterError **ret_error)
{
        Reading reading = {.list = list, .file = file, .ret_error = ret_error};
        int line = ini_parse_string(text, on_value, &reading), r = reading.r;

        if (r == 0 && line < 0)
                r = error_oom(ret_error);
        if (r == 0 && line > 0)
                r = error_set(ret_error, -EBADMSG,
                              _("%s:%d: neither [NAME] nor KEY = VALUE; mend or remove the line."), file,
                              line);
        for (size_t i = 0; r == 0 && i < list->n_items; i++)
                if (streq(list->items[i].file, file))
                        r = check_network(&list->items[i], ret_error);
        return r;
}

/* --- the folders --------------------------------------------------------------------------------- */

/* A FIFO must not hold us up. */
static int read_regular(const char *path, char **ret)
{
        CLEANUP(fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        struct stat st;
        size_t size;

        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        return S_ISREG(st.st_mode) ? read_fd(fd, NETWORK_FILE_MAX, ret, &size) : -EINVAL;
}

static int compare_names(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

/* In the order of bytes, whatever the locale. */
static int list_folder(const char *folder, char ***ret)
{
        CLEANUP(dir) DIR *dir = opendir(folder);
        CLEANUP(strv) char **names = NULL;
        struct dirent *entry;
        size_t n = 0;

        if (!dir)
                return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
        while ((errno = 0, entry = readdir(dir))) {
                size_t length = strlen(entry->d_name);

                if (++n > NETWORK_FILES_MAX + 2)
                        return -E2BIG;
                if (entry->d_name[0] == '.' || length <= 5 || !streq(entry->d_name + length - 5, ".conf"))
                        continue;
                if (strv_append(&names, entry->d_name) < 0)
                        return -ENOMEM;
        }
        if (errno > 0)
                return -errno;
        if (names)
                qsort(names, strv_length(names), sizeof(*names), compare_names);
        *ret = TAKE(names);
        return 0;
}

static int load_folder(NetworkList *list, const char *folder, MusterError **ret_error)
{
        CLEANUP(strv) char **names = NULL;
        int r;

        r = list_folder(folder, &names);
        if (r < 0)
                return error_errno(ret_error, r, _("The networks' folder %s"), folder);
        for (char **name = names; name && *name; name++) {
                CLEANUP(free) char *path = text_format("%s/%s", folder, *name), *text = NULL;

                if (!path)
                        return error_oom(ret_error);
                r = read_regular(path, &text);
                if (r < 0)
                        return error_errno(ret_error, r, _("The networks in %s"), path);
                r = parse(list, path, text, ret_error);
                if (r < 0)
                        return r;
        }
        return 0;
}

int network_load(char *const *folders, NetworkList **ret, MusterError **ret_error)
{
        CLEANUP(NetworkList) NetworkList *list = calloc(1, sizeof(*list));
        int r = list ? 0 : error_oom(ret_error);

        for (size_t i = 0; r == 0 && folders && folders[i]; i++)
                r = load_folder(list, folders[i], ret_error);
        if (r < 0)
                return r;
        *ret = TAKE(list);
        return 0;
}
