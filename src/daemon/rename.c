/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/rename.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/libxml.h"
#include "domain/xml.h"

/* --- the definition --------------------------------------------------------------------------------- */

/* "OLD/nvram.fd" below one of the folders becomes "NEW/nvram.fd"; NULL in *ret: it is nothing of ours. */
static int move_path(const char *const *folders, const char *text, const char *old_name,
                     const char *new_name, char **ret)
{
        for (; *folders; folders++) {
                const char *rest = startswith(text, *folders);

                if (rest)
                        rest = startswith(rest, "/domains/");
                if (rest)
                        rest = startswith(rest, old_name);
                if (!rest || (*rest && *rest != '/'))
                        continue;
                *ret = text_format("%s/domains/%s%s", *folders, new_name, rest);
                return *ret ? 0 : -ENOMEM;
        }
        return 0;
}

static int move_attributes(XmlElement *element, const char *const *folders, const char *old_name,
                           const char *new_name)
{
        for (xmlAttr *attribute = element->properties; attribute; attribute = attribute->next) {
                CLEANUP(free) char *moved = NULL;
                const char *name = (const char *)attribute->name, *value;
                int r;

                value = attribute->ns ? NULL : xml_attribute(element, name);
                r = value ? move_path(folders, value, old_name, new_name, &moved) : 0;
                if (r >= 0 && moved)
                        r = xml_set(element, name, moved);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int move_paths(XmlElement *element, const char *const *folders, const char *old_name,
                      const char *new_name)
{
        XmlElement *child = NULL;
        int r;

        if (streq(xml_name(element), "metadata"))
                return 0;
        r = move_attributes(element, folders, old_name, new_name);
        while (r >= 0 && (child = xml_next_any(element, child)))
                r = move_paths(child, folders, old_name, new_name);
        if (r >= 0 && !xml_next_any(element, NULL)) {
                CLEANUP(free) char *text = xml_text(element), *moved = NULL;

                r = text ? move_path(folders, text, old_name, new_name, &moved) : -ENOMEM;
                if (r >= 0 && moved)
                        r = xml_set_text(element, moved);
        }
        return r;
}

int rename_definition(const Settings *settings, const char *definition, const char *old_name,
                      const char *new_name, char **ret, MusterError **ret_error)
{
        const char *const folders[] = {settings->run, settings->state, NULL};
        CLEANUP(faults) Faults faults = {.file = old_name};
        CLEANUP(xml) Xml *xml = NULL;
        XmlElement *name = NULL;
        char *text;
        int r;

        r = xml_parse(definition, strlen(definition), "domain", &faults, &xml);
        if (r < 0)
                return error_errno(ret_error, r, "libxml2");
        if (!xml)
                return error_set(ret_error, -EBADMSG, _("The definition of %s cannot be read."), old_name);
        r = xml_ensure(xml->root, "name", &name);
        if (r >= 0)
                r = xml_set_text(name, new_name);
        if (r >= 0)
                r = move_paths(xml->root, folders, old_name, new_name);
        text = r < 0 ? NULL : xml_to_text(xml);
        if (!text)
                return error_oom(ret_error);
        *ret = text;
        return 0;
}

/* --- files ------------------------------------------------------------------------------------------ */

#define FILES_MAX 4U

typedef struct Move {
        char *from, *to;
} Move;

/* What a domain has besides its definition. */
static int list_moves(const Settings *settings, const char *from, const char *to, Move moves[FILES_MAX])
{
        const struct {
                const char *folder, *middle, *end;
        } files[FILES_MAX] = {
                {settings->state, "domains/", ""},
                {settings->state, "save/", ".save"},
                {settings->logs, "", ".log"},
                {settings->definitions, "", ".xml"},
        };

        for (size_t i = 0; i < FILES_MAX; i++) {
                moves[i].from =
                        text_format("%s/%s%s%s", files[i].folder, files[i].middle, from, files[i].end);
                moves[i].to = text_format("%s/%s%s%s", files[i].folder, files[i].middle, to, files[i].end);
                if (!moves[i].from || !moves[i].to)
                        return -ENOMEM;
        }
        return 0;
}

static void free_moves(Move moves[FILES_MAX])
{
        for (size_t i = 0; i < FILES_MAX; i++) {
                free(moves[i].from);
                free(moves[i].to);
        }
}

int rename_check(const Settings *settings, const char *old_name, const char *new_name,
                 MusterError **ret_error)
{
        Move moves[FILES_MAX] = {};
        struct stat st;
        int r;

        r = list_moves(settings, old_name, new_name, moves);
        if (r < 0)
                error_oom(ret_error);
        /* An old log is nobody's: it makes way. */
        for (size_t i = 0; r >= 0 && i < FILES_MAX; i++)
                if (i != 2 && lstat(moves[i].to, &st) == 0)
                        r = error_set(ret_error, -EEXIST,
                                      _("%s is there already, left by a domain of that name; remove it, or "
                                        "choose another name."),
                                      moves[i].to);
        free_moves(moves);
        return r;
}

static int sync_folder_of(const char *path)
{
        CLEANUP(free) char *folder = strndup(path, (size_t)(strrchr(path, '/') - path));
        CLEANUP(fd) int fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

        if (!folder)
                return -ENOMEM;
        return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

/* The link to "../OLD.xml": the new one first, since one too many does no harm. */
static int move_autostart(const Settings *settings, const char *from, const char *to)
{
        CLEANUP(free) char *old_link = text_format("%s/autostart/%s.xml", settings->definitions, from);
        CLEANUP(free) char *new_link = text_format("%s/autostart/%s.xml", settings->definitions, to);
        CLEANUP(free) char *target = text_format("../%s.xml", to);
        struct stat st;

        if (!old_link || !new_link || !target)
                return -ENOMEM;
        if (lstat(old_link, &st) < 0)
                return errno == ENOENT ? 0 : -errno;
        if (symlink(target, new_link) < 0 && errno != EEXIST)
                return -errno;
        if (unlink(old_link) < 0 && errno != ENOENT)
                return -errno;
        return sync_folder_of(new_link);
}

static int move_one(const Move *move, bool may_replace)
{
        if (renameat2(AT_FDCWD, move->from, AT_FDCWD, move->to, may_replace ? 0 : RENAME_NOREPLACE) < 0)
                return errno == ENOENT ? 0 : -errno;
        return sync_folder_of(move->to);
}

int rename_files(const Settings *settings, const char *old_name, const char *new_name,
                 MusterError **ret_error)
{
        Move moves[FILES_MAX] = {};
        size_t n = 0;
        int r;

        r = list_moves(settings, old_name, new_name, moves);
        if (r >= 0)
                r = move_autostart(settings, old_name, new_name);
        for (; r >= 0 && n < FILES_MAX; n++)
                r = move_one(&moves[n], /* may_replace= */ n == 2);
        if (r < 0) {
                error_errno(ret_error, r, _("The files of %s cannot follow its new name (%s)"), old_name,
                            n > 0 ? moves[n - 1].to : new_name);
                for (; n > 0; n--)
                        (void)renameat2(AT_FDCWD, moves[n - 1].to, AT_FDCWD, moves[n - 1].from,
                                        RENAME_NOREPLACE);
                (void)move_autostart(settings, new_name, old_name);
        }
        free_moves(moves);
        return r;
}
