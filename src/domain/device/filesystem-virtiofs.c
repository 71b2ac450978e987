/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/device/filesystem-private.h"

/*
 * virtiofs: a process of its own, virtiofsd, serves the directory over a vhost-user socket. There are two of
 * that name: QEMU's own in C (until 7.2) and its successor in Rust, which has other options but still takes
 * the old ones, -o. Those are what both understand, so those it is; -o splits at commas, and quoting is
 * different in each, hence no path with one.
 */

static const char *const caches[] = {"none", "always", "auto", NULL};
static const char *const sandboxes[] = {"namespace", "chroot", NULL};

static void read_flag(Domain *domain, XmlElement *element, const char *attribute, int *ret)
{
        bool value;

        if (read_switch(domain->xml, element, attribute, &value) > 0)
                *ret = value;
}

static int read_binary(Domain *domain, Filesystem *fs)
{
        XmlElement *binary = fs->binary, *cache = xml_child(binary, "cache"),
                   *lock = xml_child(binary, "lock");
        XmlElement *sandbox = xml_child(binary, "sandbox"), *pool = xml_child(binary, "thread_pool");
        XmlElement *files = xml_child(binary, "openfiles");
        int r;

        r = read_text(domain->xml, binary, "path", &fs->program);
        if (r > 0 && fs->program[0] != '/')
                xml_fault(domain->xml, FAULT_ERROR, binary, "path",
                          _("The program's path is not absolute; write it from / on."));
        read_flag(domain, binary, "xattr", &fs->xattr);
        if (cache)
                read_word(domain->xml, cache, "mode", caches, &fs->cache);
        if (sandbox)
                read_word(domain->xml, sandbox, "mode", sandboxes, &fs->sandbox);
        if (lock) {
                read_flag(domain, lock, "posix", &fs->posix_lock);
                read_flag(domain, lock, "flock", &fs->flock);
        }
        if (pool)
                fs->has_threads = read_uint(domain->xml, pool, "size", INT16_MAX, &fs->threads) > 0;
        if (files)
                read_uint(domain->xml, files, "max", INT32_MAX, &fs->open_files);
        return r < 0 ? r : 0;
}

int filesystem_read_virtiofs(Domain *domain, Part *part)
{
        XmlElement *idmap = xml_child(part->element, "idmap");
        Filesystem *fs = part->data;
        int r = 0;

        if (fs->driver)
                read_uint(domain->xml, fs->driver, "queue", 1024, &fs->queue);
        if (fs->queue != 0 && (fs->queue & (fs->queue - 1)) != 0)
                xml_fault(domain->xml, FAULT_ERROR, fs->driver, "queue",
                          _("The size of a queue is a power of two up to 1024."));
        if (idmap) {
                xml_mark_all(idmap);
                xml_fault(domain->xml, FAULT_ERROR, idmap, /* attribute= */ NULL,
                          _("Muster starts virtiofsd without a user namespace of its own; start it yourself "
                            "with the mapping, and give <source socket='…'/>."));
        }
        if (fs->binary)
                r = read_binary(domain, fs);
        if (fs->readonly && !fs->socket)
                xml_fault(domain->xml, FAULT_ERROR, xml_child(part->element, "readonly"),
                          /* attribute= */ NULL,
                          _("Not every virtiofsd can serve a directory read-only; remove <driver "
                            "type='virtiofs'/>, which makes it 9p, or start virtiofsd --readonly yourself "
                            "and give <source socket='…'/>."));
        if (fs->directory && strpbrk(fs->directory, ",\\"))
                xml_fault(domain->xml, FAULT_ERROR, fs->source, "dir",
                          _("virtiofsd takes no path with a comma or a backslash; rename it, or mount it "
                            "elsewhere."));
        if (fs->socket && (fs->binary || fs->directory))
                xml_fault(domain->xml, FAULT_ERROR, fs->binary ?: fs->source, /* attribute= */ NULL,
                          _("Behind a socket that is given a virtiofsd runs already, with its own options "
                            "and directory; keep one of the two."));
        return r;
}

/* --- planning ------------------------------------------------------------------------------------ */

static int add_switch(FILE *out, const char *name, int value)
{
        if (value >= 0)
                fprintf(out, ",%s%s", value ? "" : "no_", name);
        return ferror(out) ? -ENOMEM : 0;
}

/* "source=/srv/share,cache=always,xattr" */
static char *options(const Filesystem *fs)
{
        char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);
        bool failed;

        if (!out)
                return NULL;
        fprintf(out, "source=%s", fs->directory);
        if (fs->cache >= 0)
                fprintf(out, ",cache=%s", caches[fs->cache]);
        if (fs->sandbox >= 0)
                fprintf(out, ",sandbox=%s", sandboxes[fs->sandbox]);
        failed = add_switch(out, "xattr", fs->xattr) < 0 || add_switch(out, "flock", fs->flock) < 0 ||
                 add_switch(out, "posix_lock", fs->posix_lock) < 0;
        if (fclose(out) == 0 && !failed)
                return text;
        free(text);
        return NULL;
}

static int find_program(Plan *plan, const Part *part, char **ret)
{
        const DomainHost *host = plan->domain->host;
        const Filesystem *fs = part->data;
        int r;

        if (fs->program) {
                *ret = strdup(fs->program);
                return *ret ? 0 : -ENOMEM;
        }
        r = host->find_program(host, "virtiofsd", ret);
        if (r == -ENOENT)
                plan_fault(
                        plan, fs->driver, "type",
                        _("This host has no virtiofsd; install it, give its path with <binary path='…'/>, "
                          "or remove <driver type='virtiofs'/>, which makes it 9p."));
        return r;
}

static int start(Plan *plan, Part *part, const char *socket)
{
        const Filesystem *fs = part->data;
        CLEANUP(free) char *program = NULL, *text = options(fs);
        CLEANUP(free) char *path = text_format("--socket-path=%s", socket);
        CLEANUP(free) char *pool = text_format("--thread-pool-size=%llu", (unsigned long long)fs->threads);
        CLEANUP(free)
        char *files = text_format("--rlimit-nofile=%llu", (unsigned long long)fs->open_files);
        CLEANUP(json) json_object *argv = json_object_new_array();
        int r;

        if (!text || !path || !pool || !files || !argv)
                return -ENOMEM;
        r = find_program(plan, part, &program);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        r = json_append_string(argv, program);
        if (r >= 0)
                r = json_append_string(argv, path);
        if (r >= 0)
                r = json_append_string(argv, "-o");
        if (r >= 0)
                r = json_append_string(argv, text);
        if (r >= 0 && fs->has_threads)
                r = json_append_string(argv, pool);
        if (r >= 0 && fs->open_files > 0)
                r = json_append_string(argv, files);
        if (r >= 0)
                r = json_append_string(argv, "-f");
        return r < 0 ? r : plan_process(plan, _("a shared directory"), socket, TAKE(argv));
}

static int plan_chardev(Plan *plan, Part *part, const char *id, const char *socket)
{
        CLEANUP(json) json_object *chardev = json_object_new_object();

        if (!chardev || json_add_string(chardev, "backend", "socket") < 0 ||
            json_add_string(chardev, "id", id) < 0 || json_add_string(chardev, "path", socket) < 0)
                return -ENOMEM;
        return plan_properties(plan, part, "-chardev", TAKE(chardev));
}

int filesystem_plan_virtiofs(Plan *plan, Part *part, json_object *device)
{
        const Filesystem *fs = part->data;
        CLEANUP(free) char *id = text_format("chr-vu-%s", part->alias);
        CLEANUP(free) char *file = text_format("%s-virtiofsd.sock", part->alias);
        CLEANUP(free) char *socket = NULL;
        int r = 0;

        if (!id || !file)
                return -ENOMEM;
        socket = fs->socket ? strdup(fs->socket) : plan_run_path(plan, file);
        if (!socket)
                return -ENOMEM;
        if (fs->socket)
                r = plan_file(plan, PLAN_FILE_EXISTS, socket, /* from= */ NULL, _("a virtiofsd's socket"));
        else
                r = start(plan, part, socket);
        if (r >= 0)
                r = plan_chardev(plan, part, id, socket);
        if (r >= 0)
                r = json_add_string(device, "chardev", id);
        if (r >= 0 && fs->queue > 0)
                r = json_add_int(device, "queue-size", (int64_t)fs->queue);
        return r < 0 ? r : json_add_string(device, "tag", fs->tag);
}
