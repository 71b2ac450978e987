/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/trail.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/checksum.h"
#include "base/i18n.h"
#include "base/util.h"

#define NAME_MAX_KEPT 200 /* of NAME_MAX; longer ones get a checksum */

void trail_clear(Trail *trail)
{
        identity_clear(&trail->identity);
        free(trail->emulator);
        free(trail->seen);
        *trail = (Trail){};
}

/* Takes "." and empty components out, in place: neither changes where a path leads. */
static void normalise(char *path)
{
        char *out = path;

        for (const char *in = path; *in;) {
                size_t n = strcspn(in + 1, "/");

                if (n > 1 || (n == 1 && in[1] != '.')) {
                        memmove(out, in, n + 1);
                        out += n + 1;
                }
                in += n + 1;
        }
        if (out == path)
                *out++ = '/';
        *out = '\0';
}

int trail_absolute(const char *path, char **ret)
{
        CLEANUP(free) char *here = NULL;

        if (path[0] != '/') {
                here = getcwd(NULL, 0);
                if (!here)
                        return -errno;
        }
        *ret = text_format("%s%s%s", here ?: "", here ? "/" : "", path);
        if (!*ret)
                return -ENOMEM;
        normalise(*ret);
        return 0;
}

/* "usr+bin+qemu-system-x86_64": for people; the path within is what counts. */
char *trail_name(const char *path)
{
        CLEANUP(free) char *name = malloc(strlen(path) * 4 + 1);
        char *out = name;

        if (!name)
                return NULL;
        for (const char *p = path + (path[0] == '/'); *p; p++)
                if (*p == '/')
                        *out++ = '+';
                else if (isascii(*p) && (isalnum(*p) || *p == '_' || *p == '-' || (*p == '.' && out > name)))
                        *out++ = *p;
                else
                        out += sprintf(out, "%%%02x", (unsigned char)*p);
        if (out == name)
                *out++ = '+';
        *out = '\0';
        if (strlen(name) > NAME_MAX_KEPT)
                sprintf(name + NAME_MAX_KEPT, "~%016llx", (unsigned long long)checksum64_text(path));
        return TAKE(name);
}

int trail_load_name(const MusterStore *store, const char *name, Trail *ret)
{
        CLEANUP(free) char *body = NULL, *path = NULL, *own = NULL;
        CLEANUP(trail) Trail trail = {};
        int r;

        r = entry_read(store, ENTRY_PATH, name, &body, /* ret_size= */ NULL, /* ret_stamp= */ NULL);
        if (r < 0)
                return r;
        r = trail_parse(body, &path, &trail);
        if (r == -ENOMEM)
                return r;
        own = path ? trail_name(path) : NULL;
        if (r < 0 || !streq_ptr(own, name))
                return entry_note_damaged(store, ENTRY_PATH, name, _("its content makes no sense"));
        *ret = trail;
        trail = (Trail){};
        return 0;
}

int trail_load(const MusterStore *store, const char *path, Trail *ret)
{
        CLEANUP(free) char *name = trail_name(path);
        CLEANUP(trail) Trail trail = {};
        int r;

        if (!name)
                return -ENOMEM;
        r = trail_load_name(store, name, &trail);
        if (r < 0)
                return r;
        /* Two long paths of one checksum. */
        if (!streq(trail.identity.path, path))
                return -ENOENT;
        /* That file's mtime is no part of any stamp. */
        entry_mark_used(store, ENTRY_PATH, name);
        *ret = trail;
        trail = (Trail){};
        return 0;
}

int trail_check(const Trail *trail, TrailState *ret)
{
        CLEANUP(free) char *now = NULL;
        int64_t newest = 0;
        int r;

        r = identity_seen(&trail->identity, &now, &newest);
        if (r == -ENOMEM)
                return r;
        if (r < 0 || !streq(now, trail->seen))
                *ret = TRAIL_MOVED;
        else
                *ret = stamp_is_racy(newest, trail->looked_nsec) ? TRAIL_RACY : TRAIL_HOLDS;
        return 0;
}

static bool on_one_line(const char *text)
{
        return !text || !strchr(text, '\n');
}

bool trail_can_be_kept(const char *path, const Identity *identity)
{
        if (!identity->watchable || identity->watch_incomplete)
                return false;
        for (size_t i = 0; i < identity->n_links; i++)
                if (!identity->links[i].name || !on_one_line(identity->links[i].name) ||
                    !on_one_line(identity->links[i].path))
                        return false;
        for (size_t i = 0; i < identity->n_watched; i++)
                if (!on_one_line(identity->watched[i].path))
                        return false;
        return strlen(path) <= PATH_MAX && on_one_line(path) && on_one_line(identity->executable) &&
               on_one_line(identity->modules_dir) && on_one_line(identity->modules_root) &&
               on_one_line(identity->modules_inside) && on_one_line(identity->modules_env);
}

static void print_path(FILE *out, const char *key, const char *path)
{
        if (path)
                fprintf(out, "%s %s\n", key, path);
}

static void print_links(FILE *out, const Identity *identity)
{
        for (size_t i = 0; i < identity->n_links; i++) {
                const IdentityLink *link = &identity->links[i];

                fprintf(out, "link %s ", link->digest[0] ? link->digest : "-");
                file_stamp_print(&link->stamp, out);
                fprintf(out, " %s\nname %s\n", link->path, link->name);
        }
        for (size_t i = 0; i < identity->n_watched; i++) {
                const IdentityWatched *watched = &identity->watched[i];

                fprintf(out, "watched %s ", watched->digest[0] ? watched->digest : "-");
                file_stamp_print(&watched->stamp, out);
                fprintf(out, " %s\n", watched->path);
        }
}

int trail_print(const Trail *trail, char **ret_text, size_t *ret_size)
{
        const Identity *identity = &trail->identity;
        CLEANUP(free) char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);

        if (!out)
                return -ENOMEM;
        fprintf(out, "path %s\nrecord %s\nlooked %lld\ndigest %s\nstamp ", identity->path, trail->record,
                (long long)trail->looked_nsec, identity->digest);
        file_stamp_print(&identity->stamp, out);
        fprintf(out, "\nexecutable %s\nmodules %zu %s %s\n", identity->executable, identity->n_modules,
                identity->n_modules ? identity->modules_fingerprint : "-",
                identity->n_modules ? identity->modules_stamp : "-");
        print_path(out, "modules-dir", identity->modules_dir);
        print_path(out, "modules-root", *identity->modules_root ? identity->modules_root : NULL);
        print_path(out, "modules-inside", identity->modules_inside);
        print_path(out, "modules-env", identity->modules_env);
        print_links(out, identity);
        print_path(out, "emulator", trail->emulator);
        fprintf(out, "seen\n%s", trail->seen);
        if (fclose(out) != 0)
                return -ENOMEM;
        *ret_text = TAKE(text);
        *ret_size = size;
        return 0;
}

/* The next line of *text, of which the stamp is cut off as *ret_stamp, or NULL. */
static char *next_seen(char **text, char **ret_stamp)
{
        char *line = *text && **text ? strsep(text, "\n") : NULL, *path = line;

        /* Five numbers, then the path. */
        for (int i = 0; path && i < 5; i++) {
                path = strchr(path, ' ');
                path = path ? path + 1 : NULL;
        }
        if (!path)
                return NULL;
        path[-1] = '\0';
        *ret_stamp = line;
        return path;
}

/* Both have a line for each file, in the same order while no module comes or goes. */
static char *first_difference(const char *path, char *was, char *is)
{
        for (;;) {
                char *was_stamp = NULL, *is_stamp = NULL, *old = next_seen(&was, &was_stamp),
                     *new = next_seen(&is, &is_stamp);
                int order = !old ? 1 : !new ? -1 : strcmp(old, new);

                if (!old && !new)
                        return NULL;
                if (order < 0)
                        return text_format(_("%s has gone"), old);
                if (order > 0)
                        return text_format(_("%s is new"), new);
                if (!streq(was_stamp, is_stamp))
                        return text_format(_("%s has changed"), streq(old, "-") ? path : old);
        }
}

char *trail_explain(const Trail *trail)
{
        CLEANUP(free) char *was = strdup(trail->seen), *is = NULL;
        int64_t newest;
        int r = identity_seen(&trail->identity, &is, &newest);

        if (r == -ESTALE)
                return text_format(_("%s, or a file on the way from there, has gone"), trail->identity.path);
        return r < 0 || !was ? NULL : first_difference(trail->identity.path, was, is);
}

/* The same, of borrowed parts; the identity's own path may be a relative one. */
static int print(const char *path, const char *record, const Identity *identity, int64_t looked_nsec,
                 const char *emulator, const char *seen, char **ret_text, size_t *ret_size)
{
        Trail trail = {
                .looked_nsec = looked_nsec,
                .identity = *identity,
                .emulator = (char *)emulator,
                .seen = (char *)seen,
        };

        strcpy(trail.record, record);
        trail.identity.path = (char *)path;
        return trail_print(&trail, ret_text, ret_size);
}

int trail_save(MusterStore *store, const char *path, const char *record, const Identity *identity,
               int64_t looked_nsec, const char *emulator)
{
        CLEANUP(free) char *seen = NULL, *body = NULL, *name = trail_name(path);
        int64_t newest;
        size_t size;
        int r;

        if (!name)
                return -ENOMEM;
        if (!trail_can_be_kept(path, identity))
                return 0;
        /* First what is there now, then that this is what the identity was made of. */
        r = identity_seen(identity, &seen, &newest);
        if (r == 0)
                r = identity_stamps_hold(identity);
        if (r < 0)
                return r == -ESTALE ? 0 : r;
        r = print(path, record, identity, looked_nsec, emulator, seen, &body, &size);
        return r < 0 ? r : entry_write(store, ENTRY_PATH, name, body, size, /* ret_stamp= */ NULL);
}
