/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whatever befalls a file of the store: it is whole, or it is passed over with a note. */

#include "store/entry.h"
#include "tests/unit/store/stores.h"

static const struct {
        EntryKind kind;
        const char *file, *header;
} kinds[] = {
        {ENTRY_RECORD, "records/x", "muster record 1\nsha256 "},
        {ENTRY_HOST, "hosts/x", "muster host 1\nfnv1a64 "},
        {ENTRY_FAILURE, "failures/x", "muster failure 1\nsha256 "},
        {ENTRY_PATH, "paths/x", "muster path 1\nfnv1a64 "},
        {ENTRY_VERDICTS, "verdicts/x", "muster verdicts 1\nfnv1a64 "},
};

static const char body[] = "{\"one\": 1,\n\"two\": [\"2\"]}\npresent feature *\n";

static MusterStore *store;

/* What stands in the file now must not be taken, and that must be said once. */
static void expect_passed_over(EntryKind kind, const char *fragment)
{
        char *taken = (char *)"untouched";
        size_t size = 4711;
        FileStamp stamp;
        int r = entry_read(store, kind, "x", &taken, &size, &stamp);

        assert_int_equal(r, -EBADMSG);
        assert_string_equal(taken, "untouched");
        assert_int_equal(size, 4711);
        expect_notes(1, fragment);
}

static void expect_taken(EntryKind kind)
{
        CLEANUP(free) char *taken = NULL;
        FileStamp stamp, now;
        size_t size = 0;

        assert_int_equal(entry_read(store, kind, "x", &taken, &size, &stamp), 0);
        assert_int_equal(size, strlen(body));
        assert_string_equal(taken, body);
        assert_int_equal(entry_stamp(store, kind, "x", &now), 0);
        assert_true(file_stamp_equal(&stamp, &now));
        expect_notes(0, "");
}

static void put(size_t k, const void *data, size_t size)
{
        int fd = openat(store->dirfd, kinds[k].file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

        /* Not O_TRUNC: some file systems write to the disk then. */
        assert_true(fd >= 0);
        assert_int_equal(write(fd, data, size), (ssize_t)size);
        assert_int_equal(ftruncate(fd, (off_t)size), 0);
        close(fd);
}

/* Its bytes as they were written. */
static char *seal(size_t k, size_t *ret_size)
{
        FileStamp stamp, now;
        char *text;

        (void)entry_remove(store, kinds[k].kind, "x");
        assert_int_equal(entry_write(store, kinds[k].kind, "x", body, strlen(body), &stamp), 0);
        assert_int_equal(entry_stamp(store, kinds[k].kind, "x", &now), 0);
        assert_true(file_stamp_equal(&stamp, &now));
        assert_int_equal(read_file_at(store->dirfd, kinds[k].file, 4096, &text, ret_size), 0);
        return text;
}

static void test_round_trip(void **state)
{
        for (size_t k = 0; k < ELEMENTSOF(kinds); k++) {
                CLEANUP(free) char *text = NULL, *file = entry_file(kinds[k].kind, "x"), *taken = NULL;
                FileStamp stamp;
                size_t size;

                assert_int_equal(entry_read(store, kinds[k].kind, "x", &taken, NULL, NULL), -ENOENT);
                assert_int_equal(entry_stamp(store, kinds[k].kind, "x", &stamp), -ENOENT);
                expect_notes(0, "");
                text = seal(k, &size);
                assert_non_null(startswith(text, kinds[k].header));
                assert_string_equal(text + size - strlen(body), body);
                assert_string_equal(file, kinds[k].file);
                expect_taken(kinds[k].kind);
                assert_int_equal(entry_remove(store, kinds[k].kind, "x"), 0);
                assert_int_equal(entry_remove(store, kinds[k].kind, "x"), 0);
                assert_int_equal(entry_read(store, kinds[k].kind, "x", &taken, NULL, NULL), -ENOENT);
        }
        expect_notes(0, "");
}

static void test_empty_body(void **state)
{
        CLEANUP(free) char *taken = NULL;
        size_t size = 1;

        assert_int_equal(entry_write(store, ENTRY_PATH, "empty", "", 0, NULL), 0);
        assert_int_equal(entry_read(store, ENTRY_PATH, "empty", &taken, &size, NULL), 0);
        assert_int_equal(size, 0);
        assert_string_equal(taken, "");
}

static void test_every_truncation(void **state)
{
        for (size_t k = 0; k < ELEMENTSOF(kinds); k++) {
                CLEANUP(free) char *text = NULL;
                size_t size;

                text = seal(k, &size);
                for (size_t n = 0; n < size; n++) {
                        put(k, text, n);
                        expect_passed_over(kinds[k].kind, kinds[k].file);
                }
                put(k, text, size);
                expect_taken(kinds[k].kind);
                /* And what is behind the end. The NUL is the text's own. */
                put(k, text, size + 1);
                expect_passed_over(kinds[k].kind, kinds[k].file);
        }
}

static void test_every_byte(void **state)
{
        static const unsigned char changes[] = {0x01, 0x02, 0x10, 0x20, 0x80, 0xff};

        for (size_t k = 0; k < ELEMENTSOF(kinds); k++) {
                CLEANUP(free) char *text = NULL;
                size_t size;

                text = seal(k, &size);
                for (size_t i = 0; i < size * ELEMENTSOF(changes); i++) {
                        char *byte = &text[i / ELEMENTSOF(changes)], was = *byte;

                        *byte = (char)(was ^ changes[i % ELEMENTSOF(changes)]);
                        put(k, text, size);
                        expect_passed_over(kinds[k].kind, kinds[k].file);
                        *byte = was;
                }
                put(k, text, size);
                expect_taken(kinds[k].kind);
        }
}

/* The same with every value of every byte, without files. */
static void test_every_value_of_every_byte(void **state)
{
        for (size_t k = 0; k < ELEMENTSOF(kinds); k++) {
                CLEANUP(free) char *text = NULL;
                const char *taken, *why;
                size_t size, taken_size;

                assert_int_equal(entry_seal(kinds[k].kind, body, strlen(body), &text, &size), 0);
                assert_int_equal(entry_unseal(kinds[k].kind, text, size, &taken, &taken_size, &why), 0);
                assert_string_equal(taken, body);
                assert_int_equal(taken_size, strlen(body));
                for (size_t i = 0; i < size; i++)
                        for (unsigned change = 1; change < 256; change++) {
                                text[i] ^= (char)change;
                                why = NULL;
                                if (entry_unseal(kinds[k].kind, text, size, &taken, &taken_size, &why) !=
                                            -EBADMSG ||
                                    !why)
                                        fail_msg("%s: byte %zu, changed by %#x", kinds[k].file, i, change);
                                text[i] ^= (char)change;
                        }
        }
}

/* A body that could be told apart by nothing but the kind: a file that was renamed. */
static void test_another_kind(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++)
                for (size_t j = 0; j < ELEMENTSOF(kinds); j++) {
                        CLEANUP(free) char *text = NULL;
                        size_t size;

                        if (i == j)
                                continue;
                        text = seal(i, &size);
                        put(j, text, size);
                        expect_passed_over(kinds[j].kind, "no file of muster's");
                }
}

static void test_other_formats(void **state)
{
        static const char *const formats[] = {"0", "2", "10", "11", "01", "-1", "", "x"};

        for (size_t k = 0; k < ELEMENTSOF(kinds); k++)
                for (size_t f = 0; f < ELEMENTSOF(formats); f++) {
                        CLEANUP(free) char *text = NULL, *other = NULL;
                        const char *digit;
                        size_t size;

                        text = seal(k, &size);
                        digit = strchr(text, '\n') - 1;
                        other = text_format("%.*s%s%s", (int)(digit - text), text, formats[f], digit + 1);
                        put(k, other, strlen(other));
                        expect_passed_over(kinds[k].kind, "format");
                }
}

/* Texts that are much like one. The last has the sum that it says, and a NUL within. */
static void test_look_alikes(void **state)
{
        static const char *const texts[] = {
                "\n\n",
                "muster path 1",
                "muster path 1\n",
                "muster path 1\n\n",
                "muster path 1\nfnv1a64 cbf29ce484222325 0",
                "muster path 1\nfnv1a64 CBF29CE484222325 0\n",
                "muster path 1\nfnv1a64 cbf29ce484222325 00\n",
                "muster path 1\nfnv1a64  cbf29ce484222325 0\n",
                "muster path 1\r\nfnv1a64 cbf29ce484222325 0\r\n",
                "muster  path 1\nfnv1a64 cbf29ce484222325 0\n",
                "Muster path 1\nfnv1a64 cbf29ce484222325 0\n",
                "muster paths 1\nfnv1a64 cbf29ce484222325 0\n",
        };
        CLEANUP(free) char *text = NULL;
        size_t size;

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                put(3, texts[i], strlen(texts[i]));
                expect_passed_over(ENTRY_PATH, "paths/x");
        }
        put(3, "muster path 1\nfnv1a64 cbf29ce484222325 0\n", 41);
        assert_int_equal(entry_read(store, ENTRY_PATH, "x", &text, NULL, NULL), 0);
        free(text);
        assert_int_equal(entry_seal(ENTRY_PATH, "a\0b", 3, &text, &size), 0);
        put(3, text, size);
        expect_passed_over(ENTRY_PATH, "paths/x");
}

static void test_not_ours_alone(void **state)
{
        static const mode_t modes[] = {0620, 0602, 0666};

        for (size_t k = 0; k < ELEMENTSOF(kinds); k++) {
                const char *path = in_store(store, kinds[k].file);
                size_t size;

                free(seal(k, &size));
                for (size_t m = 0; m < ELEMENTSOF(modes); m++) {
                        assert_int_equal(chmod(path, modes[m]), 0);
                        expect_passed_over(kinds[k].kind, "others than you and root");
                }
                assert_int_equal(chmod(path, 0644), 0);
                expect_taken(kinds[k].kind);
                if (geteuid() != 0)
                        continue;
                assert_int_equal(chown(path, NOBODY, 0), 0);
                expect_passed_over(kinds[k].kind, "others than you and root");
                /* A group that cannot write says nothing. */
                assert_int_equal(chown(path, 0, NOBODY), 0);
                expect_taken(kinds[k].kind);
        }
}

/* Written over, each of these becomes a file again; a folder cannot. */
static void test_no_file(void **state)
{
        for (size_t k = 0; k < ELEMENTSOF(kinds); k++) {
                const char *path = in_store(store, kinds[k].file);
                size_t size;

                free(seal(k, &size));
                assert_int_equal(rename(path, in_dir("elsewhere")), 0);
                assert_int_equal(symlink(in_dir("elsewhere"), path), 0);
                expect_passed_over(kinds[k].kind, kinds[k].file);
                free(seal(k, &size));
                expect_taken(kinds[k].kind);
                assert_int_equal(unlink(path), 0);
                assert_int_equal(symlink("nowhere", path), 0);
                expect_passed_over(kinds[k].kind, kinds[k].file);
                assert_int_equal(unlink(path), 0);
                assert_int_equal(mkfifo(path, 0600), 0);
                expect_passed_over(kinds[k].kind, kinds[k].file);
                free(seal(k, &size));
                expect_taken(kinds[k].kind);
                assert_int_equal(unlink(path), 0);
                assert_int_equal(mkdir(path, 0700), 0);
                expect_passed_over(kinds[k].kind, kinds[k].file);
                assert_int_equal(entry_write(store, kinds[k].kind, "x", body, strlen(body), NULL), -EISDIR);
                assert_int_equal(rmdir(path), 0);
                /* Whether or not the folder could have been told before: it is told once in all. */
                n_notes = 0;
        }
}

/* Larger than any entry: a hole of 1 TiB costs no disk, and must cost no memory. */
static void test_too_large(void **state)
{
        size_t size;

        free(seal(0, &size));
        assert_int_equal(truncate(in_store(store, kinds[0].file), (off_t)1 << 40), 0);
        expect_passed_over(ENTRY_RECORD, "too large");
        assert_int_equal(entry_remove(store, ENTRY_RECORD, "x"), 0);
}

static int set_up(void **state)
{
        if (fixture_set_up(state) < 0)
                return -1;
        store = open_store("store");
        return store_make_folders(store);
}

static int tear_down(void **state)
{
        muster_store_unref(store);
        return fixture_tear_down(state);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trip),
                cmocka_unit_test(test_empty_body),
                cmocka_unit_test(test_every_truncation),
                cmocka_unit_test(test_every_byte),
                cmocka_unit_test(test_every_value_of_every_byte),
                cmocka_unit_test(test_another_kind),
                cmocka_unit_test(test_other_formats),
                cmocka_unit_test(test_look_alikes),
                cmocka_unit_test(test_not_ours_alone),
                cmocka_unit_test(test_no_file),
                cmocka_unit_test(test_too_large),
        };

        return cmocka_run_group_tests(tests, set_up, tear_down);
}
