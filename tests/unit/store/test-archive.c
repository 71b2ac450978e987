/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/util.h"
#include "store/archive.h"

#define BLOCK    512
#define RECORD   10240
#define MEMBERS  16
#define MEGABYTE ((size_t)1024 * 1024)

/* What was taken of an archive; the texts are the taker's copies. */
typedef struct Taken {
        size_t n;
        char *names[MEMBERS], *data[MEMBERS];
        size_t sizes[MEMBERS];
        int answer; /* of the taker */
} Taken;

static char scratch[] = "/tmp/muster-test-XXXXXX";

static void taken_clear(Taken *taken)
{
        for (size_t i = 0; i < taken->n; i++) {
                free(taken->names[i]);
                free(taken->data[i]);
        }
        *taken = (Taken){.n = 0};
}

static int take(const char *name, const char *data, size_t size, void *userdata, MusterError **ret_error)
{
        Taken *taken = userdata;

        assert_true(taken->n < MEMBERS);
        assert_int_equal(data[size], '\0');
        taken->names[taken->n] = strdup(name);
        taken->data[taken->n] = malloc(size + 1);
        memcpy(taken->data[taken->n], data, size + 1);
        taken->sizes[taken->n++] = size;
        return taken->answer < 0 ? error_set(ret_error, taken->answer, "taken enough") : taken->answer;
}

static void assert_member(const Taken *taken, size_t i, const char *name, const void *data, size_t size)
{
        assert_true(i < taken->n);
        assert_string_equal(taken->names[i], name);
        assert_int_equal(taken->sizes[i], size);
        assert_memory_equal(taken->data[i], data, size);
}

/* Bytes in memory as a file. */
static int file_of(const void *data, size_t size)
{
        int fd = memfd_create("archive", MFD_CLOEXEC);

        assert_true(fd >= 0);
        for (size_t done = 0; done < size;) {
                ssize_t n = write(fd, (const char *)data + done, size - done);

                assert_true(n > 0);
                done += (size_t)n;
        }
        assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
        return fd;
}

static char *bytes_of(int fd, size_t *ret_size)
{
        off_t size = lseek(fd, 0, SEEK_END);
        char *data = malloc((size_t)size + 1);

        assert_int_equal(pread(fd, data, (size_t)size, 0), size);
        *ret_size = (size_t)size;
        return data;
}

/* A failure has its code, a sentence, and nothing else. */
static void check_error(int r, const MusterError *error)
{
        if (r == 0) {
                assert_null(error);
                return;
        }
        assert_true(r < 0);
        assert_non_null(error);
        assert_int_equal(muster_error_code(error), r);
        assert_true(strlen(muster_error_message(error)) > 10);
        assert_true(text_is_utf8(muster_error_message(error), strlen(muster_error_message(error))));
        assert_null(strpbrk(muster_error_message(error), "\n\033"));
}

static int read_within(int fd, size_t member_max, size_t members_max, size_t total_max, Taken *taken)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        int r = archive_read_all(fd, member_max, members_max, total_max, take, taken, &error);

        check_error(r, error);
        return r;
}

static int read_fd_all(int fd, Taken *taken)
{
        return read_within(fd, 64 * MEGABYTE, MEMBERS, 256 * MEGABYTE, taken);
}

static int read_back(int fd, Taken *taken)
{
        assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
        return read_fd_all(fd, taken);
}

static int read_bytes(const void *data, size_t size, Taken *taken)
{
        CLEANUP(fd) int fd = file_of(data, size);

        return read_fd_all(fd, taken);
}

/* The error only. */
static int read_nothing_of(const void *data, size_t size)
{
        Taken taken = {.n = 0};
        int r = read_bytes(data, size, &taken);

        taken_clear(&taken);
        return r;
}

__attribute__((format(printf, 1, 2))) static void run(const char *format, ...)
{
        CLEANUP(free) char *command = NULL, *whole = NULL;
        va_list args;

        va_start(args, format);
        command = text_vformat(format, args);
        va_end(args);
        whole = text_format("cd %s && { %s; }", scratch, command);
        assert_int_equal(system(whole), 0);
}

/* Whether this host has the program that a command line begins with. */
static bool have(const char *line)
{
        CLEANUP(free) char *command = text_format("set -- %s; command -v $1 > /dev/null 2>&1", line);

        return system(command) == 0;
}

static int open_scratch(const char *name, int flags)
{
        CLEANUP(free) char *path = text_format("%s/%s", scratch, name);
        int fd = open(path, flags | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        return fd;
}

static int read_scratch(const char *name, Taken *taken)
{
        CLEANUP(fd) int fd = open_scratch(name, O_RDONLY);

        return read_fd_all(fd, taken);
}

/* The error only. */
static int try_scratch(const char *name, size_t total_max)
{
        CLEANUP(fd) int fd = open_scratch(name, O_RDONLY);
        Taken taken = {.n = 0};
        int r = read_within(fd, total_max, MEMBERS, total_max, &taken);

        taken_clear(&taken);
        return r;
}

static void add(ArchiveWriter *writer, const char *name, const void *data, size_t size, int64_t mtime)
{
        assert_int_equal(archive_writer_add(writer, name, data, size, mtime, NULL), 0);
}

static char long_name[ARCHIVE_NAME_MAX + 1], *big;
#define BIG_SIZE (3 * MEGABYTE + 77)
#define UTF8_NAME                                                                                           \
        "records/gr\xc3\xbc\xc3\x9f"                                                                        \
        "e-\xe2\x82\xac.json"

static void write_sample(int fd)
{
        CLEANUP(ArchiveWriter) ArchiveWriter *writer = NULL;

        assert_int_equal(archive_writer_new(fd, &writer, NULL), 0);
        add(writer, "records/a.json", "{\"a\": 1}\n", 9, 1700000000);
        add(writer, "records/empty", NULL, 0, 0);
        add(writer, UTF8_NAME, "{}", 2, 1700000001);
        add(writer, long_name, "long", 4, -5);
        add(writer, "big", big, BIG_SIZE, (int64_t)1 << 40);
        assert_int_equal(archive_writer_finish(writer, NULL), 0);
}

static int setup(void **state)
{
        uint32_t seed = 1;

        memset(long_name, 'n', ARCHIVE_NAME_MAX);
        long_name[100] = '/';
        big = malloc(BIG_SIZE);
        for (size_t i = 0; i < BIG_SIZE; i++)
                big[i] = (char)((seed = seed * 1664525 + 1013904223) >> 24);
        memset(big + MEGABYTE, 0, MEGABYTE);
        return mkdtemp(scratch) ? 0 : -1;
}

static int teardown(void **state)
{
        free(big);
        run("cd / && rm -rf %s", scratch);
        return 0;
}

static void test_round_trip(void **state)
{
        CLEANUP(fd) int fd = memfd_create("archive", MFD_CLOEXEC);
        Taken taken = {.n = 0};

        write_sample(fd);
        assert_int_equal(lseek(fd, 0, SEEK_CUR) % RECORD, 0);
        assert_int_equal(read_back(fd, &taken), 0);
        assert_int_equal(taken.n, 5);
        assert_member(&taken, 0, "records/a.json", "{\"a\": 1}\n", 9);
        assert_member(&taken, 1, "records/empty", "", 0);
        assert_member(&taken, 2, UTF8_NAME, "{}", 2);
        assert_member(&taken, 3, long_name, "long", 4);
        assert_member(&taken, 4, "big", big, BIG_SIZE);
        taken_clear(&taken);
}

static void test_no_members(void **state)
{
        CLEANUP(fd) int fd = memfd_create("archive", MFD_CLOEXEC);
        CLEANUP(ArchiveWriter) ArchiveWriter *writer = NULL;
        Taken taken = {.n = 0};

        assert_int_equal(archive_writer_new(fd, &writer, NULL), 0);
        assert_int_equal(archive_writer_finish(writer, NULL), 0);
        assert_int_equal(lseek(fd, 0, SEEK_CUR), RECORD);
        assert_int_equal(read_back(fd, &taken), 0);
        assert_int_equal(taken.n, 0);
}

static void assert_same_bytes(int one, int two)
{
        CLEANUP(free) char *a = NULL, *b = NULL;
        size_t a_size, b_size;

        a = bytes_of(one, &a_size);
        b = bytes_of(two, &b_size);
        assert_int_equal(a_size, b_size);
        assert_memory_equal(a, b, a_size);
}

static void test_same_members_same_bytes(void **state)
{
        CLEANUP(fd) int one = memfd_create("one", MFD_CLOEXEC), two = memfd_create("two", MFD_CLOEXEC);

        write_sample(one);
        write_sample(two);
        assert_same_bytes(one, two);
}

static void test_pipes(void **state)
{
        CLEANUP(fd) int file = memfd_create("file", MFD_CLOEXEC), out = -1;
        char command[128];
        FILE *cat;
        Taken taken = {.n = 0};

        write_sample(file);
        snprintf(command, sizeof(command), "cat > %s/piped", scratch);
        cat = popen(command, "w");
        write_sample(fileno(cat));
        assert_int_equal(pclose(cat), 0);
        out = open_scratch("piped", O_RDONLY);
        assert_same_bytes(file, out);

        /* One byte, then the rest: the magic number comes in two pieces. */
        run("gzip -c piped > piped.gz");
        snprintf(command, sizeof(command), "cd %s; (head -c 1; sleep 0.1; cat) < piped.gz", scratch);
        cat = popen(command, "r");
        assert_int_equal(read_fd_all(fileno(cat), &taken), 0);
        assert_int_equal(pclose(cat), 0);
        assert_int_equal(taken.n, 5);
        taken_clear(&taken);
}

static void test_real_tar_reads_it(void **state)
{
        static const char expected[] = "-rw-r--r-- 0/0               9 2023-11-14 22:13 records/a.json\n"
                                       "-rw-r--r-- 0/0               0 1970-01-01 00:00 records/empty\n"
                                       "-rw-r--r-- 0/0               2 2023-11-14 22:13 " UTF8_NAME "\n";
        CLEANUP(fd) int fd = open_scratch("ours.tar", O_WRONLY | O_CREAT), listing = -1;
        CLEANUP(free) char *text = NULL;
        size_t size;

        write_sample(fd);
        run("TZ=UTC LC_ALL=C.UTF-8 tar -tvf ours.tar > listing 2> words");
        run("test ! -s words && test $(wc -l < listing) = 5");
        listing = open_scratch("listing", O_RDONLY);
        text = bytes_of(listing, &size);
        assert_memory_equal(text, expected, strlen(expected));
        run("mkdir out && tar --warning=no-timestamp -C out -xf ours.tar");
        run("test $(find out -type f | wc -l) = 5 && test \"$(cat out/records/a.json)\" = '{\"a\": 1}' && "
            "test $(stat -c %%s out/big) = %zu",
            BIG_SIZE);
}

static void make_tree(void)
{
        run("rm -rf tree && mkdir -p tree/sub && printf one > tree/1 && printf '' > tree/2 && "
            "printf three > 'tree/sub/gr\303\274n' && head -c 70000 /dev/zero | tr '\\0' x > tree/x");
}

static void test_real_tars_are_read(void **state)
{
        static const char *const formats[] = {"gnu", "pax", "ustar", "oldgnu"};
        static const char *const packings[] = {"cat", "gzip", "xz", "zstd"};

        make_tree();
        for (size_t i = 0; i < ELEMENTSOF(formats) * ELEMENTSOF(packings); i++) {
                const char *packing = packings[i % ELEMENTSOF(packings)];
                Taken taken = {.n = 0};

                if (!have(packing))
                        continue;
                run("tar --sort=name --format=%s -C tree -c . | %s > real",
                    formats[i / ELEMENTSOF(packings)], packing);
                assert_int_equal(read_scratch("real", &taken), 0);
                assert_int_equal(taken.n, 4);
                assert_member(&taken, 0, "1", "one", 3);
                assert_member(&taken, 1, "2", "", 0);
                assert_member(&taken, 2, "sub/gr\xc3\xbcn", "three", 5);
                assert_string_equal(taken.names[3], "x");
                assert_int_equal(taken.sizes[3], 70000);
                taken_clear(&taken);
        }
}

/* What stands behind an end mark is no less a part of the file. */
static void test_archives_behind_one_another(void **state)
{
        Taken taken = {.n = 0};

        make_tree();
        run("tar -C tree -cf a.tar 1 2 && tar -C tree -cf b.tar x && cat a.tar b.tar > both && "
            "(gzip -c a.tar; gzip -c b.tar) > both.gz");
        assert_int_equal(read_scratch("both", &taken), 0);
        assert_int_equal(taken.n, 3);
        taken_clear(&taken);
        assert_int_equal(read_scratch("both.gz", &taken), 0);
        assert_int_equal(taken.n, 3);
        taken_clear(&taken);
}

/* Tar by hand */

typedef struct Tar {
        char data[64 * BLOCK];
        size_t size;
} Tar;

static void tar_seal(char header[static BLOCK])
{
        unsigned sum = 0;

        memset(header + 148, ' ', 8);
        for (size_t i = 0; i < BLOCK; i++)
                sum += (unsigned char)header[i];
        snprintf(header + 148, 8, "%06o", sum);
}

/* Without data the header only, for a body of that size. */
static void tar_add(Tar *tar, char type, const char *name, size_t name_size, const char *data, size_t size)
{
        char *h = tar->data + tar->size;

        memset(h, 0, BLOCK);
        assert_true(name_size <= 100);
        memcpy(h, name, name_size);
        memcpy(h + 100, "0000644", 8);
        memcpy(h + 108, "0000000", 8);
        memcpy(h + 116, "0000000", 8);
        snprintf(h + 124, 12, "%011o", (unsigned)size & 0777777777);
        memcpy(h + 136, "00000000000", 12);
        h[156] = type;
        if (type == '1' || type == '2')
                strcpy(h + 157, "/etc/passwd");
        /* A hard link that says of itself that it is a regular file. */
        if (type == '1')
                memcpy(h + 100, "0100644", 8);
        memcpy(h + 257, "ustar", 6);
        h[263] = h[264] = '0';
        tar_seal(h);
        tar->size += BLOCK;
        if (!data)
                return;
        memset(h + BLOCK, 0, (size + BLOCK - 1) / BLOCK * BLOCK);
        memcpy(h + BLOCK, data, size);
        tar->size += (size + BLOCK - 1) / BLOCK * BLOCK;
}

static void tar_end(Tar *tar)
{
        memset(tar->data + tar->size, 0, (size_t)2 * BLOCK);
        tar->size += (size_t)2 * BLOCK;
}

static void tar_add_text(Tar *tar, char type, const char *name, const char *data)
{
        tar_add(tar, type, name, strlen(name), data, strlen(data));
}

/* A member with a name of any length, by a pax header or by GNU's. */
static void tar_add_long(Tar *tar, bool pax, const char *name)
{
        CLEANUP(free) char *line = text_format("%zu path=%s\n", strlen(name) + 10, name);

        assert_true(strlen(name) >= 90 && strlen(name) < 900);
        tar_add(tar, pax ? 'x' : 'L', "long", 4, pax ? line : name, pax ? strlen(line) : strlen(name) + 1);
        tar_add_text(tar, '0', "short", "data");
}

static int read_tar(Tar *tar, Taken *taken)
{
        tar_end(tar);
        return read_bytes(tar->data, tar->size, taken);
}

static void test_bad_names(void **state)
{
        static const char *const names[] = {
                "",       "/",        "/etc/passwd",  "..",           "../x",
                "a/../x", "a/..",     "./../x",       ".//etc",       ".",
                "a/./x",  "a\nb",     "a\033[2Jb",    "\x7f",         "a\xc2\x85",
                "a\xff",  "\xc0\xae", "\xed\xa0\x80", "\xe0\x80\xaf", "\xf4\x90\x80\x80",
                "a\xc3"};

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                for (int directory = 0; directory < 2; directory++) {
                        Tar tar = {.size = 0};
                        Taken taken = {.n = 0};

                        if (directory && (i == 0 || streq(names[i], ".")))
                                continue;
                        tar_add_text(&tar, directory ? '5' : '0', names[i], directory ? "" : "data");
                        if (read_tar(&tar, &taken) != -EBADMSG)
                                fail_msg("name %zu is taken", i);
                        assert_int_equal(taken.n, 0);
                }
}

static void test_long_names(void **state)
{
        for (int pax = 0; pax < 2; pax++)
                for (size_t size = ARCHIVE_NAME_MAX; size < ARCHIVE_NAME_MAX + 2; size++) {
                        Tar tar = {.size = 0};
                        Taken taken = {.n = 0};
                        char name[ARCHIVE_NAME_MAX + 2] = {0};

                        memset(name, 'n', size);
                        tar_add_long(&tar, pax, name);
                        assert_int_equal(read_tar(&tar, &taken), size > ARCHIVE_NAME_MAX ? -EBADMSG : 0);
                        assert_int_equal(taken.n, size > ARCHIVE_NAME_MAX ? 0 : 1);
                        if (taken.n > 0)
                                assert_member(&taken, 0, name, "data", 4);
                        taken_clear(&taken);

                        /* The long name is the one that counts, and it is judged. */
                        tar.size = 0;
                        name[0] = name[1] = '.';
                        name[2] = '/';
                        tar_add_long(&tar, pax, name);
                        assert_int_equal(read_tar(&tar, &taken), -EBADMSG);
                }
}

static void test_good_names(void **state)
{
        static const char *const names[] = {"a",  "./a", "././a", "a/b", "...",
                                            ".a", "a..", "..a/b", "-",   "a b"};
        static const char *const directories[] = {"./", ".", "a/", "./a", "a/b/"};

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                Tar tar = {.size = 0};
                Taken taken = {.n = 0};
                const char *plain = names[i];

                for (size_t d = 0; d < ELEMENTSOF(directories); d++)
                        tar_add_text(&tar, '5', directories[d], "");
                tar_add_text(&tar, '0', names[i], "data");
                assert_int_equal(read_tar(&tar, &taken), 0);
                assert_int_equal(taken.n, 1);
                while (startswith(plain, "./"))
                        plain += 2;
                assert_member(&taken, 0, plain, "data", 4);
                taken_clear(&taken);
        }
}

static void test_only_files(void **state)
{
        for (const char *type = "12346M"; *type; type++)
                for (int behind = 0; behind < 2; behind++) {
                        CLEANUP(MusterError) MusterError *error = NULL;
                        CLEANUP(fd) int fd = -1;
                        Tar tar = {.size = 0};
                        Taken taken = {.n = 0};

                        if (behind)
                                tar_add_text(&tar, '0', "good", "data");
                        tar_add_text(&tar, *type, "evil", "");
                        tar_end(&tar);
                        fd = file_of(tar.data, tar.size);
                        assert_int_equal(archive_read_all(fd, 100, 100, 100000, take, &taken, &error),
                                         -EBADMSG);
                        assert_non_null(strstr(muster_error_message(error), "\"evil\""));
                        assert_int_equal(taken.n, behind);
                        taken_clear(&taken);
                }
}

static int read_tar_within(Tar *tar, size_t member_max, size_t members_max, size_t total_max)
{
        CLEANUP(fd) int fd = file_of(tar->data, tar->size);
        Taken taken = {.n = 0};
        int r = read_within(fd, member_max, members_max, total_max, &taken);

        taken_clear(&taken);
        return r;
}

static void test_bounds(void **state)
{
        Tar tar = {.size = 0};

        tar_add_text(&tar, '0', "a", "12345678");
        tar_add_text(&tar, '5', "d", "");
        tar_add_text(&tar, '0', "b", "1234");
        tar_end(&tar);
        assert_int_equal(read_tar_within(&tar, 8, 3, tar.size), 0);
        assert_int_equal(read_tar_within(&tar, 7, 3, tar.size), -EFBIG);
        assert_int_equal(read_tar_within(&tar, 0, 3, tar.size), -EFBIG);
        assert_int_equal(read_tar_within(&tar, 8, 2, tar.size), -E2BIG);
        assert_int_equal(read_tar_within(&tar, 8, 0, tar.size), -E2BIG);
        assert_int_equal(read_tar_within(&tar, 8, 3, tar.size - 1), -EFBIG);
        assert_int_equal(read_tar_within(&tar, 8, 3, 0), -EFBIG);
        assert_int_equal(read_tar_within(&tar, SIZE_MAX, SIZE_MAX, SIZE_MAX), 0);
}

static void test_sizes_that_are_lies(void **state)
{
        static const char *const sizes[] = {"77777777777", "\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff",
                                            "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "-0000000001"};

        for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
                Tar tar = {.size = 0};

                tar_add_text(&tar, '0', "liar", "data");
                memcpy(tar.data + 124, sizes[i], 11);
                tar_seal(tar.data);
                tar_end(&tar);
                assert_true(read_tar_within(&tar, 64 * MEGABYTE, 10, 256 * MEGABYTE) < 0);
        }
}

/* Half a file must not be filled up with zeros. */
static void test_more_said_than_there(void **state)
{
        static const char *const lines[] = {"23 SCHILY.realsize=100\n", "23 GNU.sparse.size=100\n",
                                            "27 GNU.sparse.realsize=100\n", "12 size=512\n",
                                            "12 size=100\n"};

        for (size_t i = 0; i < ELEMENTSOF(lines); i++) {
                Tar tar = {.size = 0};
                Taken taken = {.n = 0};

                tar_add_text(&tar, 'x', "pax", lines[i]);
                tar_add_text(&tar, '0', "a", "data");
                if (strstr(lines[i], " size")) {
                        tar.size -= BLOCK;
                        assert_int_equal(read_bytes(tar.data, tar.size, &taken), -EBADMSG);
                } else {
                        assert_int_equal(read_tar(&tar, &taken), -EBADMSG);
                }
                assert_int_equal(taken.n, 0);
        }
}

static void test_bombs(void **state)
{
        static const char *const packings[] = {"gzip", "xz -1", "zstd -q"};

        make_tree();
        run("tar -C tree -cf small.tar 1");
        for (size_t i = 0; i < ELEMENTSOF(packings); i++) {
                if (!have(packings[i]))
                        continue;
                /* Zeros behind the end mark, where the parser looks for one more header. */
                run("(cat small.tar; head -c 20M /dev/zero) | %s > bomb", packings[i]);
                assert_int_equal(try_scratch("bomb", 10 * MEGABYTE), -EFBIG);
        }
        /* Layers upon layers are not unpacked. */
        run("gzip -c small.tar | gzip > twice");
        assert_int_equal(try_scratch("twice", 256 * MEGABYTE), -EBADMSG);
        /* Much that unpacks to nothing. */
        run("gzip -c /dev/null > n.gz; for i in 1 2 3 4 5 6 7 8 9 10; do cat n.gz n.gz > n; mv n n.gz; "
            "done");
        run("gzip -c small.tar | cat n.gz - > nothing.gz");
        assert_int_equal(try_scratch("nothing.gz", 256 * MEGABYTE), 0);
        assert_int_equal(try_scratch("nothing.gz", RECORD), -EFBIG);
}

/* A header, a body of whole blocks, what else there is, the end mark; nothing but the body's size is wrong.
 */
static int read_with_body(Tar *tar, const char *body, size_t size, bool member)
{
        CLEANUP(free) char *whole = malloc(sizeof(tar->data) + size);
        size_t head = tar->size;

        memcpy(whole, tar->data, head);
        memcpy(whole + head, body, size);
        tar->size = 0;
        if (member)
                tar_add_text(tar, '0', "a", "data");
        tar_end(tar);
        memcpy(whole + head + size, tar->data, tar->size);
        return read_nothing_of(whole, head + size + tar->size);
}

/* A sparse file's map of 4 MiB becomes a list of 50. */
static void test_long_maps(void **state)
{
        static const char header[] = "22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n21 GNU.sparse.name=a\n"
                                     "27 GNU.sparse.realsize=100\n";

        for (size_t n = 1000; n <= 1024000; n *= 1024) {
                size_t size = (4 * n / BLOCK + 1) * BLOCK;
                CLEANUP(free) char *map = malloc(size + 1);
                Tar tar = {.size = 0};

                for (size_t i = (size_t)sprintf(map, "%07zu\n", n); i < size; i += 2)
                        strcpy(map + i, "0\n");
                tar_add_text(&tar, 'x', "pax", header);
                tar_add(&tar, '0', "a", 1, NULL, size);
                assert_int_equal(read_with_body(&tar, map, size, false), n > 1000 ? -EBADMSG : 0);
        }
}

/* All of an access list is looked through for each of its entries. */
static void test_long_access_lists(void **state)
{
        for (size_t n = 100; n <= 50000; n *= 500) {
                CLEANUP(free) char *list = calloc(1, 20 * n + BLOCK);
                size_t size = 0, length;
                char number[8];
                Tar tar = {.size = 0};

                for (size_t i = 0; i < n; i++)
                        size += (size_t)sprintf(list + size, "%suser:%zu:r",
                                                i ? "," : "SCHILY.acl.access=", i);
                length = size + strlen("123456 \n");
                memmove(list + 7, list, size);
                snprintf(number, sizeof(number), "%06u ", (unsigned)length % 1000000);
                memcpy(list, number, 7);
                list[length - 1] = '\n';
                tar_add(&tar, 'x', "pax", 3, NULL, length);
                assert_int_equal(read_with_body(&tar, list, (length + BLOCK - 1) / BLOCK * BLOCK, true),
                                 n > 100 ? -EBADMSG : 0);
        }
}

static void test_sparse_files(void **state)
{
        static const char *const formats[] = {"--format=gnu", "--format=pax --sparse-version=1.0",
                                              "--format=pax --sparse-version=0.1",
                                              "--format=pax --sparse-version=0.0"};

        run("rm -rf holes && mkdir holes && truncate -s 3M holes/s && printf mid | "
            "dd of=holes/s bs=1 seek=1048576 conv=notrunc status=none && truncate -s 40G holes/huge && "
            "truncate -s 60M holes/empty");
        for (size_t i = 0; i < ELEMENTSOF(formats); i++) {
                CLEANUP(free) char *expected = calloc(1, 3 * MEGABYTE);
                Taken taken = {.n = 0};

                strcpy(expected + MEGABYTE, "mid");
                run("tar %s -S -C holes -cf sparse s && tar %s -S -C holes -cf huge huge && "
                    "tar %s -S -C holes --hard-dereference -cf many empty empty empty empty empty && "
                    "test $(stat -c %%s sparse huge many | sort -n | tail -1) -lt 200000",
                    formats[i], formats[i], formats[i]);
                assert_int_equal(read_scratch("sparse", &taken), 0);
                assert_int_equal(taken.n, 1);
                assert_member(&taken, 0, "s", expected, 3 * MEGABYTE);
                taken_clear(&taken);
                assert_int_equal(read_scratch("huge", &taken), -EFBIG);
                assert_int_equal(taken.n, 0);
                /* Each within the bound, but not all of them. */
                assert_int_equal(read_scratch("many", &taken), -EFBIG);
                assert_int_equal(taken.n, 4);
                taken_clear(&taken);
        }
}

static void test_no_archives(void **state)
{
        CLEANUP(free) char *text = malloc(100000);

        memset(text, 'x', 100000);
        assert_int_equal(read_nothing_of("", 0), -EBADMSG);
        assert_int_equal(read_nothing_of("x", 1), -EBADMSG);
        assert_int_equal(read_nothing_of("\0\0\0", 3), -EBADMSG);
        assert_int_equal(read_nothing_of(text, 511), -EBADMSG);
        assert_int_equal(read_nothing_of(text, 512), -EBADMSG);
        assert_int_equal(read_nothing_of(text, 100000), -EBADMSG);
        assert_int_equal(read_nothing_of(big, BIG_SIZE), -EBADMSG);
        assert_int_equal(read_nothing_of("\x1f\x8b", 2), -EBADMSG);
        assert_int_equal(read_nothing_of("\xfd\x37\x7a\x58\x5a\x00", 6), -EBADMSG);
        assert_int_equal(read_nothing_of("\x28\xb5\x2f\xfd", 4), -EBADMSG);
}

static void test_garbage(void **state)
{
        static const char *const packings[] = {"cat", "gzip -c", "xz -c", "zstd -qc"};
        static const char *const garbage[] = {"printf x", "head -c 511 /dev/zero | tr '\\0' x",
                                              "head -c 100000 /dev/zero | tr '\\0' x",
                                              "printf '\\037\\213\\010'"};
        Tar tar = {.size = 0};

        make_tree();
        run("tar -C tree -cf clean.tar 1 x");
        for (size_t i = 0; i < ELEMENTSOF(packings) * ELEMENTSOF(garbage); i++) {
                const char *packing = packings[i / ELEMENTSOF(garbage)];

                if (!have(packing))
                        continue;
                run("(%s clean.tar; %s) > dirty", packing, garbage[i % ELEMENTSOF(garbage)]);
                assert_int_equal(try_scratch("dirty", 256 * MEGABYTE), -EBADMSG);
                run("(cat clean.tar; %s) | %s > dirty", garbage[i % ELEMENTSOF(garbage)], packing);
                assert_int_equal(try_scratch("dirty", 256 * MEGABYTE), -EBADMSG);
        }
        /* Between two members. */
        tar_add_text(&tar, '0', "a", "data");
        memset(tar.data + tar.size, 'g', BLOCK);
        tar.size += BLOCK;
        tar_add_text(&tar, '0', "b", "data");
        tar_end(&tar);
        assert_int_equal(read_nothing_of(tar.data, tar.size), -EBADMSG);
}

/* Members that were taken of a shorter file are whole ones. */
static void check_cut(const char *data, size_t size, size_t cut, const Taken *whole, bool whole_mark)
{
        Taken taken = {.n = 0};
        int r = read_bytes(data, cut, &taken);

        assert_int_equal(r, whole_mark ? 0 : -EBADMSG);
        if (whole_mark)
                assert_int_equal(taken.n, whole->n);
        assert_true(taken.n <= whole->n);
        for (size_t i = 0; i < taken.n; i++)
                assert_member(&taken, i, whole->names[i], whole->data[i], whole->sizes[i]);
        taken_clear(&taken);
}

static void cut_everywhere(const char *name, bool packed)
{
        CLEANUP(fd) int fd = open_scratch(name, O_RDONLY);
        CLEANUP(free) char *data = NULL;
        Taken whole = {.n = 0};
        size_t size, end;

        data = bytes_of(fd, &size);
        assert_int_equal(read_bytes(data, size, &whole), 0);
        for (end = size; end > 0 && data[end - 1] == 0;)
                end--;
        end = (end + BLOCK - 1) / BLOCK * BLOCK + (size_t)2 * BLOCK;
        for (size_t cut = 0; cut < size; cut += packed || cut % BLOCK < 3 || cut % BLOCK > 507 ? 1 : 101)
                check_cut(data, size, cut, &whole, !packed && cut >= end && cut % BLOCK == 0);
        taken_clear(&whole);
}

static void test_cut_short(void **state)
{
        static const char *const formats[] = {"gnu", "ustar", "pax", "pax --pax-option=comment=global"};
        static const char *const packings[] = {"gzip", "xz", "zstd"};

        run("rm -rf cut && mkdir cut && printf one > cut/1 && printf '' > cut/2 && "
            "head -c 1500 /dev/zero | tr '\\0' x > cut/3 && printf four > cut/$(printf %%090d 4) && "
            "head -c 2000 /dev/zero > cut/zeros");
        for (size_t i = 0; i < ELEMENTSOF(formats); i++) {
                run("tar --format=%s --mtime=@0 -C cut -cf cut.tar .", formats[i]);
                cut_everywhere("cut.tar", false);
        }
        for (size_t i = 0; i < ELEMENTSOF(packings); i++) {
                CLEANUP(free) char *name = text_format("cut.%s", packings[i]);

                if (!have(packings[i]))
                        continue;
                run("%s -qc cut.tar > %s", packings[i], name);
                cut_everywhere(name, true);
        }
}

/* For the sanitizers: whatever comes of it, it is an answer. */
static void test_damage(void **state)
{
        static const char *const names[] = {"cut.tar", "cut.gzip", "cut.xz", "cut.zstd", "sparse"};
        uint32_t seed = 7;

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                CLEANUP(free) char *path = text_format("%s/%s", scratch, names[i]), *data = NULL;
                CLEANUP(fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
                size_t size;

                if (fd < 0)
                        continue;
                data = bytes_of(fd, &size);
                for (unsigned round = 0; round < 300; round++) {
                        size_t at = (seed = seed * 1664525 + 1013904223) % size;
                        char was = data[at];

                        data[at] = (char)(seed >> 22);
                        (void)read_nothing_of(data, size);
                        data[at] = was;
                }
        }
}

static void test_taker_ends_it(void **state)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        CLEANUP(fd) int fd = -1;
        Taken taken = {.answer = -EXDEV};
        Tar tar = {.size = 0};

        tar_add_text(&tar, '0', "a", "data");
        tar_add_text(&tar, '0', "b", "data");
        tar_end(&tar);
        fd = file_of(tar.data, tar.size);
        assert_int_equal(archive_read_all(fd, 100, 100, 100000, take, &taken, &error), -EXDEV);
        assert_string_equal(muster_error_message(error), "taken enough");
        assert_int_equal(taken.n, 1);
        taken_clear(&taken);
}

static void test_what_cannot_be_read(void **state)
{
        CLEANUP(fd) int directory = open(scratch, O_RDONLY | O_CLOEXEC);
        Taken taken = {.n = 0};

        assert_int_equal(read_fd_all(directory, &taken), -EISDIR);
        assert_int_equal(read_fd_all(-1, &taken), -EBADF);
        assert_int_equal(archive_read_all(-1, 1, 1, 1, take, &taken, NULL), -EBADF);
}

static int write_until_it_fails(int fd)
{
        CLEANUP(ArchiveWriter) ArchiveWriter *writer = NULL;
        CLEANUP(MusterError) MusterError *error = NULL, *again = NULL, *end = NULL;
        int r;

        assert_int_equal(archive_writer_new(fd, &writer, NULL), 0);
        /* The first member lies in a buffer. */
        assert_int_equal(archive_writer_add(writer, "a", "data", 4, 0, NULL), 0);
        r = archive_writer_add(writer, "b", big, BIG_SIZE, 0, &error);
        check_error(r, error);
        assert_true(r < 0);
        assert_int_equal(archive_writer_add(writer, "c", "data", 4, 0, &again), r);
        check_error(r, again);
        assert_int_equal(archive_writer_finish(writer, &end), r);
        check_error(r, end);
        return r;
}

static int write_to_the_end(int fd)
{
        CLEANUP(ArchiveWriter) ArchiveWriter *writer = NULL;
        CLEANUP(MusterError) MusterError *error = NULL;
        int r;

        assert_int_equal(archive_writer_new(fd, &writer, NULL), 0);
        assert_int_equal(archive_writer_add(writer, "a", "data", 4, 0, NULL), 0);
        r = archive_writer_finish(writer, &error);
        check_error(r, error);
        return r;
}

static void test_what_cannot_be_written(void **state)
{
        CLEANUP(fd) int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
        int ends[2];

        assert_int_equal(write_until_it_fails(full), -ENOSPC);
        assert_int_equal(write_to_the_end(full), -ENOSPC);
        assert_int_equal(write_until_it_fails(-1), -EBADF);

        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        close(ends[0]);
        signal(SIGPIPE, SIG_IGN);
        assert_int_equal(write_until_it_fails(ends[1]), -EPIPE);
        assert_int_equal(write_to_the_end(ends[1]), -EPIPE);
        signal(SIGPIPE, SIG_DFL);
        close(ends[1]);
}

static void test_names_that_are_not_written(void **state)
{
        static const char *const names[] = {"", "/a", "..", "a/../b", "./a", "a\n", "\xff"};
        CLEANUP(fd) int fd = memfd_create("archive", MFD_CLOEXEC);
        CLEANUP(ArchiveWriter) ArchiveWriter *writer = NULL;
        char too_long[ARCHIVE_NAME_MAX + 2] = {0};
        Taken taken = {.n = 0};

        memset(too_long, 'n', ARCHIVE_NAME_MAX + 1);
        assert_int_equal(archive_writer_new(fd, &writer, NULL), 0);
        for (size_t i = 0; i <= ELEMENTSOF(names); i++) {
                CLEANUP(MusterError) MusterError *error = NULL;
                const char *name = i < ELEMENTSOF(names) ? names[i] : too_long;

                assert_int_equal(archive_writer_add(writer, name, "data", 4, 0, &error), -EINVAL);
                check_error(-EINVAL, error);
        }
        /* The writer is none the worse for it. */
        add(writer, "good", "data", 4, 0);
        assert_int_equal(archive_writer_finish(writer, NULL), 0);
        assert_int_equal(read_back(fd, &taken), 0);
        assert_int_equal(taken.n, 1);
        taken_clear(&taken);
}

static void test_unfinished_is_no_archive(void **state)
{
        CLEANUP(fd) int fd = memfd_create("archive", MFD_CLOEXEC);
        ArchiveWriter *writer = NULL;
        Taken taken = {.n = 0};

        assert_null(archive_writer_free(NULL));
        assert_int_equal(archive_writer_new(fd, &writer, NULL), 0);
        add(writer, "a", big, 100000, 0);
        assert_null(archive_writer_free(writer));
        assert_true(lseek(fd, 0, SEEK_END) > 90000);
        assert_int_equal(read_back(fd, &taken), -EBADMSG);
        assert_int_equal(taken.n, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trip),
                cmocka_unit_test(test_no_members),
                cmocka_unit_test(test_same_members_same_bytes),
                cmocka_unit_test(test_pipes),
                cmocka_unit_test(test_real_tar_reads_it),
                cmocka_unit_test(test_real_tars_are_read),
                cmocka_unit_test(test_archives_behind_one_another),
                cmocka_unit_test(test_bad_names),
                cmocka_unit_test(test_long_names),
                cmocka_unit_test(test_good_names),
                cmocka_unit_test(test_only_files),
                cmocka_unit_test(test_bounds),
                cmocka_unit_test(test_sizes_that_are_lies),
                cmocka_unit_test(test_more_said_than_there),
                cmocka_unit_test(test_bombs),
                cmocka_unit_test(test_long_maps),
                cmocka_unit_test(test_long_access_lists),
                cmocka_unit_test(test_sparse_files),
                cmocka_unit_test(test_no_archives),
                cmocka_unit_test(test_garbage),
                cmocka_unit_test(test_cut_short),
                cmocka_unit_test(test_damage),
                cmocka_unit_test(test_taker_ends_it),
                cmocka_unit_test(test_what_cannot_be_read),
                cmocka_unit_test(test_what_cannot_be_written),
                cmocka_unit_test(test_names_that_are_not_written),
                cmocka_unit_test(test_unfinished_is_no_archive),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
