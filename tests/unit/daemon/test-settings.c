/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Defaults of both instances, each key, each fault with its place, and the folders. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/fileio.h"
#include "base/util.h"
#include "daemon/settings-private.h"

#define NOBODY 65534

static char directory[] = "/tmp/muster-test-settings-XXXXXX";

static const char *in_directory(const char *name)
{
        static char paths[4][256];
        static unsigned n;
        char *path = paths[n++ % ELEMENTSOF(paths)];

        snprintf(path, sizeof(paths[0]), "%s/%s", directory, name);
        return path;
}

/* A user's environment, and that of no other test. */
static int set_up(void **state)
{
        static const char *const cleared[] = {"MUSTER_CACHE_DIR", "XDG_CACHE_HOME", "XDG_STATE_HOME"};

        for (size_t i = 0; i < ELEMENTSOF(cleared); i++)
                unsetenv(cleared[i]);
        setenv("HOME", "/home/ann", 1);
        setenv("XDG_RUNTIME_DIR", "/run/user/1000", 1);
        setenv("XDG_CONFIG_HOME", in_directory("none"), 1);
        return 0;
}

static const char *write_text(const char *text, size_t size)
{
        CLEANUP(fd) int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        assert_int_equal(write_file_at(fd, "conf", text, size, 0600, false, NULL), 0);
        return in_directory("conf");
}

static void load(bool session, const char *text, Settings *ret)
{
        CLEANUP(MusterError) MusterError *error = NULL;

        if (settings_load(session, text ? write_text(text, strlen(text)) : NULL, ret, &error) < 0)
                fail_msg("%s", muster_error_message(error));
        assert_null(error);
}

static void assert_names(char *const *names, const char *expected)
{
        CLEANUP(free) char *joined = strdup("");

        for (; *names; names++) {
                char *longer = text_format("%s%s%s", joined, *joined ? " " : "", *names);

                free(joined);
                joined = longer;
        }
        assert_string_equal(joined, expected);
}

static void assert_common_defaults(const Settings *settings)
{
        assert_int_equal(settings->connections, 512);
        assert_int_equal(settings->connections_per_user, 128);
        assert_int_equal(settings->body_size, 8U << 20);
        assert_int_equal(settings->idle_usec, 60 * USEC_PER_SEC);
        assert_int_equal(settings->domains, 10000);
        assert_int_equal(settings->call_usec, 10 * USEC_PER_SEC);
        assert_int_equal(settings->start_usec, 60 * USEC_PER_SEC);
        assert_int_equal(settings->probe_usec, 30 * USEC_PER_SEC);
        assert_true(settings->sandbox);
        assert_true(settings->scopes);
        assert_string_equal(settings->slice, "muster.slice");
        assert_int_equal(settings->log_size, 2U << 20);
        assert_int_equal(settings->log_count, 3);
}

static void assert_system_defaults(const Settings *settings)
{
        assert_false(settings->session);
        assert_string_equal(settings->socket, "/run/muster/muster.sock");
        assert_string_equal(settings->run, "/run/muster");
        assert_string_equal(settings->definitions, "/etc/muster/domains");
        assert_string_equal(settings->state, "/var/lib/muster");
        assert_string_equal(settings->logs, "/var/log/muster");
        assert_names(settings->groups, "muster");
        assert_names(settings->read_only_groups, "muster-read");
        assert_string_equal(settings->user, "muster-emulator");
        assert_int_equal(settings->uid_first, 1900000000);
        assert_int_equal(settings->uid_last, 1900065535);
        assert_names(settings->supplementary_groups, "kvm render");
        assert_common_defaults(settings);
}

static void test_defaults_of_the_system(void **state)
{
        Settings settings;

        setenv("MUSTER_CACHE_DIR", "/srv/cache", 1);
        unsetenv("HOME");
        unsetenv("XDG_RUNTIME_DIR");
        unsetenv("XDG_CONFIG_HOME");
        load(false, "", &settings);
        assert_system_defaults(&settings);
        assert_string_equal(settings.cache, "/srv/cache");
        settings_clear(&settings);
}

static void test_defaults_of_a_user(void **state)
{
        Settings settings;

        load(true, NULL, &settings);
        assert_true(settings.session);
        assert_string_equal(settings.socket, "/run/user/1000/muster/muster.sock");
        assert_string_equal(settings.run, "/run/user/1000/muster");
        assert_string_equal(settings.definitions, in_directory("none/muster/domains"));
        assert_string_equal(settings.state, "/home/ann/.local/state/muster");
        assert_string_equal(settings.logs, "/home/ann/.local/state/muster/log");
        assert_string_equal(settings.cache,
                            geteuid() == 0 ? "/var/cache/muster" : "/home/ann/.cache/muster");
        assert_null(settings.groups[0]);
        assert_null(settings.read_only_groups[0]);
        assert_null(settings.user);
        assert_int_equal(settings.uid_first, 0);
        assert_int_equal(settings.uid_last, 0);
        assert_null(settings.supplementary_groups[0]);
        assert_common_defaults(&settings);
        settings_clear(&settings);
        assert_null(settings.socket);

        setenv("XDG_STATE_HOME", "/state", 1);
        setenv("XDG_CONFIG_HOME", "relative/is/none", 1);
        load(true, "", &settings);
        assert_string_equal(settings.state, "/state/muster");
        assert_string_equal(settings.definitions, "/home/ann/.config/muster/domains");
        settings_clear(&settings);
}

static void expect_missing(const char *text, const char *variable)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        Settings settings;

        assert_int_equal(
                settings_load(true, text ? write_text(text, strlen(text)) : NULL, &settings, &error),
                -ENOENT);
        if (!strstr(muster_error_message(error), variable))
                fail_msg("%s is not named by: %s", variable, muster_error_message(error));
}

static void test_missing_variables(void **state)
{
        Settings settings;

        unsetenv("XDG_RUNTIME_DIR");
        expect_missing(NULL, "XDG_RUNTIME_DIR");
        setenv("XDG_RUNTIME_DIR", "relative", 1);
        expect_missing(NULL, "XDG_RUNTIME_DIR");
        setenv("XDG_RUNTIME_DIR", "/run/user/1000", 1);
        unsetenv("HOME");
        expect_missing(NULL, "HOME"); /* for $XDG_STATE_HOME */
        unsetenv("XDG_CONFIG_HOME");
        expect_missing(NULL, "HOME"); /* for the file itself */

        /* What is set needs no variable. */
        unsetenv("XDG_RUNTIME_DIR");
        load(true,
             "[paths]\nsocket = /a/s\nrun=/a/r\ndefinitions=/a/d\nstate=/a/st\nlogs=/a/l\ncache=/a/c\n",
             &settings);
        assert_string_equal(settings.run, "/a/r");
        settings_clear(&settings);
}

static void test_a_users_own_file(void **state)
{
        CLEANUP(fd) int fd = -1;
        Settings settings;

        assert_int_equal(mkdir(in_directory("config"), 0700), 0);
        assert_int_equal(mkdir(in_directory("config/muster"), 0700), 0);
        fd = open(in_directory("config/muster"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_int_equal(write_file_at(fd, "musterd.conf", "[limits]\ndomains=7\n", 19, 0600, false, NULL),
                         0);
        setenv("XDG_CONFIG_HOME", in_directory("config"), 1);
        load(true, NULL, &settings);
        assert_int_equal(settings.domains, 7);
        settings_clear(&settings);
}

static void test_each_key(void **state)
{
        Settings settings;

        load(false,
             "\xef\xbb\xbf# a comment\r\n; another\n\n[paths] # and one\n"
             "socket = /a/socket\nrun = /a/run///\ndefinitions : /a/b c/d\nstate=/a/state ; of these\n"
             "logs = /a/l.o..g\ncache = /a/cache\n"
             "[access]\ngroups = wheel, _ops  a.b-c\nread_only_groups =\n"
             "[limits]\nconnections = 2000\nconnections_per_user = 2000\nbody_size = 512 KiB\nidle = 2min\n"
             "domains = 1\ncall = 500ms\nstart = 1h\nprobe = 5\n"
             "[emulator]\nuser =\nuids = 100000-100009\nsupplementary_groups = video\nsandbox = off\n"
             "scopes = false\nslice =\nlog_size = 1G\nlog_count = 0\n[limits]\n",
             &settings);
        assert_string_equal(settings.socket, "/a/socket");
        assert_string_equal(settings.run, "/a/run");
        assert_string_equal(settings.definitions, "/a/b c/d");
        assert_string_equal(settings.state, "/a/state");
        assert_string_equal(settings.logs, "/a/l.o..g");
        assert_string_equal(settings.cache, "/a/cache");
        assert_names(settings.groups, "wheel _ops a.b-c");
        assert_names(settings.read_only_groups, "");
        assert_int_equal(settings.connections, 2000);
        assert_int_equal(settings.connections_per_user, 2000);
        assert_int_equal(settings.body_size, 512U << 10);
        assert_int_equal(settings.idle_usec, 120 * USEC_PER_SEC);
        assert_int_equal(settings.domains, 1);
        assert_int_equal(settings.call_usec, 500 * USEC_PER_MSEC);
        assert_int_equal(settings.start_usec, 3600 * USEC_PER_SEC);
        assert_int_equal(settings.probe_usec, 5 * USEC_PER_SEC);
        assert_null(settings.user);
        assert_int_equal(settings.uid_first, 100000);
        assert_int_equal(settings.uid_last, 100009);
        assert_names(settings.supplementary_groups, "video");
        assert_false(settings.sandbox);
        assert_false(settings.scopes);
        assert_null(settings.slice);
        assert_int_equal(settings.log_size, 1U << 30);
        assert_int_equal(settings.log_count, 0);
        settings_clear(&settings);
}

/* conf/musterd.conf says what the defaults are: with every "#key = value" made "key = value" it gives them.
 */
static void test_shipped_file_holds_the_defaults(void **state)
{
        CLEANUP(free) char *path = text_format("%s/../../conf/musterd.conf", getenv("MUSTER_TEST_DATA"));
        CLEANUP(free) char *text = NULL;
        Settings settings;
        unsigned keys = 0;
        size_t size;

        assert_int_equal(read_file(path, SETTINGS_FILE_MAX, &text, &size), 0);
        load(false, text, &settings);
        assert_system_defaults(&settings);
        settings_clear(&settings);
        for (char *hash = text; (hash = strstr(hash, "\n#")); hash++)
                if (hash[2] >= 'a' && hash[2] <= 'z') {
                        memmove(hash + 1, hash + 2, strlen(hash + 1));
                        keys++;
                }
        assert_int_equal(keys, settings_n_keys);
        load(false, text, &settings);
        assert_system_defaults(&settings);
        assert_string_equal(settings.cache, "/var/cache/muster");
        settings_clear(&settings);
}

static void expect_fault(bool session, const char *text, size_t size, unsigned line, const char *fragment)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        const char *file = write_text(text, size);
        CLEANUP(free) char *place = text_format("%s:%u: ", file, line);
        Settings settings = {.domains = 42};
        int r = settings_load(session, file, &settings, &error);

        if (r != -EINVAL || muster_error_code(error) != r)
                fail_msg("%d instead of -EINVAL for: %s", r, text);
        if ((line > 0 && !startswith(muster_error_message(error), place)) ||
            !strstr(muster_error_message(error), fragment))
                fail_msg("\"%s\" and \"%s\" are not both in: %s", place, fragment,
                         muster_error_message(error));
        assert_int_equal(settings.domains, 42);
        assert_int_equal(settings_load(session, file, &settings, NULL), -EINVAL);
}

static void test_faults_of_form(void **state)
{
        static const struct {
                const char *text;
                unsigned line;
                const char *fragment;
        } cases[] = {
                {"# x\n[path]\n", 2, "no section [path]"},
                {"[]\n", 1, "no section []"},
                {"[paths\nrun=/a\n", 1, "is no [section]"},
                {"[paths] run = /a\n", 1, "is no [section]"},
                {"[ paths ]\n", 1, "no section"},
                {"run = /a\n", 1, "before any [section]"},
                {"[paths]\n\nwalk = /a\n", 3, "no key \"walk\""},
                {"[paths]\nRun = /a\n", 2, "no key \"Run\""},
                {"[limits]\nrun = /a\n", 2, "no key \"run\""},
                {"[paths]\nrun\n", 2, "neither [section] nor"},
                {"[paths]\nrun\nrun = /a\n", 2, "neither [section] nor"},
                {"[paths]\nrun", 2, "neither [section] nor"},
                {"[paths]\n= /a\n", 2, "no key \"\""},
                {"[paths]\nrun = /a\n  /b\n", 3, "begins with blanks"},
                {"  [paths]\n", 1, "begins with blanks"},
                {"[paths]\nrun = /a\n[limits]\n[paths]\nrun = /a\n", 5, "given twice"},
                {"[paths]\nrun = /\x1b[2J\n", 2, "control characters"},
                {"[paths]\nrun = /\xff\n", 2, "not UTF-8"},
                {"[paths]\nrun = /\x7f\n", 2, "control characters"},
        };
        char long_line[512] = "[paths]\nrun = /";

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                expect_fault(false, cases[i].text, strlen(cases[i].text), cases[i].line, cases[i].fragment);
        expect_fault(false, "[paths]\nrun = /a\0b\n", 19, 2, "control characters");
        memset(long_line + 15, 'a', 300);
        expect_fault(false, long_line, strlen(long_line), 2, "longer than");
}

static void test_faults_of_value(void **state)
{
        static const struct {
                const char *text, *fragment;
        } cases[] = {
                {"[paths]\nrun =", "no absolute path"},
                {"[paths]\nrun = a/b", "no absolute path"},
                {"[paths]\nrun = /", "no absolute path"},
                {"[paths]\nrun = //", "no absolute path"},
                {"[paths]\nrun = /a//b", "no absolute path"},
                {"[paths]\nrun = /a/../b", "no absolute path"},
                {"[paths]\nrun = /a/.", "no absolute path"},
                {"[paths]\nrun = $HOME/a", "no absolute path"},
                {"[paths]\nsocket = /"
                 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                 "aaaaaa"
                 "aaaaaaaaaaa",
                 "108 bytes, more than the 107"},
                {"[access]\ngroups = a b:c", "\"b:c\" is no name"},
                {"[access]\ngroups = 1000", "\"1000\" is no name"},
                {"[access]\nread_only_groups = -", "\"-\" is no name"},
                {"[limits]\nconnections = 0", "0 is out of range; 1 to 65536"},
                {"[limits]\nconnections = 65537", "out of range"},
                {"[limits]\nconnections = 18446744073709551616", "out of range"},
                {"[limits]\nconnections = -1", "is no number"},
                {"[limits]\nconnections = 1s", "is no number"},
                {"[limits]\nconnections =", "is no number"},
                {"[limits]\nconnections_per_user = x", "[limits] connections_per_user"},
                {"[limits]\nbody_size = 4095", "out of range; 4096 to 67108864 bytes"},
                {"[limits]\nbody_size = 8T", "is no size"},
                {"[limits]\nbody_size = 18014398509481985K", "out of range"},
                {"[limits]\nidle = 0", "out of range"},
                {"[limits]\nidle = 1.5", "is no time"},
                {"[limits]\ndomains = 0", "out of range"},
                {"[limits]\ncall = 99ms", "out of range; 100000 to 3600000000 us"},
                {"[limits]\nstart = soon", "is no time"},
                {"[limits]\nprobe = 61min", "out of range"},
                {"[emulator]\nuser = a b", "no name of a user"},
                {"[emulator]\nuser = 0", "no name of a user"},
                {"[emulator]\nuids = 5000", "is no range"},
                {"[emulator]\nuids = 0-5000", "0 is out of range"},
                {"[emulator]\nuids = 1000-", "is no number"},
                {"[emulator]\nuids = 1000-4294967295", "out of range"},
                {"[emulator]\nuids = 2000-1999", "ends before it begins"},
                {"[emulator]\nuids = 60000-70000", "nobody's"},
                {"[emulator]\nsupplementary_groups = k/m", "no name of a group"},
                {"[emulator]\nsandbox = maybe", "neither yes nor no"},
                {"[emulator]\nscopes =", "neither yes nor no"},
                {"[emulator]\nslice = muster.scope", "is no slice"},
                {"[emulator]\nslice = .slice", "is no slice"},
                {"[emulator]\nslice = a/b.slice", "is no slice"},
                {"[emulator]\nslice = a--b.slice", "is no slice"},
                {"[emulator]\nlog_size = 1", "out of range"},
                {"[emulator]\nlog_count = 101", "101 is out of range; 0 to 100 may"},
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                expect_fault(false, cases[i].text, strlen(cases[i].text), 2, cases[i].fragment);
        expect_fault(false, "[limits]\nconnections = 4\n", 25, 0, "connections_per_user (128) exceeds");
}

/* A user's instance cannot do what these ask for. */
static void test_faults_of_instance(void **state)
{
        for (size_t i = 0; i < settings_n_keys; i++) {
                CLEANUP(free)
                char *text = text_format("[%s]\n%s = a\n", settings_keys[i].section, settings_keys[i].name);

                if (settings_keys[i].system_only)
                        expect_fault(true, text, strlen(text), 2, "for the system's instance");
        }
}

static void expect_unreadable(const char *file, int code, const char *fragment)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        Settings settings;

        assert_int_equal(settings_load(false, file, &settings, &error), code);
        if (!strstr(muster_error_message(error), fragment))
                fail_msg("not \"%s\": %s", fragment, muster_error_message(error));
}

static void test_files_that_are_not_read(void **state)
{
        CLEANUP(free) char *large = calloc(1, SETTINGS_FILE_MAX + 1);

        expect_unreadable(in_directory("no-such"), -ENOENT, "no-such");
        expect_unreadable(directory, -EINVAL, "no regular file");
        assert_int_equal(mkfifo(in_directory("fifo"), 0600), 0);
        expect_unreadable(in_directory("fifo"), -EINVAL, "no regular file");
        memset(large, '\n', SETTINGS_FILE_MAX + 1);
        expect_unreadable(write_text(large, SETTINGS_FILE_MAX + 1), -EINVAL, "larger than");
        assert_int_equal(chmod(write_text("", 0), 0602), 0);
        expect_unreadable(in_directory("conf"), -EPERM, "everybody may write");
        if (geteuid() == 0) {
                assert_int_equal(chown(write_text("", 0), NOBODY, NOBODY), 0);
                expect_unreadable(in_directory("conf"), -EPERM, "somebody else");
        }
        unlink(in_directory("conf"));
}

/* --- folders ------------------------------------------------------------------------------------- */

static void load_tree(Settings *ret)
{
        CLEANUP(free)
        char *text = text_format("[paths]\nsocket=%s/t/s/sock\nrun=%s/t/r\ndefinitions=%s/t/e/m/d\n"
                                 "state=%s/t/st\nlogs=%s/t/l\ncache=%s/t/c\n",
                                 directory, directory, directory, directory, directory, directory);

        load(true, text, ret);
}

static void assert_mode(const char *name, mode_t mode)
{
        struct stat st;

        assert_int_equal(lstat(in_directory(name), &st), 0);
        assert_true(S_ISDIR(st.st_mode));
        assert_int_equal(st.st_mode & 07777, mode);
}

static void make(const Settings *settings)
{
        CLEANUP(MusterError) MusterError *error = NULL;

        if (settings_make_directories(settings, &error) < 0)
                fail_msg("%s", muster_error_message(error));
}

static void expect_refused(const Settings *settings, int code, const char *path, const char *fragment)
{
        CLEANUP(MusterError) MusterError *error = NULL;

        assert_int_equal(settings_make_directories(settings, &error), code);
        if (!strstr(muster_error_message(error), path) || !strstr(muster_error_message(error), fragment))
                fail_msg("not \"%s\" and \"%s\": %s", path, fragment, muster_error_message(error));
}

static void test_makes_directories(void **state)
{
        mode_t mask = umask(0077); /* the service's */
        Settings settings;

        load_tree(&settings);
        make(&settings);
        assert_mode("t", 0755);
        assert_mode("t/s", 0755);
        assert_mode("t/r", 0755);
        assert_mode("t/st", 0755);
        assert_mode("t/e", 0755);
        assert_mode("t/e/m", 0755);
        assert_mode("t/e/m/d", 0700);
        assert_mode("t/l", 0700);
        assert_int_equal(access(in_directory("t/c"), F_OK), -1); /* the store's own business */

        /* Again; and what the administrator opened or closed stays so. */
        assert_int_equal(chmod(in_directory("t/l"), 0750), 0);
        assert_int_equal(chmod(in_directory("t/r"), 0711), 0);
        make(&settings);
        assert_mode("t/l", 0750);
        assert_mode("t/r", 0711);
        settings_clear(&settings);
        umask(mask);
        assert_int_equal(remove_tree(in_directory("t")), 0);
}

static void test_socket_in_a_folder_of_everybodys(void **state)
{
        Settings settings;

        load_tree(&settings);
        free(settings.socket);
        settings.socket = strdup("/tmp/muster-test-settings.sock");
        make(&settings);
        settings_clear(&settings);
        assert_int_equal(remove_tree(in_directory("t")), 0);
}

static void test_refuses_directories_of_others(void **state)
{
        static const mode_t modes[] = {0720, 0702, 0777};
        Settings settings;

        load_tree(&settings);
        make(&settings);
        for (size_t i = 0; i < ELEMENTSOF(modes); i++) {
                assert_int_equal(chmod(in_directory("t/e/m/d"), modes[i]), 0);
                expect_refused(&settings, -EPERM, in_directory("t/e/m/d"), "Others may write");
        }
        assert_int_equal(chmod(in_directory("t/e/m/d"), 0700), 0);

        /* A link, even to what is ours; one to nothing must not be made into something. */
        assert_int_equal(rename(in_directory("t/st"), in_directory("t/st2")), 0);
        assert_int_equal(symlink("st2", in_directory("t/st")), 0);
        expect_refused(&settings, -ELOOP, in_directory("t/st"), "is a link");
        unlink(in_directory("t/st"));
        assert_int_equal(symlink("nothing", in_directory("t/st")), 0);
        expect_refused(&settings, -ELOOP, in_directory("t/st"), "is a link");
        assert_int_equal(access(in_directory("t/nothing"), F_OK), -1);
        unlink(in_directory("t/st"));

        assert_int_equal(mkfifo(in_directory("t/st"), 0700), 0);
        expect_refused(&settings, -ENOTDIR, in_directory("t/st"), "cannot be used");
        unlink(in_directory("t/st"));
        make(&settings);

        if (geteuid() == 0) {
                assert_int_equal(chown(in_directory("t/l"), NOBODY, NOBODY), 0);
        } else {
                free(settings.logs);
                settings.logs = strdup("/usr");
        }
        expect_refused(&settings, -EPERM, settings.logs, "belongs to the user");
        settings_clear(&settings);
        assert_int_equal(remove_tree(in_directory("t")), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(test_defaults_of_the_system, set_up),
                cmocka_unit_test_setup(test_defaults_of_a_user, set_up),
                cmocka_unit_test_setup(test_missing_variables, set_up),
                cmocka_unit_test_setup(test_a_users_own_file, set_up),
                cmocka_unit_test_setup(test_each_key, set_up),
                cmocka_unit_test_setup(test_shipped_file_holds_the_defaults, set_up),
                cmocka_unit_test_setup(test_faults_of_form, set_up),
                cmocka_unit_test_setup(test_faults_of_value, set_up),
                cmocka_unit_test_setup(test_faults_of_instance, set_up),
                cmocka_unit_test_setup(test_files_that_are_not_read, set_up),
                cmocka_unit_test_setup(test_makes_directories, set_up),
                cmocka_unit_test_setup(test_socket_in_a_folder_of_everybodys, set_up),
                cmocka_unit_test_setup(test_refuses_directories_of_others, set_up),
        };
        int failed;

        if (!mkdtemp(directory))
                return 1;
        failed = cmocka_run_group_tests(tests, NULL, NULL);
        remove_tree(directory);
        return failed;
}
