/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From a path to what lies behind it: as text, and against files that move. */

#include <limits.h>
#include <signal.h>

#include "emulator/identity-private.h"
#include "store/trail.h"
#include "tests/unit/store/stores.h"

#define DIGEST_A "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define DIGEST_B "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
#define RECORD   DIGEST_A ".0123456789abcdef"
#define SECOND   INT64_C(1000000000)

static char long_path[PATH_MAX + 1];

/* Borrows all; never cleared. */
static Trail plain_trail(void)
{
        return (Trail){
                .record = RECORD,
                .looked_nsec = 1700000000123456789,
                .identity = {.path = (char *)"/usr/bin/qemu-system-x86_64",
                             .executable = (char *)"/usr/bin/qemu-system-x86_64",
                             .digest = DIGEST_A,
                             .stamp = {1, 2, 3, 4, -5},
                             .modules_root = (char *)"",
                             .modules_inside = (char *)"/usr/bin/qemu-system-x86_64"},
                .seen = (char *)"1 2 3 4 -5 -\n",
        };
}

static Trail rich_trail(void)
{
        static const IdentityLink fresh[] = {
                {.path = (char *)"/usr/bin/kvm",
                 .name = (char *)"/bin/kvm",
                 .stamp = {6, 7, 8, 9, 10},
                 .digest = DIGEST_B},
                {.path = (char *)"/usr/bin/dash", .name = (char *)"/bin/sh", .stamp = {0}},
        };
        static IdentityLink links[ELEMENTSOF(fresh)];
        Trail trail = plain_trail();

        memcpy(links, fresh, sizeof(links));
        trail.identity.links = links;
        trail.identity.n_links = ELEMENTSOF(links);
        trail.identity.n_modules = 36;
        strcpy(trail.identity.modules_fingerprint, DIGEST_A);
        strcpy(trail.identity.modules_stamp, DIGEST_B);
        trail.identity.modules_dir = (char *)"/srv/root/usr/lib/qemu";
        trail.identity.modules_root = (char *)"/srv/root";
        trail.identity.modules_env = (char *)"/opt/modules";
        trail.emulator = (char *)"{\"path\":\"/usr/bin/kvm\"}";
        trail.seen = (char *)"lines\nof anything\n\n";
        return trail;
}

static void expect_same_link(const IdentityLink *a, const IdentityLink *b)
{
        assert_string_equal(a->path, b->path);
        assert_string_equal(a->name, b->name);
        assert_string_equal(a->digest, b->digest);
        assert_true(file_stamp_equal(&a->stamp, &b->stamp));
}

static void expect_same(const Trail *a, const Trail *b)
{
        const Identity *x = &a->identity, *y = &b->identity;

        assert_string_equal(a->record, b->record);
        assert_true(a->looked_nsec == b->looked_nsec);
        assert_true(streq_ptr(a->emulator, b->emulator));
        assert_string_equal(a->seen, b->seen);
        assert_string_equal(x->path, y->path);
        assert_string_equal(x->executable, y->executable);
        assert_string_equal(x->digest, y->digest);
        assert_true(file_stamp_equal(&x->stamp, &y->stamp));
        assert_int_equal(x->n_modules, y->n_modules);
        assert_string_equal(x->modules_fingerprint, y->modules_fingerprint);
        assert_string_equal(x->modules_stamp, y->modules_stamp);
        assert_true(streq_ptr(x->modules_dir, y->modules_dir));
        assert_string_equal(x->modules_root, y->modules_root);
        assert_string_equal(x->modules_inside, y->modules_inside);
        assert_true(streq_ptr(x->modules_env, y->modules_env));
        assert_int_equal(x->n_links, y->n_links);
        for (size_t i = 0; i < x->n_links; i++)
                expect_same_link(&x->links[i], &y->links[i]);
        assert_false(x->deleted || y->deleted);
}

static void expect_round_trip(const Trail *trail)
{
        CLEANUP(free) char *text = NULL, *path = NULL, *again = NULL;
        CLEANUP(trail) Trail parsed = {};
        size_t size, again_size;

        assert_int_equal(trail_print(trail, &text, &size), 0);
        assert_int_equal(size, strlen(text));
        if (trail_parse(text, &path, &parsed) < 0)
                fail_msg("not taken: %s", text);
        assert_string_equal(path, trail->identity.path);
        assert_true(parsed.identity.watchable);
        expect_same(trail, &parsed);
        assert_int_equal(trail_print(&parsed, &again, &again_size), 0);
        assert_string_equal(text, again);
}

static void test_round_trip(void **state)
{
        static const char *const odd[] = {"/a b",     "/ ",     "/tab\there",      "/\xff\xfe\x80",
                                          "/\r",      "/\"'\\", "/ends in blank ", "/path seen",
                                          "/\x01\x7f"};
        Trail trail = plain_trail();

        expect_round_trip(&trail);
        trail.seen = (char *)"";
        trail.looked_nsec = INT64_MAX;
        expect_round_trip(&trail);
        trail = rich_trail();
        expect_round_trip(&trail);
        for (size_t i = 0; i < ELEMENTSOF(odd); i++) {
                trail = rich_trail();
                trail.identity.path = trail.identity.executable = (char *)odd[i];
                trail.identity.modules_dir = trail.identity.modules_root = (char *)odd[i];
                trail.identity.modules_inside = trail.identity.modules_env = (char *)odd[i];
                trail.identity.links[0].path = trail.identity.links[1].name = (char *)odd[i];
                expect_round_trip(&trail);
        }
        memset(long_path, 'x', PATH_MAX);
        long_path[0] = '/';
        trail = rich_trail();
        trail.identity.path = trail.identity.executable = trail.identity.modules_dir = long_path;
        trail.identity.links[0].path = trail.identity.links[0].name = long_path;
        expect_round_trip(&trail);
}

/* What parses, whatever it is, is printed and parsed again to the same. */
static bool settles(const char *text)
{
        CLEANUP(free) char *printed = NULL, *again = NULL;
        CLEANUP(trail) Trail trail = {}, second = {};
        size_t size;

        if (trail_parse(text, /* ret_path= */ NULL, &trail) < 0)
                return false;
        assert_int_equal(trail_print(&trail, &printed, &size), 0);
        assert_int_equal(trail_parse(printed, NULL, &second), 0);
        expect_same(&trail, &second);
        assert_int_equal(trail_print(&second, &again, &size), 0);
        assert_string_equal(printed, again);
        return true;
}

static void test_every_truncation_and_byte(void **state)
{
        const Trail trails[] = {plain_trail(), rich_trail()};

        for (size_t t = 0; t < ELEMENTSOF(trails); t++) {
                CLEANUP(free) char *text = NULL, *cut = NULL;
                const char *seen;
                size_t size;

                assert_int_equal(trail_print(&trails[t], &text, &size), 0);
                assert_true(settles(text));
                seen = strstr(text, "\nseen\n") + strlen("\nseen\n");
                for (size_t n = 0; n < size; n++) {
                        cut = strndup(text, n); /* of its own size, for the sanitizer */
                        assert_int_equal(settles(cut), text + n >= seen);
                        free(TAKE(cut));
                }
                for (size_t i = 0; i < size; i++)
                        for (unsigned bit = 0; bit < 8; bit++) {
                                text[i] ^= (char)(1 << bit);
                                (void)settles(text);
                                text[i] ^= (char)(1 << bit);
                        }
        }
}

static void test_malformed(void **state)
{
        static const struct {
                const char *was, *is;
        } changes[] = {
                {"path /", "path "},
                {"path /usr", "path usr"},
                {"path ", "Path "},
                {"record " RECORD, "record " DIGEST_A},
                {"record 0", "record g"},
                {"looked 1", "looked -1"},
                {"looked 1", "looked x1"},
                {"looked 1", "looked 99999999999999999991"},
                {"digest 0", "digest G"},
                {"digest 0", "digest "},
                {"stamp 1 2 3 4 -5\n", "stamp 1 2 3 4\n"},
                {"stamp 1 2 3 4 -5\n", "stamp 1 2 3 4 -5 6\n"},
                {"executable /usr", "executable usr"},
                {"modules 36 ", "modules 65537 "},
                {"modules 36 ", "modules -36 "},
                {"modules 36 ", "modules 0 "},
                {"modules 36 0", "modules 36 x"},
                {"modules-inside ", "modules-outside "},
                {"modules-dir /srv/root/usr/lib/qemu", "modules-dir "},
                {"link " DIGEST_B " 6", "link " DIGEST_B "6"},
                {"link " DIGEST_B " 6", "link 6"},
                {"link - 0", "link -0"},
                {"10 /usr/bin/kvm\n", "10 usr/bin/kvm\n"},
                {"10 /usr/bin/kvm\n", "10 \n"},
                {"name /bin/sh\n", ""},
                {"seen\n", "seen"},
                {"seen\n", "seen \n"},
        };
        CLEANUP(free) char *text = NULL;
        Trail trail = rich_trail();
        size_t size;

        assert_int_equal(trail_print(&trail, &text, &size), 0);
        for (size_t i = 0; i < ELEMENTSOF(changes); i++) {
                const char *at = strstr(text, changes[i].was);
                CLEANUP(free) char *changed = NULL;
                Trail untouched = {};

                if (!at)
                        fail_msg("there is no \"%s\"", changes[i].was);
                changed = text_format("%.*s%s%s", (int)(at - text), text, changes[i].is,
                                      at + strlen(changes[i].was));
                if (trail_parse(changed, NULL, &untouched) != -EBADMSG)
                        fail_msg("taken with \"%s\"", changes[i].is);
                assert_null(untouched.identity.path);
        }
}

/* More links than a chain can have end in an error, not in memory. */
static void test_too_many_links(void **state)
{
        CLEANUP(free) char *text = NULL;
        Trail trail = rich_trail();
        IdentityLink links[65];
        size_t size;

        for (size_t i = 0; i < ELEMENTSOF(links); i++)
                links[i] = trail.identity.links[1];
        trail.identity.links = links;
        trail.identity.n_links = 64;
        expect_round_trip(&trail);
        trail.identity.n_links = 65;
        assert_int_equal(trail_print(&trail, &text, &size), 0);
        assert_false(settles(text));
}

static void test_names(void **state)
{
        static const char *const paths[] = {"/",    "/a",    "//a",   "/a/b", "/a+b",    "/a%2bb",
                                            "/a b", "/.a/b", "/a/.b", "/..",  "/\xff\n", "/~a"};
        char *names[ELEMENTSOF(paths)];

        for (size_t i = 0; i < ELEMENTSOF(paths); i++) {
                names[i] = trail_name(paths[i]);
                assert_true(*names[i] && names[i][0] != '.' && !strchr(names[i], '/'));
                for (const char *c = names[i]; *c; c++)
                        assert_true(*c > ' ' && *c < 0x7f);
                for (size_t j = 0; j < i; j++)
                        assert_string_not_equal(names[i], names[j]);
        }
        for (size_t i = 0; i < ELEMENTSOF(paths); i++)
                free(names[i]);
        names[0] = trail_name("/usr/bin/qemu-system-x86_64");
        assert_string_equal(names[0], "usr+bin+qemu-system-x86_64");
        free(names[0]);
}

/* Beyond what a file system takes, and still told apart. */
static void test_long_names(void **state)
{
        CLEANUP(free) char *one = NULL, *two = NULL;

        memset(long_path, '\xff', PATH_MAX);
        long_path[0] = '/';
        one = trail_name(long_path);
        long_path[PATH_MAX - 1] = 'y';
        two = trail_name(long_path);
        assert_true(strlen(one) < 240);
        assert_string_not_equal(one, two);
}

static void test_absolute(void **state)
{
        CLEANUP(free) char *given = NULL, *made = NULL, *here = getcwd(NULL, 0), *expected = NULL;

        assert_int_equal(trail_absolute("/a/../b", &given), 0);
        assert_string_equal(given, "/a/../b");
        assert_int_equal(trail_absolute("a/b", &made), 0);
        expected = text_format("%s/a/b", here);
        assert_string_equal(made, expected);
}

/* With files: an emulator `bin/emulator` with a module, and ways to it. */
static MusterStore *store;

static FileStamp stamp_of(const char *name)
{
        struct stat st;

        assert_int_equal(stat(in_dir(name), &st), 0);
        return file_stamp(&st);
}

static void make_files(void)
{
        make_dirs("bin");
        make_dirs("lib/qemu");
        copy_cat("bin/emulator");
        copy_cat("bin/other");
        write_text("lib/qemu/block-a.so", "module a", 0644);
        write_text("lib/qemu/block-b.so", "module b", 0644);
        if (access(in_dir("bin/link"), F_OK) < 0)
                assert_int_equal(symlink("emulator", in_dir("bin/link")), 0);
}

/* What runs behind `name`, as the kernel has it. */
static void identify(const char *name, Identity *ret)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        Process process = start((const char *const[]){in_dir(name), NULL});

        await_echo(&process);
        if (identity_of_process(process.pid, in_dir(name), NULL, ret, &error) < 0)
                fail_msg("%s", muster_error_message(error));
        stop(&process);
}

/* Looked at long after it was last changed, if not said otherwise. */
static void save(const char *name, const Identity *identity, int64_t looked_nsec)
{
        assert_int_equal(trail_save(store, in_dir(name), RECORD, identity, looked_nsec, "{}"), 0);
        expect_notes(0, "");
}

static void save_now(const char *name)
{
        CLEANUP(identity) Identity identity = {0};

        identify(name, &identity);
        save(name, &identity, stamp_now_nsec() + 10 * SECOND);
}

static bool is_kept(const char *name)
{
        CLEANUP(trail) Trail trail = {};
        int r = trail_load(store, in_dir(name), &trail);

        expect_notes(0, "");
        assert_true(r == 0 || r == -ENOENT);
        return r == 0;
}

static const char *state_of(const char *name)
{
        static const char *const names[] = {
                [TRAIL_HOLDS] = "holds", [TRAIL_RACY] = "racy", [TRAIL_MOVED] = "moved"};
        CLEANUP(trail) Trail trail = {};
        TrailState state;

        assert_int_equal(trail_load(store, in_dir(name), &trail), 0);
        assert_int_equal(trail_check(&trail, &state), 0);
        return names[state];
}

static void test_saved_and_loaded(void **state)
{
        CLEANUP(identity) Identity identity = {0};
        CLEANUP(trail) Trail trail = {};

        make_files();
        identify("bin/emulator", &identity);
        assert_int_equal(identity.n_modules, 2);
        save("bin/emulator", &identity, 42);
        assert_int_equal(trail_load(store, in_dir("bin/emulator"), &trail), 0);
        assert_string_equal(trail.record, RECORD);
        assert_string_equal(trail.emulator, "{}");
        assert_int_equal(trail.looked_nsec, 42);
        assert_string_equal(trail.identity.digest, identity.digest);
        assert_string_equal(trail.identity.modules_stamp, identity.modules_stamp);
        assert_string_equal(trail.identity.modules_dir, in_dir("lib/qemu"));
        assert_false(is_kept("bin/other"));
}

/* To the nanosecond; the newest file decides, here a module. */
static void test_racy(void **state)
{
        CLEANUP(identity) Identity identity = {0};
        int64_t newest;

        make_files();
        do
                write_text("lib/qemu/block-a.so", "module a", 0644);
        while (stamp_of("lib/qemu/block-a.so").ctime_nsec <= stamp_of("bin/emulator").ctime_nsec);
        newest = stamp_of("lib/qemu/block-a.so").ctime_nsec;
        identify("bin/emulator", &identity);
        save("bin/emulator", &identity, newest + STAMP_RACY_NSEC);
        assert_string_equal(state_of("bin/emulator"), "holds");
        save("bin/emulator", &identity, newest + STAMP_RACY_NSEC - 1);
        assert_string_equal(state_of("bin/emulator"), "racy");
        save("bin/emulator", &identity, stamp_of("bin/emulator").ctime_nsec + STAMP_RACY_NSEC);
        assert_string_equal(state_of("bin/emulator"), "racy");
        save("bin/emulator", &identity, stamp_now_nsec());
        assert_string_equal(state_of("bin/emulator"), "racy");
}

/* As an attacker or a package would: the same size, the same mtime, other content. */
static void change_content(const char *name)
{
        const FileStamp before = stamp_of(name);
        const struct timespec times[2] = {
                {.tv_nsec = UTIME_OMIT},
                {.tv_sec = before.mtime_nsec / SECOND, .tv_nsec = before.mtime_nsec % SECOND}};
        FileStamp after;

        do {
                CLEANUP(fd) int fd = open(in_dir(name), O_WRONLY | O_CLOEXEC);

                assert_int_equal(pwrite(fd, "changed", 7, (off_t)before.size - 7), 7);
                assert_int_equal(futimens(fd, times), 0);
                after = stamp_of(name);
        } while (after.ctime_nsec == before.ctime_nsec);
        assert_true(after.mtime_nsec == before.mtime_nsec && after.size == before.size);
}

static void expect_moved_by(const char *name, void (*change)(const char *argument), const char *argument)
{
        save_now(name);
        assert_string_equal(state_of(name), "holds");
        change(argument);
        assert_string_equal(state_of(name), "moved");
}

/* The same bytes, size and mtime in another file of that name. */
static void replace(const char *name)
{
        const FileStamp before = stamp_of(name);
        const struct timespec times[2] = {
                {.tv_nsec = UTIME_OMIT},
                {.tv_sec = before.mtime_nsec / SECOND, .tv_nsec = before.mtime_nsec % SECOND}};
        CLEANUP(free) char *data = NULL;
        size_t size;

        assert_int_equal(read_file(in_dir(name), 16 << 20, &data, &size), 0);
        write_bytes("replacement", data, size, 0755);
        assert_int_equal(utimensat(AT_FDCWD, in_dir("replacement"), times, 0), 0);
        assert_int_equal(rename(in_dir("replacement"), in_dir(name)), 0);
}

static void remove_file(const char *name)
{
        assert_int_equal(unlink(in_dir(name)), 0);
}

static void add_module(const char *name)
{
        write_text(name, "a new module", 0644);
}

static void redirect(const char *name)
{
        remove_file(name);
        assert_int_equal(symlink("other", in_dir(name)), 0);
}

static void test_moved(void **state)
{
        make_files();
        expect_moved_by("bin/emulator", change_content, "bin/emulator");
        make_files();
        expect_moved_by("bin/emulator", replace, "bin/emulator");
        expect_moved_by("bin/emulator", remove_file, "bin/emulator");
        make_files();
        expect_moved_by("bin/link", redirect, "bin/link");
        remove_file("bin/link");
}

static void test_modules_moved(void **state)
{
        make_files();
        expect_moved_by("bin/emulator", add_module, "lib/qemu/block-c.so");
        expect_moved_by("bin/emulator", change_content, "lib/qemu/block-c.so");
        expect_moved_by("bin/emulator", replace, "lib/qemu/block-c.so");
        expect_moved_by("bin/emulator", remove_file, "lib/qemu/block-c.so");
        /* Another folder that is searched. */
        make_dirs("lib/x86_64-linux-gnu/qemu");
        expect_moved_by("bin/emulator", add_module, "lib/x86_64-linux-gnu/qemu/block-d.so");
        remove_file("lib/x86_64-linux-gnu/qemu/block-d.so");
        /* What is no module does not matter. */
        save_now("bin/emulator");
        add_module("lib/qemu/README");
        assert_string_equal(state_of("bin/emulator"), "holds");
        /* The last ones go. */
        expect_moved_by("bin/emulator", remove_file, "lib/qemu/block-a.so");
        save_now("bin/emulator");
        expect_moved_by("bin/emulator", remove_file, "lib/qemu/block-b.so");
        save_now("bin/emulator");
        expect_moved_by("bin/emulator", add_module, "lib/qemu/block-a.so");
}

static void make_wrapper(const char *line)
{
        char text[600];

        if (access(in_dir("interpreter"), F_OK) < 0)
                assert_int_equal(symlink("/bin/sh", in_dir("interpreter")), 0);
        snprintf(text, sizeof(text), "#!%s\n%s\nexec %s\n", in_dir("interpreter"), line,
                 in_dir("bin/emulator"));
        write_text("wrapper", text, 0755);
}

static void move_interpreter(const char *name)
{
        CLEANUP(free) char *shell = realpath("/bin/sh", NULL), *data = NULL;
        size_t size;

        assert_int_equal(read_file(shell, 16 << 20, &data, &size), 0);
        remove_file(name);
        write_bytes(name, data, size, 0755);
}

static void test_chain_moved(void **state)
{
        CLEANUP(trail) Trail trail = {};

        make_files();
        make_wrapper("");
        save_now("wrapper");
        assert_string_equal(state_of("wrapper"), "holds");
        assert_int_equal(trail_load(store, in_dir("wrapper"), &trail), 0);
        assert_int_equal(trail.identity.n_links, 2);
        assert_string_equal(trail.identity.links[1].name, in_dir("interpreter"));
        assert_string_equal(trail.identity.executable, in_dir("bin/emulator"));
        expect_moved_by("wrapper", make_wrapper, "# another version");
        expect_moved_by("wrapper", change_content, "bin/emulator");
        make_files();
        expect_moved_by("wrapper", replace, "bin/emulator");
        expect_moved_by("wrapper", add_module, "lib/qemu/block-c.so");
        remove_file("lib/qemu/block-c.so");
        expect_moved_by("wrapper", remove_file, "bin/emulator");
        make_files();
        expect_moved_by("wrapper", move_interpreter, "interpreter");
        expect_moved_by("wrapper", remove_file, "interpreter");
}

/* What would be wrong by the time that it is written is not written. */
static void test_not_kept(void **state)
{
        CLEANUP(identity) Identity identity = {0};
        const char *newline = "bin/new\nline";
        char *name;

        make_files();
        assert_int_equal(symlink("emulator", in_dir("bin/unkept")), 0);
        identify("bin/unkept", &identity);
        identity.watchable = false;
        save("bin/unkept", &identity, 42);
        assert_false(is_kept("bin/unkept"));
        identity.watchable = true;
        change_content("lib/qemu/block-a.so");
        save("bin/unkept", &identity, 42);
        assert_false(is_kept("bin/unkept"));
        identity_clear(&identity);
        identify("bin/unkept", &identity);
        change_content("bin/emulator");
        save("bin/unkept", &identity, 42);
        assert_false(is_kept("bin/unkept"));
        identity_clear(&identity);
        make_files();
        make_wrapper("");
        identify("wrapper", &identity);
        name = identity.links[0].name;
        identity.links[0].name = NULL; /* as from a record */
        save("wrapper2", &identity, 42);
        assert_false(is_kept("wrapper2"));
        identity.links[0].name = name;
        identity_clear(&identity);
        copy_cat(newline);
        identify(newline, &identity);
        save(newline, &identity, 42);
        assert_false(is_kept(newline));
        remove_file(newline);
}

/* A path that is longer than any, out of a folder that is deep: nothing is kept that could not be read. */
static void test_path_too_long(void **state)
{
        CLEANUP(identity) Identity identity = {0};
        CLEANUP(trail) Trail trail = {};
        char *path = malloc(2 * PATH_MAX);

        make_files();
        identify("bin/emulator", &identity);
        strcpy(path, in_dir("bin"));
        while (strlen(path) < PATH_MAX + 10)
                strcat(path, "/.");
        strcat(path, "/emulator");
        assert_int_equal(trail_save(store, path, RECORD, &identity, 42, NULL), 0);
        assert_int_equal(trail_load(store, path, &trail), -ENOENT);
        expect_notes(0, "");
        free(path);
}

static void test_root(void **state)
{
        CLEANUP(trail) Trail trail = {};

        assert_int_equal(trail_load(store, "/", &trail), -ENOENT);
        expect_notes(0, "");
}

/* Under the name of another path, and with a body that is whole and makes no sense. */
static void test_damaged(void **state)
{
        CLEANUP(free) char *one = NULL, *other = NULL, *body = NULL;
        CLEANUP(trail) Trail trail = {};
        size_t size;

        make_files();
        save_now("bin/emulator");
        one = trail_name(in_dir("bin/emulator"));
        other = trail_name(in_dir("bin/other"));
        assert_int_equal(entry_read(store, ENTRY_PATH, one, &body, &size, NULL), 0);
        assert_int_equal(entry_write(store, ENTRY_PATH, other, body, size, NULL), 0);
        assert_int_equal(trail_load(store, in_dir("bin/other"), &trail), -EBADMSG);
        expect_notes(1, "makes no sense");
        assert_int_equal(trail_load_name(store, other, &trail), -EBADMSG);
        expect_notes(1, "makes no sense");
        assert_int_equal(entry_write(store, ENTRY_PATH, one, body, size / 2, NULL), 0);
        assert_int_equal(trail_load(store, in_dir("bin/emulator"), &trail), -EBADMSG);
        expect_notes(1, "makes no sense");
        assert_int_equal(entry_write(store, ENTRY_PATH, one, body, size, NULL), 0);
        assert_int_equal(trail_load_name(store, one, &trail), 0);
        assert_string_equal(trail.identity.path, in_dir("bin/emulator"));
}

static int set_up(void **state)
{
        if (fixture_set_up(state) < 0)
                return -1;
        store = open_store("store");
        return 0;
}

static int tear_down(void **state)
{
        muster_store_unref(store);
        return fixture_tear_down(state);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trip),    cmocka_unit_test(test_every_truncation_and_byte),
                cmocka_unit_test(test_malformed),     cmocka_unit_test(test_too_many_links),
                cmocka_unit_test(test_names),         cmocka_unit_test(test_long_names),
                cmocka_unit_test(test_absolute),      cmocka_unit_test(test_saved_and_loaded),
                cmocka_unit_test(test_racy),          cmocka_unit_test(test_moved),
                cmocka_unit_test(test_modules_moved), cmocka_unit_test(test_chain_moved),
                cmocka_unit_test(test_not_kept),      cmocka_unit_test(test_path_too_long),
                cmocka_unit_test(test_root),          cmocka_unit_test(test_damaged),
        };

        return cmocka_run_group_tests(tests, set_up, tear_down);
}
