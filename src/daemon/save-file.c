/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/save-file.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/checksum.h"
#include "base/i18n.h"
#include "base/json.h"
#include "base/util.h"
#include "config.h"

/*
 * 64 bytes, all numbers little-endian, then JSON, then zeros up to a page, then the state:
 *
 *   0  "musterSV"     16  where the state begins     40  zeros
 *   8  format (1)     24  its length                 56  checksum of these 64 bytes (with zeros here)
 *   12 JSON's size    32  its checksum                   and the JSON
 */

#define MAGIC      "musterSV"
#define FORMAT     1U
#define PREFIX     64U
#define ALIGNMENT  4096U
#define HEADER_MAX (16U * 1024 * 1024)
#define PRIME      UINT64_C(0x100000001b3)

enum { AT_FORMAT = 8, AT_SIZE = 12, AT_OFFSET = 16, AT_LENGTH = 24, AT_SUM = 32, AT_HEADER_SUM = 56 };

void save_header_clear(SaveHeader *header)
{
        free(header->definition);
        free(header->name);
        free(header->uuid);
        free(header->emulator);
        free(header->digest);
        free(header->token);
        *header = (SaveHeader){};
}

void save_make_token(char ret[static SAVE_TOKEN_SIZE])
{
        uint64_t number;

        if (getrandom(&number, sizeof(number), 0) != sizeof(number))
                number = now_usec() ^ (uint64_t)getpid() << 32;
        (void)snprintf(ret, SAVE_TOKEN_SIZE, "%016" PRIx64, number);
}

/* As FNV-1a, but by words: it is to keep up with a disk. Each step is a bijection, so no single word of a
 * state can change unnoticed. */
uint64_t save_checksum(uint64_t sum, const void *data, size_t size)
{
        const char *at = data;
        uint64_t word;

        for (; size > 0; at += sizeof(word), size -= sizeof(word)) {
                word = 0;
                if (size < sizeof(word)) {
                        memcpy(&word, at, size);
                        size = sizeof(word);
                } else {
                        memcpy(&word, at, sizeof(word));
                }
                sum = (sum ^ le64toh(word)) * PRIME;
                sum ^= sum >> 29;
        }
        return sum;
}

/* --- numbers --------------------------------------------------------------------------------------- */

static uint32_t get32(const char *data)
{
        uint32_t value;

        memcpy(&value, data, sizeof(value));
        return le32toh(value);
}

static uint64_t get64(const char *data)
{
        uint64_t value;

        memcpy(&value, data, sizeof(value));
        return le64toh(value);
}

static void put32(char *data, uint32_t value)
{
        value = htole32(value);
        memcpy(data, &value, sizeof(value));
}

static void put64(char *data, uint64_t value)
{
        value = htole64(value);
        memcpy(data, &value, sizeof(value));
}

/* --- to bytes -------------------------------------------------------------------------------------- */

static char *header_json(const SaveHeader *header)
{
        CLEANUP(json) json_object *object = json_object_new_object();

        if (!object || json_add_string(object, "muster", MUSTER_VERSION) < 0 ||
            json_add_string(object, "name", header->name) < 0 ||
            json_add_string(object, "uuid", header->uuid) < 0 ||
            json_add_string(object, "token", header->token) < 0 ||
            json_add_bool(object, "running", header->running) < 0 ||
            json_add_int(object, "time", header->time) < 0 ||
            json_add_string(object, "emulator", header->emulator) < 0 ||
            json_add_string(object, "digest", header->digest) < 0 ||
            json_add_string(object, "definition", header->definition) < 0)
                return NULL;
        return json_to_text(object);
}

uint64_t save_header_offset(const SaveHeader *header)
{
        CLEANUP(free) char *text = header_json(header);

        return text ? (PREFIX + strlen(text) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT : 0;
}

int save_header_format(const SaveHeader *header, char **ret, size_t *ret_size)
{
        CLEANUP(free) char *text = header_json(header), *data = NULL;
        size_t size = text ? strlen(text) : 0;

        if (!text)
                return -ENOMEM;
        if (size > HEADER_MAX - PREFIX || PREFIX + size > header->offset)
                return -EFBIG;
        data = calloc(1, PREFIX + size + 1); /* the NUL stays here */
        if (!data)
                return -ENOMEM;
        memcpy(data, MAGIC, strlen(MAGIC));
        put32(data + AT_FORMAT, FORMAT);
        put32(data + AT_SIZE, (uint32_t)size);
        put64(data + AT_OFFSET, header->offset);
        put64(data + AT_LENGTH, header->length);
        put64(data + AT_SUM, header->checksum);
        memcpy(data + PREFIX, text, size + 1);
        put64(data + AT_HEADER_SUM, checksum64(data, PREFIX + size));
        *ret = TAKE(data);
        *ret_size = PREFIX + size;
        return 0;
}

/* --- from bytes ------------------------------------------------------------------------------------ */

static int take_text(const json_object *object, const char *key, char **ret)
{
        const char *text = json_get_string(object, key);

        if (!text)
                return -EBADMSG;
        *ret = strdup(text);
        return *ret ? 0 : -ENOMEM;
}

static int take_json(const char *text, size_t size, SaveHeader *ret)
{
        CLEANUP(json) json_object *object = NULL;
        int r;

        r = json_parse(text, size, &object);
        if (r >= 0)
                r = take_text(object, "definition", &ret->definition);
        if (r >= 0)
                r = take_text(object, "name", &ret->name);
        if (r >= 0)
                r = take_text(object, "uuid", &ret->uuid);
        if (r >= 0)
                r = take_text(object, "token", &ret->token);
        if (r >= 0)
                r = take_text(object, "emulator", &ret->emulator);
        if (r >= 0)
                r = take_text(object, "digest", &ret->digest);
        ret->running = json_get_bool(object, "running", false);
        ret->time = json_get_int(object, "time", 0);
        return r;
}

static bool sum_is_right(const char *data, size_t size)
{
        CLEANUP(free) char *copy = malloc(size);

        if (!copy)
                return false;
        memcpy(copy, data, size);
        put64(copy + AT_HEADER_SUM, 0);
        return checksum64(copy, size) == get64(data + AT_HEADER_SUM);
}

static int check_prefix(const char *data, size_t size, MusterError **ret_error)
{
        if (size < PREFIX || memcmp(data, MAGIC, strlen(MAGIC)) != 0)
                return error_set(ret_error, -EBADMSG,
                                 _("This is no saved state, or one that was never finished."));
        if (get32(data + AT_FORMAT) != FORMAT)
                return error_set(
                        ret_error, -EBADMSG,
                        _("This saved state has format %u, and only format %u is understood; restore it "
                          "with the musterd that made it."),
                        get32(data + AT_FORMAT), FORMAT);
        if (get32(data + AT_SIZE) > HEADER_MAX - PREFIX || get32(data + AT_SIZE) > size - PREFIX ||
            !sum_is_right(data, PREFIX + get32(data + AT_SIZE)))
                return error_set(ret_error, -EBADMSG, _("The header of this saved state is damaged."));
        return 0;
}

static int check_length(const SaveHeader *header, uint64_t header_size, uint64_t file_size,
                        MusterError **ret_error)
{
        if (header->offset < header_size || header->offset > file_size ||
            header->length > file_size - header->offset)
                return error_set(ret_error, -EBADMSG,
                                 _("This saved state is cut off: its file has %" PRIu64
                                   " bytes, and should have %" PRIu64 "."),
                                 file_size, header->offset + header->length);
        if (header->offset + header->length != file_size)
                return error_set(
                        ret_error, -EBADMSG,
                        _("This saved state is damaged: there is more in its file than belongs to it."));
        return 0;
}

int save_header_parse(const void *data, size_t size, uint64_t file_size, SaveHeader *ret,
                      MusterError **ret_error)
{
        const char *bytes = data;
        SaveHeader header = {};
        int r;

        r = check_prefix(bytes, size, ret_error);
        if (r < 0)
                return r;
        header.offset = get64(bytes + AT_OFFSET);
        header.length = get64(bytes + AT_LENGTH);
        header.checksum = get64(bytes + AT_SUM);
        r = check_length(&header, PREFIX + get32(bytes + AT_SIZE), file_size, ret_error);
        if (r < 0)
                return r;
        r = take_json(bytes + PREFIX, get32(bytes + AT_SIZE), &header);
        if (r < 0) {
                save_header_clear(&header);
                return r == -ENOMEM
                               ? error_oom(ret_error)
                               : error_set(ret_error, -EBADMSG,
                                           _("The header of this saved state lacks what it must have."));
        }
        *ret = header;
        return 0;
}

/* --- files ----------------------------------------------------------------------------------------- */

static int open_folder(const char *path, int *ret, const char **ret_name, MusterError **ret_error)
{
        CLEANUP(free) char *folder = NULL;
        const char *slash = strrchr(path, '/');
        int fd;

        if (path[0] != '/' || !slash[1] || streq(slash + 1, ".") || streq(slash + 1, ".."))
                return error_set(ret_error, -EINVAL, _("%s is no absolute path of a file."), path);
        folder = strndup(path, slash == path ? 1 : (size_t)(slash - path));
        if (!folder)
                return error_oom(ret_error);
        fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return error_errno(ret_error, -errno, "%s", folder);
        *ret = fd;
        *ret_name = slash + 1;
        return 0;
}

static int say_open(int r, const char *path, MusterError **ret_error)
{
        if (r == -ELOOP)
                return error_set(ret_error, -EINVAL,
                                 _("%s is a symbolic link, which is not followed; give the file itself."),
                                 path);
        return error_errno(ret_error, r, "%s", path);
}

/* Never blocks: a FIFO is opened, and then refused. */
static int open_regular(int dirfd, const char *name, const char *path, struct stat *ret_st, int *ret,
                        MusterError **ret_error)
{
        CLEANUP(fd) int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

        if (fd < 0 && errno != ENXIO && errno != ENODEV)
                return say_open(-errno, path, ret_error);
        if (fd < 0 || fstat(fd, ret_st) < 0 || !S_ISREG(ret_st->st_mode))
                return error_set(ret_error, -EINVAL, _("%s is no regular file."), path);
        *ret = TAKE_FD(fd);
        return 0;
}

/* What is there is replaced only if it is an earlier save, or empty: nobody means to lose a disk. */
static int check_target(int dirfd, const char *name, const char *path, MusterError **ret_error)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        CLEANUP(fd) int fd = -1;
        char magic[sizeof(MAGIC) - 1];
        struct stat st = {};
        int r;

        r = open_regular(dirfd, name, path, &st, &fd, &error);
        if (r == -ENOENT)
                return 0;
        if (r < 0) {
                HAND_OVER(ret_error, error);
                return r;
        }
        if (st.st_size == 0 || (pread(fd, magic, sizeof(magic), 0) == (ssize_t)sizeof(magic) &&
                                memcmp(magic, MAGIC, sizeof(magic)) == 0))
                return 0;
        return error_set(ret_error, -EEXIST,
                         _("%s is there, and is no saved state; remove it, or give another name."), path);
}

int save_file_create(const char *path, const char *token, char **ret_temporary, int *ret_fd,
                     MusterError **ret_error)
{
        CLEANUP(fd) int dirfd = -1, fd = -1;
        CLEANUP(free) char *temporary = NULL;
        const char *name;
        int r;

        r = open_folder(path, &dirfd, &name, ret_error);
        if (r >= 0)
                r = check_target(dirfd, name, path, ret_error);
        if (r < 0)
                return r;
        temporary = text_format("%.*s.muster-save-%s", (int)(name - path), path, token);
        if (!temporary)
                return error_oom(ret_error);
        fd = openat(dirfd, strrchr(temporary, '/') + 1, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                    0600);
        if (fd < 0)
                return error_errno(ret_error, -errno, "%s", temporary);
        *ret_temporary = TAKE(temporary);
        *ret_fd = TAKE_FD(fd);
        return 0;
}

static int write_all(int fd, const char *data, size_t size)
{
        for (size_t at = 0; at < size;) {
                ssize_t n = pwrite(fd, data + at, size - at, (off_t)at);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : -EIO;
                at += (size_t)n;
        }
        return 0;
}

int save_file_finish(int fd, const char *temporary, const char *path, const SaveHeader *header,
                     MusterError **ret_error)
{
        CLEANUP(free) char *data = NULL;
        CLEANUP(fd) int dirfd = -1;
        const char *name;
        size_t size;
        int r;

        r = open_folder(path, &dirfd, &name, ret_error);
        if (r < 0)
                return r;
        r = save_header_format(header, &data, &size);
        if (r >= 0)
                r = write_all(fd, data, size);
        if (r >= 0 && fsync(fd) < 0)
                r = -errno;
        if (r < 0)
                return error_errno(ret_error, r, "%s", temporary);
        r = check_target(dirfd, name, path, ret_error);
        if (r < 0)
                return r;
        if (renameat(dirfd, strrchr(temporary, '/') + 1, dirfd, name) < 0)
                return error_errno(ret_error, -errno, "%s", path);
        /* It has its name; whether that survives a crash of the host changes nothing for what runs. */
        (void)fsync(dirfd);
        return 0;
}

static int read_header(int fd, uint64_t file_size, SaveHeader *ret, MusterError **ret_error)
{
        CLEANUP(free) char *data = NULL;
        char prefix[PREFIX];
        size_t size, at = 0;

        if (pread(fd, prefix, sizeof(prefix), 0) != (ssize_t)sizeof(prefix))
                return check_prefix(prefix, 0, ret_error);
        size = get32(prefix + AT_SIZE);
        size = PREFIX + (size > HEADER_MAX - PREFIX ? 0 : size);
        data = malloc(size);
        if (!data)
                return error_oom(ret_error);
        while (at < size) {
                ssize_t n = pread(fd, data + at, size - at, (off_t)at);

                if (n < 0 && errno != EINTR)
                        return error_errno(ret_error, -errno, "pread");
                if (n == 0)
                        break;
                at += n > 0 ? (size_t)n : 0;
        }
        return save_header_parse(data, at, file_size, ret, ret_error);
}

int save_file_open(const char *path, SaveHeader *ret, int *ret_fd, MusterError **ret_error)
{
        CLEANUP(fd) int dirfd = -1, fd = -1;
        const char *name;
        struct stat st;
        int r;

        r = open_folder(path, &dirfd, &name, ret_error);
        if (r >= 0)
                r = open_regular(dirfd, name, path, &st, &fd, ret_error);
        if (r < 0)
                return r;
        r = read_header(fd, (uint64_t)st.st_size, ret, ret_error);
        if (r < 0) {
                error_prefix(ret_error, "%s", path);
                return r;
        }
        if (ret_fd)
                *ret_fd = TAKE_FD(fd);
        return 0;
}
