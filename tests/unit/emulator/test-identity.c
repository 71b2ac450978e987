/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "emulator/identity.h"
#include "emulator/proc.h"
#include "fixture.h"

static void identify(const Process *process, const char *path, const Identity *known, Identity *ret)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        int r = identity_of_process(process->pid, path, known, ret, &error);

        if (r < 0)
                fail_msg("%s", muster_error_message(error));
}

static void digest_of(const char *path, char hex[static DIGEST_HEX_SIZE])
{
        int fd = open(path, O_RDONLY | O_CLOEXEC);

        assert_int_equal(digest_fd(fd, hex), 0);
        close(fd);
}

static void check_digest(const char *path, const char *expected)
{
        char hex[DIGEST_HEX_SIZE];

        digest_of(path, hex);
        assert_string_equal(hex, expected);
}

static void test_binary(void **state)
{
        const char *path = in_dir("cat");
        Process process;
        Identity identity;

        copy_cat("cat");
        process = start((const char *const[]){path, NULL});
        identify(&process, path, NULL, &identity);
        assert_string_equal(identity.path, path);
        assert_string_equal(identity.executable, path);
        assert_false(identity.deleted);
        assert_int_equal(identity.n_links, 0);
        check_digest(path, identity.digest);
        identity_clear(&identity);
        assert_null(identity.path);
        stop(&process);
}

static void test_deleted_and_replaced(void **state)
{
        const char *path = in_dir("cat");
        char digest[DIGEST_HEX_SIZE];
        Process process;
        Identity identity;

        copy_cat("cat");
        digest_of(path, digest);
        process = start((const char *const[]){path, NULL});
        assert_int_equal(unlink(path), 0);
        for (unsigned i = 0; i < 2; i++) {
                identify(&process, path, NULL, &identity);
                assert_true(identity.deleted);
                assert_string_equal(identity.executable, path);
                assert_string_equal(identity.digest, digest);
                assert_int_equal(identity.n_links, 0);
                identity_clear(&identity);
                write_text("cat", "the next version", 0755);
        }
        stop(&process);
}

static void test_moved(void **state)
{
        const char *path = in_dir("cat"), *moved = in_dir("moved (deleted)");
        Process process;
        Identity identity;

        copy_cat("cat");
        process = start((const char *const[]){path, NULL});
        assert_int_equal(rename(path, moved), 0);
        identify(&process, path, NULL, &identity);
        assert_false(identity.deleted);
        assert_string_equal(identity.executable, moved);
        identity_clear(&identity);
        stop(&process);
}

static void check_link(const IdentityLink *link, const char *path)
{
        CLEANUP(free) char *real = realpath(path, NULL);
        FileStamp stamp;
        struct stat st;

        assert_string_equal(link->path, real);
        assert_int_equal(stat(real, &st), 0);
        stamp = file_stamp(&st);
        assert_true(file_stamp_equal(&link->stamp, &stamp));
        check_digest(real, link->digest);
}

static void write_script(const char *name, const char *format, const char *argument)
{
        char text[1024];

        snprintf(text, sizeof(text), format, argument);
        write_text(name, text, 0755);
}

static void test_wrapper(void **state)
{
        const char *path = in_dir("wrapper");
        Process process;
        Identity identity;

        copy_cat("cat");
        write_script("real-wrapper", "#! /bin/sh\nexec %s\n", in_dir("cat"));
        assert_int_equal(symlink("real-wrapper", path), 0);
        process = start((const char *const[]){path, NULL});
        await_echo(&process);
        identify(&process, path, NULL, &identity);
        assert_string_equal(identity.path, path);
        assert_string_equal(identity.executable, in_dir("cat"));
        assert_int_equal(identity.n_links, 2);
        check_link(&identity.links[0], in_dir("real-wrapper"));
        check_link(&identity.links[1], "/bin/sh");
        identity_clear(&identity);
        stop(&process);
}

/* A script whose interpreter is itself a script. */
static void test_nested_interpreter(void **state)
{
        const char *path = in_dir("outer");
        Process process;
        Identity identity;

        copy_cat("cat");
        write_script("inner", "#!/bin/sh\nexec %s\n", in_dir("cat"));
        write_script("outer", "#!%s argument\n", in_dir("inner"));
        process = start((const char *const[]){path, NULL});
        await_echo(&process);
        identify(&process, path, NULL, &identity);
        assert_int_equal(identity.n_links, 3);
        check_link(&identity.links[0], path);
        check_link(&identity.links[1], in_dir("inner"));
        check_link(&identity.links[2], "/bin/sh");
        identity_clear(&identity);
        stop(&process);
}

static void test_interpreted(void **state)
{
        const char *path = in_dir("emulator");
        CLEANUP(free) char *shell = realpath("/bin/sh", NULL);
        Process process;
        Identity identity;

        write_text("emulator", "#!/bin/sh\nread x\n", 0755);
        process = start((const char *const[]){path, NULL});
        identify(&process, path, NULL, &identity);
        assert_string_equal(identity.executable, shell);
        assert_int_equal(identity.n_links, 1);
        check_link(&identity.links[0], path);
        identity_clear(&identity);
        stop(&process);
}

static void test_connected_has_no_chain(void **state)
{
        const char *path = in_dir("cat");
        Process process;
        Identity identity;

        copy_cat("cat");
        process = start((const char *const[]){path, NULL});
        identify(&process, "unix:/run/x.sock", NULL, &identity);
        assert_string_equal(identity.path, "unix:/run/x.sock");
        assert_string_equal(identity.executable, path);
        assert_int_equal(identity.n_links, 0);
        identity_clear(&identity);
        stop(&process);
}

static void test_known_is_not_hashed_again(void **state)
{
        const char *path = in_dir("cat");
        CLEANUP(MusterError) MusterError *error = NULL;
        Identity known, identity;
        Process process;

        copy_cat("cat");
        assert_int_equal(identity_of_file(path, NULL, &known, &error), 0);
        check_digest(path, known.digest);
        memset(known.digest, 'a', DIGEST_HEX_SIZE - 1);
        process = start((const char *const[]){path, NULL});
        identify(&process, path, &known, &identity);
        assert_string_equal(identity.digest, known.digest);
        identity_clear(&identity);
        known.stamp.ctime_nsec++;
        identify(&process, path, &known, &identity);
        check_digest(path, identity.digest);
        identity_clear(&identity);
        identity_clear(&known);
        stop(&process);
}

static void test_ended(void **state)
{
        const char *path = in_dir("cat");
        CLEANUP(MusterError) MusterError *error = NULL, *again = NULL;
        Identity identity = {.n_links = 77};
        siginfo_t info;
        Process process;

        copy_cat("cat");
        process = start((const char *const[]){path, NULL});
        kill(process.pid, SIGKILL);
        assert_int_equal(waitid(P_PID, (id_t)process.pid, &info, WEXITED | WNOWAIT), 0);
        assert_int_equal(identity_of_process(process.pid, path, NULL, &identity, &error), -ESRCH);
        assert_non_null(strstr(muster_error_message(error), "ended"));
        stop(&process);
        assert_int_equal(identity_of_process(process.pid, path, NULL, &identity, &again), -ESRCH);
        assert_int_equal(identity.n_links, 77);
}

/* Someone else's process, as seen without rights: the exit code of a child tells. */
static void test_other_user(void **state)
{
        pid_t pid;
        int status;

        if (geteuid() != 0)
                skip();
        pid = fork();
        if (pid == 0) {
                MusterError *error = NULL;
                Identity identity;

                if (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0)
                        _exit(1);
                if (identity_of_process(getppid(), "x", NULL, &identity, &error) != -EACCES)
                        _exit(2);
                _exit(strstr(muster_error_message(error), "as root") ? 0 : 3);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
}

static void check_file_error(const char *path, int expected)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        Identity identity;

        assert_int_equal(identity_of_file(path, NULL, &identity, &error), expected);
        assert_non_null(strstr(muster_error_message(error), path));
}

static void test_file_errors(void **state)
{
        assert_int_equal(mkfifo(in_dir("fifo"), 0600), 0);
        write_text("huge", "", 0755);
        assert_int_equal(truncate(in_dir("huge"), (off_t)1 << 40), 0);
        check_file_error(in_dir("nowhere"), -ENOENT);
        check_file_error(fixture_dir, -EISDIR);
        check_file_error(in_dir("fifo"), -EINVAL);
        check_file_error(in_dir("huge"), -EFBIG);
}

static void check_speaker(const char *script)
{
        const char *path = in_dir("speaker");
        Process process;
        Identity identity;
        pid_t pid = -1;

        write_script("speaker", script, in_dir("cat"));
        process = start((const char *const[]){path, NULL});
        await_echo(&process);
        assert_int_equal(identity_find_speaker(process.pid, process.inode, &pid), 0);
        process.pid = pid;
        identify(&process, path, NULL, &identity);
        assert_string_equal(identity.executable, in_dir("cat"));
        identity_clear(&identity);
        close(process.fd);
        while (waitpid(-1, NULL, 0) > 0)
                continue;
}

static void test_speaker(void **state)
{
        copy_cat("cat");
        check_speaker("#!/bin/sh\nexec %s\n");
        check_speaker("#!/bin/sh\n%s\nexit 0\n");
        check_speaker("#!/bin/sh\nsh -c '%s; true'\ntrue\n");
        check_speaker("#!/bin/sh\nsetsid -w %s\ntrue\n");
        check_speaker("#!/bin/sh\nsleep 0.01 &\n%s\nwait\n");
}

static void test_no_speaker(void **state)
{
        pid_t pid = 77;

        assert_int_equal(identity_find_speaker(getpid(), UINT64_MAX, &pid), -ESRCH);
        assert_int_equal(pid, 77);
}

static void test_proc_stat(void **state)
{
        static const char *const damaged[] = {"", "1", "1 (x", "1 (x)", "1 (x) S 1 2", "1 (x) S a b c d"};
        ProcStat stat;

        assert_int_equal(
                proc_stat_parse("7 (a) b) S 5 6 4 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 98765 9 9", &stat),
                0);
        assert_int_equal(stat.state, 'S');
        assert_int_equal(stat.parent, 5);
        assert_int_equal(stat.session, 4);
        assert_int_equal(stat.start, 98765);
        for (size_t i = 0; i < ELEMENTSOF(damaged); i++)
                assert_int_equal(proc_stat_parse(damaged[i], &stat), -EBADMSG);
        assert_int_equal(proc_stat(getpid(), &stat), 0);
        assert_int_equal(stat.parent, getppid());
        assert_int_equal(stat.session, getsid(0));
}

static const char sample[] =
        "{\"path\":\"/a b\",\"executable\":\"/c\\\"d\",\"deleted\":true,\"digest\":\"D\","
        "\"stamp\":{\"dev\":18446744073709551615,\"ino\":2,\"size\":3,\"mtime-nsec\":-4,\"ctime-nsec\":5},"
        "\"links\":[{\"path\":\"/"
        "l\",\"digest\":\"\",\"stamp\":{\"dev\":0,\"ino\":9223372036854775808,\"size\":3,"
        "\"mtime-nsec\":4,\"ctime-nsec\":9223372036854775807}}],"
        "\"modules\":{\"dir\":\"/m\",\"count\":2,\"fingerprint\":\"D\",\"stamp\":\"D\"}}";

/* The sample, where D stands for a digest. */
static char *sample_text(void)
{
        char *text, *out;

        out = text = calloc(1, sizeof(sample) + 3 * DIGEST_HEX_SIZE);
        assert_non_null(text);
        for (const char *in = sample; *in; in++) {
                if (*in != 'D') {
                        *out++ = *in;
                        continue;
                }
                memset(out, 'e', DIGEST_HEX_SIZE - 1);
                out += DIGEST_HEX_SIZE - 1;
        }
        return text;
}

static json_object *sample_json(void)
{
        CLEANUP(free) char *text = sample_text();
        json_object *object;

        assert_int_equal(json_parse(text, strlen(text), &object), 0);
        return object;
}

static void test_json_round_trip(void **state)
{
        CLEANUP(json) json_object *object = sample_json(), *back = NULL;
        Identity identity;

        assert_int_equal(identity_from_json(object, &identity), 0);
        assert_true(identity.deleted);
        assert_true(identity.stamp.dev == UINT64_MAX && identity.stamp.mtime_nsec == -4);
        assert_true(identity.links[0].stamp.ctime_nsec == INT64_MAX);
        assert_int_equal(identity.n_modules, 2);
        back = identity_to_json(&identity);
        assert_true(json_object_equal(object, back));
        assert_string_equal(json_object_to_json_string(object), json_object_to_json_string(back));
        identity_clear(&identity);
}

static void check_bad(const json_object *object)
{
        Identity identity = {.n_links = 77};

        assert_int_equal(identity_from_json(object, &identity), -EBADMSG);
        assert_int_equal(identity.n_links, 77);
}

/* Every member of every object in turn: gone, of another type, or with a value out of its range. */
static void damage(json_object *root, json_object *object)
{
        json_object_object_foreach (object, key, value) {
                json_object *kept = json_object_get(value);

                json_object_object_add(object, key, json_object_new_double(1.5));
                check_bad(root);
                json_object_object_add(object, key, json_object_new_string("zz"));
                if (!streq(key, "path") && !streq(key, "executable") && !streq(key, "dir"))
                        check_bad(root);
                json_object_object_add(object, key, json_object_new_string_len("a\0b", 3));
                check_bad(root);
                json_object_object_add(object, key, NULL);
                check_bad(root);
                if (json_object_is_type(kept, json_type_int) && !strstr(key, "nsec")) {
                        json_object_object_add(object, key, json_object_new_int(-1));
                        check_bad(root);
                }
                json_object_object_add(object, key, kept);
                if (json_object_is_type(kept, json_type_object))
                        damage(root, kept);
                if (json_object_is_type(kept, json_type_array))
                        damage(root, json_object_array_get_idx(kept, 0));
        }
}

static void test_json_damaged(void **state)
{
        CLEANUP(json) json_object *object = sample_json();
        Identity identity;

        damage(object, object);
        assert_int_equal(identity_from_json(object, &identity), 0);
        identity_clear(&identity);
        check_bad(NULL);
        json_object_object_del(object, "links");
        check_bad(object);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_set_up, fixture_tear_down)
        const struct CMUnitTest tests[] = {
                TEST(test_binary),
                TEST(test_deleted_and_replaced),
                TEST(test_moved),
                TEST(test_wrapper),
                TEST(test_nested_interpreter),
                TEST(test_interpreted),
                TEST(test_connected_has_no_chain),
                TEST(test_known_is_not_hashed_again),
                TEST(test_ended),
                TEST(test_other_user),
                TEST(test_file_errors),
                TEST(test_speaker),
                TEST(test_no_speaker),
                TEST(test_proc_stat),
                TEST(test_json_round_trip),
                TEST(test_json_damaged),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
