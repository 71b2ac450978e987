/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "feature/check.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fileio.h"
#include "base/i18n.h"
#include "base/util.h"

/*
 * Does `auto-read-only` reopen? A raw image is added as a `file` node with auto-read-only, a writable NBD
 * export on a private Unix socket plays the writer, and the open mode of the image is read from the outside,
 * in /proc/PID/fdinfo: before the writer, with it, and after it. No guest, no KVM, nothing of the emulator's
 * own words is believed.
 *
 * The image lies in the emulator's scratch directory, or, where a wrapper put the emulator into a chroot
 * from which that cannot be seen, in a directory of its own below the chroot's /tmp (which only root can
 * do).
 *
 * Several descriptors may be open on the image: QEMU before 4.0 kept one for its locks beside the one for
 * the data, opened as the file was opened first. So the file counts as writable if any of them is.
 *
 * Removing an export is asynchronous since QEMU 5.2: the mode is polled until it is what was promised, or
 * for SETTLE_USEC after the export has left query-block-exports.
 */

#define IMAGE_SIZE  (1024 * 1024)
#define POLL_USEC   (5 * USEC_PER_MSEC)
#define SETTLE_USEC (300 * USEC_PER_MSEC)
#define GONE_USEC   (3 * USEC_PER_SEC)

#define NODE        "muster-check"
#define CONTROL     "muster-check-control"
#define EXPORT      "muster-check-export"

typedef struct Trial {
        Run *run;
        const MusterSchema *schema;
        CheckOutcome *outcome;
        char *made;             /* a directory made by us within a chroot, as we see it; NULL */
        char *outside, *inside; /* the directory as we and as the emulator see it */
        struct stat image;
} Trial;

static void trial_clear(Trial *trial)
{
        if (trial->made)
                remove_tree(trial->made);
        free(trial->made);
        free(trial->outside);
        free(trial->inside);
}

static bool has(const Trial *trial, const char *path)
{
        return trial->schema && muster_schema_query(trial->schema, path, NULL, NULL) > 0;
}

__attribute__((format(printf, 2, 3))) static int unavailable(Trial *trial, const char *format, ...)
{
        va_list args;
        int r;

        va_start(args, format);
        r = vasprintf(&trial->outcome->unavailable, format, args);
        va_end(args);
        if (r < 0) {
                trial->outcome->unavailable = NULL;
                return -ENOMEM;
        }
        return 0;
}

/* One command. 0: done; 1: refused, and *ret_words (may be NULL) has the emulator's sentence; negative: it
 * died. */
static int call(Trial *trial, const char *command, json_object *arguments, char **ret_words,
                MusterError **ret_error)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        int r;

        r = run_call(trial->run, command, arguments, NULL, NULL, &error);
        if (r == -EIO) {
                if (ret_words) {
                        const char *words = muster_error_message(error);

                        *ret_words = strdup(words);
                        if (!*ret_words)
                                return error_oom(ret_error);
                }
                return 1;
        }
        if (r < 0)
                HAND_OVER(ret_error, error);
        return r;
}

/* As call(), with arguments as JSON text (`format` must only be given texts that need no escapes). */
__attribute__((format(printf, 5, 6))) static int callf(Trial *trial, char **ret_words,
                                                       MusterError **ret_error, const char *command,
                                                       const char *format, ...)
{
        CLEANUP(json) json_object *arguments = NULL;
        CLEANUP(free) char *text = NULL;
        va_list args;
        int r;

        va_start(args, format);
        r = vasprintf(&text, format, args);
        va_end(args);
        if (r < 0) {
                text = NULL;
                return error_oom(ret_error);
        }
        r = json_parse(text, strlen(text), &arguments);
        if (r < 0)
                return error_errno(ret_error, r, "%s", command);
        return call(trial, command, arguments, ret_words, ret_error);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
        return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* The flags line of fdinfo is octal. */
static int fd_mode(const char *directory, const char *fd)
{
        CLEANUP(free) char *path = NULL;
        CLEANUP(free) char *text = NULL;
        const char *flags;
        size_t size;

        if (asprintf(&path, "%sinfo/%s", directory, fd) < 0)
                return TAKE(path), -ENOMEM;
        if (read_file(path, 65536, &text, &size) < 0)
                return -ENOENT;
        flags = strstr(text, "flags:");
        return flags ? (int)(strtoul(flags + strlen("flags:"), NULL, 8) & O_ACCMODE) : -ENOENT;
}

/* O_RDONLY, O_RDWR (if any descriptor may write); -ENOENT: the image is not open; -errno: /proc says no. */
static int image_mode(const Trial *trial)
{
        CLEANUP(dir) DIR *dir = NULL;
        char directory[64];
        int mode = -ENOENT;

        snprintf(directory, sizeof(directory), "/proc/%d/fd", (int)run_pid(trial->run));
        dir = opendir(directory);
        if (!dir)
                return -errno;
        for (struct dirent *entry; (entry = readdir(dir));) {
                struct stat st;
                int m;

                if (entry->d_name[0] == '.' || fstatat(dirfd(dir), entry->d_name, &st, 0) < 0 ||
                    !same_file(&st, &trial->image))
                        continue;
                m = fd_mode(directory, entry->d_name);
                if (m == O_RDWR || m == O_WRONLY)
                        return O_RDWR;
                if (m == O_RDONLY)
                        mode = O_RDONLY;
        }
        return mode;
}

static const char *mode_name(int mode)
{
        return mode == O_RDONLY ? "O_RDONLY" : mode == O_RDWR ? "O_RDWR" : _("not open");
}

static int add_half(Trial *trial, const char *name, bool met, char *detail, MusterError **ret_error)
{
        if (!detail)
                return error_oom(ret_error);
        trial->outcome->halves[trial->outcome->n_halves++] = (CheckHalf){name, met, detail};
        return 0;
}

/* --- where the image lies ---------------------------------------------------------------------- */

/* 1 if the emulator sees the scratch directory under the same name; 0 if it is within a chroot. */
static int sees_scratch(const Trial *trial, const char *root)
{
        const char *scratch = run_scratch(trial->run);
        CLEANUP(free) char *path = text_format("%s%s", root, scratch);
        struct stat a, b;

        if (!path)
                return -ENOMEM;
        return stat(scratch, &a) == 0 && stat(path, &b) == 0 && same_file(&a, &b);
}

static int choose_directory(Trial *trial)
{
        char root[64];
        int r;

        snprintf(root, sizeof(root), "/proc/%d/root", (int)run_pid(trial->run));
        r = sees_scratch(trial, root);
        if (r < 0)
                return r;
        if (r > 0) {
                trial->outside = strdup(run_scratch(trial->run));
                trial->inside = strdup(run_scratch(trial->run));
                return trial->outside && trial->inside ? 0 : -ENOMEM;
        }
        trial->outside = text_format("%s/tmp/muster-check-XXXXXX", root);
        if (!trial->outside)
                return -ENOMEM;
        if (!mkdtemp(trial->outside))
                return -errno;
        trial->made = strdup(trial->outside);
        trial->inside = strdup(trial->outside + strlen(root));
        return trial->made && trial->inside ? 0 : -ENOMEM;
}

/* Hands `fd` to the user as whom the emulator runs, where that is another one. */
static int give_to(int fd, const struct stat *owner)
{
        if (owner->st_uid == geteuid())
                return 0;
        return fchown(fd, owner->st_uid, owner->st_gid) < 0 ? -errno : 0;
}

static int make_image(const Trial *trial, const struct stat *owner, const char *name, struct stat *ret)
{
        CLEANUP(free) char *path = text_format("%s/%s", trial->outside, name);
        CLEANUP(fd) int fd = -1;
        int r;

        if (!path)
                return -ENOMEM;
        fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return -errno;
        r = give_to(fd, owner);
        if (r < 0)
                return r;
        if (ftruncate(fd, IMAGE_SIZE) < 0 || fstat(fd, ret) < 0)
                return -errno;
        return 0;
}

static int make_images(Trial *trial)
{
        CLEANUP(fd) int fd = -1;
        struct stat owner, control;
        char process[64];
        int r;

        r = choose_directory(trial);
        if (r < 0)
                return r;
        snprintf(process, sizeof(process), "/proc/%d", (int)run_pid(trial->run));
        if (stat(process, &owner) < 0)
                return -errno;
        if (trial->made) {
                fd = open(trial->made, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
                if (fd < 0)
                        return -errno;
                r = give_to(fd, &owner);
                if (r < 0)
                        return r;
        }
        r = make_image(trial, &owner, "image.raw", &trial->image);
        return r < 0 ? r : make_image(trial, &owner, "control.raw", &control);
}

/* --- the writer --------------------------------------------------------------------------------- */

static int export(Trial *trial, const char *node, char **ret_words, MusterError **ret_error)
{
        if (has(trial, "block-export-add"))
                return callf(trial, ret_words, ret_error, "block-export-add",
                             "{\"type\": \"nbd\", \"id\": \"" EXPORT
                             "\", \"node-name\": \"%s\", \"writable\": true}",
                             node);
        return callf(trial, ret_words, ret_error, "nbd-server-add",
                     "{\"device\": \"%s\", \"writable\": true}", node);
}

static int unexport(Trial *trial, char **ret_words, MusterError **ret_error)
{
        if (has(trial, "block-export-del"))
                return callf(trial, ret_words, ret_error, "block-export-del",
                             "{\"id\": \"" EXPORT "\", \"mode\": \"hard\"}");
        return callf(trial, ret_words, ret_error, "nbd-server-remove",
                     "{\"name\": \"" NODE "\", \"mode\": \"hard\"}");
}

/* 1 the export is still there, 0 gone (or removed synchronously, as before query-block-exports). */
static int is_exported(Trial *trial, MusterError **ret_error)
{
        CLEANUP(json) json_object *exports = NULL;
        bool listed = has(trial, "query-block-exports");
        int r;

        /* Even where nothing is to be asked, a command turns the emulator's loop and keeps our deadline. */
        r = run_call(trial->run, listed ? "query-block-exports" : "query-version", NULL, &exports, NULL,
                     ret_error);
        if (r < 0 || !listed || !json_object_is_type(exports, json_type_array))
                return r < 0 ? r : 0;
        for (size_t i = 0; i < json_object_array_length(exports); i++)
                if (streq_ptr(json_get_string(json_object_array_get_idx(exports, i), "id"), EXPORT))
                        return 1;
        return 0;
}

/* Waits until the image is open as `wanted`, or the time to settle has passed. Returns 1 if it never
 * settled. */
static int settle(Trial *trial, int wanted, bool until_gone, MusterError **ret_error)
{
        uint64_t start = now_usec(), gone = until_gone ? 0 : start;

        while (image_mode(trial) != wanted) {
                uint64_t now = now_usec();
                int r = is_exported(trial, ret_error);

                if (r < 0)
                        return r;
                if (!gone && r == 0)
                        gone = now;
                if (gone ? now - gone > SETTLE_USEC : now - start > GONE_USEC)
                        return gone == 0;
                usleep(POLL_USEC);
        }
        return 0;
}

/* --- the halves --------------------------------------------------------------------------------- */

static int add_node(Trial *trial, const char *node, const char *image, const char *member, char **ret_words,
                    MusterError **ret_error)
{
        CLEANUP(json) json_object *arguments = json_object_new_object();

        if (!arguments || json_add_string(arguments, "driver", "file") < 0 ||
            json_add_string(arguments, "node-name", node) < 0 ||
            json_add_stringf(arguments, "filename", "%s/%s", trial->inside, image) < 0 ||
            json_add_bool(arguments, member, streq(member, "auto-read-only")) < 0)
                return error_oom(ret_error);
        return call(trial, "blockdev-add", arguments, ret_words, ret_error);
}

static int start_server(Trial *trial, char **ret_words, MusterError **ret_error)
{
        CLEANUP(json) json_object *arguments = json_object_new_object();
        json_object *address = NULL, *data = NULL;

        /* Each nests in the one before it, which owns it from then on. */
        if (!arguments || json_add(arguments, "addr", address = json_object_new_object()) < 0 ||
            json_add_string(address, "type", "unix") < 0 ||
            json_add(address, "data", data = json_object_new_object()) < 0 ||
            json_add_stringf(data, "path", "%s/nbd", trial->inside) < 0)
                return error_oom(ret_error);
        return call(trial, "nbd-server-start", arguments, ret_words, ret_error);
}

static int check_opened(Trial *trial, MusterError **ret_error)
{
        int mode = image_mode(trial);

        return add_half(trial, "opened-read-only", mode == O_RDONLY,
                        text_format(_("The image was %s before any writer."), mode_name(mode)), ret_error);
}

/* The export was refused. If one of a plainly writable node is as well, it says nothing of auto-read-only.
 */
static int check_refused(Trial *trial, const char *words, MusterError **ret_error)
{
        CLEANUP(free) char *control = NULL;
        int r;

        r = add_node(trial, CONTROL, "control.raw", "read-only", &control, ret_error);
        if (r == 0)
                r = export(trial, CONTROL, &control, ret_error);
        if (r < 0)
                return r;
        if (r > 0)
                return unavailable(trial, _("The emulator refuses every writable NBD export: %s"), control);
        r = add_half(trial, "read-write-at-first-writer", false,
                     text_format(_("A writer was refused: %s"), words), ret_error);
        if (r < 0)
                return r;
        return add_half(trial, "read-only-after-last-writer", false,
                        text_format(_("There was no writer to remove.")), ret_error);
}

static int check_after(Trial *trial, MusterError **ret_error)
{
        CLEANUP(free) char *words = NULL;
        int r, mode;

        r = unexport(trial, &words, ret_error);
        if (r < 0)
                return r;
        if (r > 0)
                return unavailable(trial, _("The emulator does not remove the NBD export: %s"), words);
        r = settle(trial, O_RDONLY, /* until_gone= */ true, ret_error);
        if (r < 0)
                return r;
        if (r > 0)
                return unavailable(trial, _("The NBD export did not go within %d s."),
                                   (int)(GONE_USEC / USEC_PER_SEC));
        mode = image_mode(trial);
        return add_half(trial, "read-only-after-last-writer", mode == O_RDONLY,
                        text_format(_("The image was %s after the writer had gone."), mode_name(mode)),
                        ret_error);
}

static int check_writer(Trial *trial, MusterError **ret_error)
{
        CLEANUP(free) char *words = NULL;
        int r, mode;

        r = start_server(trial, &words, ret_error);
        if (r > 0)
                return unavailable(trial, _("The emulator starts no NBD server: %s"), words);
        if (r >= 0)
                r = export(trial, NODE, &words, ret_error);
        if (r > 0)
                return check_refused(trial, words, ret_error);
        if (r >= 0)
                r = settle(trial, O_RDWR, /* until_gone= */ false, ret_error);
        if (r < 0)
                return r;
        mode = image_mode(trial);
        r = add_half(trial, "read-write-at-first-writer", mode == O_RDWR,
                     text_format(_("The image was %s with a writer attached."), mode_name(mode)), ret_error);
        return r < 0 ? r : check_after(trial, ret_error);
}

static int check_setup(Trial *trial)
{
        struct sockaddr_un address;
        int r;

        if (!has(trial, "blockdev-add/arg-type/auto-read-only") &&
            !has(trial, "blockdev-add/arg-type/+file/auto-read-only"))
                return unavailable(trial,
                                   _("blockdev-add has no member auto-read-only for the driver file."));
        if (!has(trial, "nbd-server-start") ||
            !(has(trial, "block-export-add") || has(trial, "nbd-server-add")))
                return unavailable(trial, _("The emulator has no NBD server, which would be the writer."));
        r = make_images(trial);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return unavailable(trial, _("No image could be made where the emulator sees it: %s"),
                                   strerror(-r));
        if (strlen(trial->inside) + strlen("/nbd") >= sizeof(address.sun_path))
                return unavailable(trial,
                                   _("The path of the scratch directory, %s, is too long for a socket."),
                                   trial->inside);
        return 0;
}

static int check_run(Run *run, const MusterFacts *facts, CheckOutcome *outcome, MusterError **ret_error)
{
        __attribute__((cleanup(trial_clear))) Trial trial = {
                .run = run,
                .schema = facts->schema,
                .outcome = outcome,
        };
        CLEANUP(free) char *words = NULL;
        int r;

        r = check_setup(&trial);
        if (r < 0)
                return error_oom(ret_error);
        if (outcome->unavailable)
                return 0;
        r = add_node(&trial, NODE, "image.raw", "auto-read-only", &words, ret_error);
        if (r < 0)
                return r;
        if (r > 0)
                return unavailable(&trial, _("The emulator does not add the image: %s"), words);
        r = image_mode(&trial);
        if (r == -ENOENT)
                return unavailable(
                        &trial, _("The emulator says that it added the image, but does not have it open."));
        if (r < 0)
                return unavailable(&trial, _("The open mode cannot be read from /proc/%d/fdinfo: %s"),
                                   (int)run_pid(run), strerror(-r));
        r = check_opened(&trial, ret_error);
        return r < 0 ? r : check_writer(&trial, ret_error);
}

const Check check_auto_read_only_reopens = {
        .name = "auto-read-only-reopens",
        .run = check_run,
};
