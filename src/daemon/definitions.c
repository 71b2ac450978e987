/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/fileio.h"
#include "base/i18n.h"
#include "base/util.h"
#include "daemon/log.h"
#include "daemon/life-record.h"
#include "daemon/rename.h"
#include "domain/libxml.h"
#include "muster/domain.h"

/* Definitions on the disk, and what is found of them and of records when the daemon starts. */

static int split(const char *path, char **ret_folder, const char **ret_name)
{
        const char *slash = strrchr(path, '/');

        *ret_folder = strndup(path, (size_t)(slash - path));
        *ret_name = slash + 1;
        return *ret_folder ? 0 : -ENOMEM;
}

int definition_write(const char *path, const char *text, MusterError **ret_error)
{
        CLEANUP(free) char *folder = NULL;
        CLEANUP(fd) int fd = -1;
        const char *name;
        int r;

        r = split(path, &folder, &name);
        if (r < 0)
                return error_oom(ret_error);
        fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return error_errno(ret_error, -errno, "%s", folder);
        r = write_file_at(fd, name, text, strlen(text), 0600, /* durable= */ true, NULL);
        if (r >= 0 && fsync(fd) < 0)
                r = -errno;
        return r < 0 ? error_errno(ret_error, r, "%s", path) : 0;
}

int definition_remove(const char *path, bool durable, MusterError **ret_error)
{
        CLEANUP(free) char *folder = NULL;
        CLEANUP(fd) int fd = -1;
        const char *name;

        if (split(path, &folder, &name) < 0)
                return error_oom(ret_error);
        fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return errno == ENOENT ? 0 : error_errno(ret_error, -errno, "%s", folder);
        if (unlinkat(fd, name, 0) < 0 && errno != ENOENT)
                return error_errno(ret_error, -errno, "%s", path);
        if (durable)
                (void)fsync(fd);
        return 0;
}

/* --- definitions ----------------------------------------------------------------------------------- */

static int read_name(const char *text, char **ret)
{
        CLEANUP(faults) Faults faults = {};
        CLEANUP(xml) Xml *xml = NULL;
        XmlElement *element;
        char *name;
        int r;

        r = xml_parse(text, strlen(text), "domain", &faults, &xml);
        if (r < 0)
                return r;
        element = xml ? xml_child(xml->root, "name") : NULL;
        if (!element)
                return -EBADMSG;
        name = xml_text(element);
        if (!name)
                return -ENOMEM;
        *ret = name;
        return 0;
}

static int take_definition(Daemon *daemon, const char *path, char *text, MusterError **ret_error)
{
        CLEANUP(faults) Faults faults = {.file = path};
        CLEANUP(xml) Xml *xml = NULL;
        CLEANUP(free) char *name = NULL, *uuid = NULL, *save = NULL, *link = NULL;
        char canonical[UUID_TEXT_SIZE];
        XmlElement *element;
        Managed *managed;
        int r;

        r = xml_parse(text, strlen(text), "domain", &faults, &xml);
        if (r < 0)
                return r == -ENOMEM ? error_oom(ret_error) : error_errno(ret_error, r, "libxml2");
        if (xml && (element = xml_child(xml->root, "name")))
                name = xml_text(element);
        if (xml && (element = xml_child(xml->root, "uuid")))
                uuid = xml_text(element);
        if (!name || !uuid || value_uuid(uuid, canonical) < 0)
                return error_set(
                        ret_error, -EBADMSG,
                        _("This is no definition with a name and a UUID; repair it, or remove it."));
        r = managed_new(daemon, name, canonical, &managed, ret_error);
        if (r < 0)
                return r;
        managed->definition = text;
        element = xml_child(xml->root, "title");
        managed->title = element ? xml_text(element) : NULL;
        save = managed_save_path(managed);
        link = managed_autostart_path(managed);
        managed->managed_save = save && access(save, F_OK) == 0;
        managed->autostart = link && access(link, F_OK) == 0;
        return 0;
}

/* What says another name than its file's is a rename that was not finished (rename.h). */
static int finish_rename(Daemon *daemon, const char *file, const char *text, MusterError **ret_error)
{
        CLEANUP(free) char *old_name = strndup(file, strlen(file) - strlen(".xml")), *name = NULL;
        int r;

        if (!old_name)
                return error_oom(ret_error);
        r = read_name(text, &name);
        if (r < 0)
                return r == -ENOMEM ? error_oom(ret_error) : 0; /* whoever loads it says what is wrong */
        if (streq(name, old_name) || managed_check_name(name, NULL) < 0)
                return 0;
        r = rename_files(&daemon->settings, old_name, name, ret_error);
        if (r >= 0)
                log_message(LOG_WARNING, name, NULL,
                            _("Its definition was in %s; it has got a file of its own name."), file);
        return r;
}

static void load_definition(Daemon *daemon, int dirfd, const char *name)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        CLEANUP(free) char *path = text_format("%s/%s", daemon->settings.definitions, name), *text = NULL;
        size_t size;
        int r;

        r = path ? read_file_at(dirfd, name, MUSTER_DOMAIN_SIZE_MAX, &text, &size) : -ENOMEM;
        if (r < 0)
                error_errno(&error, r, "%s", name);
        else
                r = finish_rename(daemon, name, text, &error);
        if (r >= 0)
                r = take_definition(daemon, path, text, &error);
        if (r >= 0)
                text = NULL; /* the domain's */
        else
                log_error(LOG_ERR, NULL, NULL, error, _("%s is left out"), path ?: name);
}

/* What a daemon that died while it wrote has left. */
static bool is_leftover(const char *name)
{
        return startswith(name, ".tmp-") != NULL;
}

/* All names first: renames change what is read. */
static int list_definitions(Daemon *daemon, DIR *dir, char ***ret)
{
        for (struct dirent *entry; (entry = readdir(dir));) {
                size_t size = strlen(entry->d_name);

                if (is_leftover(entry->d_name))
                        (void)unlinkat(dirfd(dir), entry->d_name, 0);
                else if (size > 4 && entry->d_name[0] != '.' && streq(entry->d_name + size - 4, ".xml") &&
                         strv_append(ret, entry->d_name) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int load_definitions(Daemon *daemon, MusterError **ret_error)
{
        CLEANUP(dir) DIR *dir = opendir(daemon->settings.definitions);
        CLEANUP(strv) char **names = NULL;

        if (!dir)
                return error_errno(ret_error, -errno, "%s", daemon->settings.definitions);
        if (list_definitions(daemon, dir, &names) < 0)
                return error_oom(ret_error);
        for (char **name = names; name && *name; name++)
                load_definition(daemon, dirfd(dir), *name);
        return 0;
}

/* --- records --------------------------------------------------------------------------------------- */

static void load_record(Daemon *daemon, int dirfd, const char *name)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        Managed *managed;
        int r;

        r = life_record_read(daemon, dirfd, name, &managed, &error);
        if (r < 0)
                log_error(LOG_ERR, NULL, NULL, error,
                          _("What runs of this domain, if anything does, is not under management any more"));
}

static int load_records(Daemon *daemon, MusterError **ret_error)
{
        CLEANUP(free) char *folder = text_format("%s/records", daemon->settings.run);
        CLEANUP(dir) DIR *dir = folder ? opendir(folder) : NULL;

        if (!folder)
                return error_oom(ret_error);
        if (!dir)
                return errno == ENOENT ? 0 : error_errno(ret_error, -errno, "%s", folder);
        for (struct dirent *entry; (entry = readdir(dir));) {
                size_t size = strlen(entry->d_name);

                if (is_leftover(entry->d_name))
                        (void)unlinkat(dirfd(dir), entry->d_name, 0);
                else if (size > 5 && entry->d_name[0] != '.' && streq(entry->d_name + size - 5, ".json"))
                        load_record(daemon, dirfd(dir), entry->d_name);
        }
        return 0;
}

int definitions_load(Daemon *daemon, MusterError **ret_error)
{
        int r;

        r = libxml_load();
        if (r < 0)
                return error_errno(ret_error, r, "libxml2");
        r = load_definitions(daemon, ret_error);
        return r < 0 ? r : load_records(daemon, ret_error);
}
