/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whether it is so is asked of the kernel: a process of that user tries. */

#include <acl/libacl.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/acl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <cmocka.h>

#include "base/fileio.h"
#include "base/util.h"
#include "daemon/access.h"

#define NOBODY 65534
#define OTHER  65533

static const gid_t groups[] = {4242};
static const ProcessUser nobody = {.uid = NOBODY, .gid = NOBODY, .groups = groups, .n_groups = 1};
static const ProcessUser other = {.uid = OTHER, .gid = OTHER};

static char directory[64], in_dir_of_all[128];

static const char *in_dir(const char *name)
{
        static char paths[4][128];
        static unsigned next;
        char *path = paths[next++ % ELEMENTSOF(paths)];

        snprintf(path, sizeof(paths[0]), "%s/%s", directory, name);
        return path;
}

static void make(const char *name, mode_t mode)
{
        CLEANUP(fd) int fd = open(in_dir(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        assert_int_equal(fchmod(fd, mode), 0);
}

static int set_up(void **state)
{
        strcpy(directory, "/tmp/muster-test-XXXXXX");
        if (!mkdtemp(directory) || chmod(directory, 0755) < 0)
                return -1;
        return 0;
}

static int tear_down(void **state)
{
        return remove_tree(directory);
}

static bool can_open(const ProcessUser *user, const char *path, int flags)
{
        pid_t pid = fork();
        int status;

        if (pid == 0) {
                if (setgroups(user->n_groups, user->groups) < 0 ||
                    setresgid(user->gid, user->gid, user->gid) < 0 ||
                    setresuid(user->uid, user->uid, user->uid) < 0)
                        _exit(2);
                _exit(open(path, flags | O_CLOEXEC | O_NONBLOCK) >= 0 ? 0 : 1);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 2);
        return WEXITSTATUS(status) == 0;
}

static void grant(const char *path, const ProcessUser *user, unsigned access)
{
        MusterError *error = NULL;

        if (access_grant(path, user, access, NULL, &error) < 0)
                fail_msg("%s", muster_error_message(error));
}

static mode_t mode_of(const char *path)
{
        struct stat st;

        assert_int_equal(stat(path, &st), 0);
        return st.st_mode & 07777;
}

static bool has_list(const char *path)
{
        acl_t acl = acl_get_file(path, ACL_TYPE_ACCESS);
        bool extended = acl_equiv_mode(acl, NULL) == 1;

        acl_free(acl);
        return extended;
}

static void test_grant_and_revoke(void **state)
{
        const char *image = in_dir("image");

        make("image", 0640);
        assert_false(can_open(&nobody, image, O_RDONLY));
        grant(image, &nobody, ACCESS_READ);
        assert_true(can_open(&nobody, image, O_RDONLY));
        assert_false(can_open(&nobody, image, O_RDWR));
        assert_false(can_open(&other, image, O_RDONLY));
        /* A commit writes to what was read; afterwards it is as before. */
        grant(image, &nobody, ACCESS_READ | ACCESS_WRITE);
        assert_true(can_open(&nobody, image, O_RDWR));
        grant(image, &nobody, ACCESS_READ);
        assert_false(can_open(&nobody, image, O_RDWR));
        assert_true(can_open(&nobody, image, O_RDONLY));

        assert_int_equal(access_revoke(image, NOBODY, NULL), 0);
        assert_false(can_open(&nobody, image, O_RDONLY));
        assert_int_equal(mode_of(image), 0640);
        assert_false(has_list(image));
        assert_int_equal(access_revoke(image, NOBODY, NULL), 0);
        assert_int_equal(access_revoke(in_dir("none"), NOBODY, NULL), 0);
}

static void test_two_users(void **state)
{
        const char *image = in_dir("image");

        make("image", 0600);
        grant(image, &nobody, ACCESS_READ);
        grant(image, &other, ACCESS_READ | ACCESS_WRITE);
        assert_true(can_open(&nobody, image, O_RDONLY));
        assert_false(can_open(&nobody, image, O_RDWR));
        assert_true(can_open(&other, image, O_RDWR));
        assert_int_equal(access_revoke(image, OTHER, NULL), 0);
        assert_true(can_open(&nobody, image, O_RDONLY));
        assert_false(can_open(&other, image, O_RDONLY));
}

/* chmod 0600 has put an entry of somebody else's to sleep: ours must not wake it. */
static void test_sleeping_entries_stay_asleep(void **state)
{
        const char *image = in_dir("image");

        make("image", 0600);
        grant(image, &other, ACCESS_READ | ACCESS_WRITE);
        assert_int_equal(chmod(image, 0600), 0);
        assert_false(can_open(&other, image, O_RDONLY));
        grant(image, &nobody, ACCESS_READ | ACCESS_WRITE);
        assert_true(can_open(&nobody, image, O_RDWR));
        assert_false(can_open(&other, image, O_RDONLY));
}

/* One of its own that sleeps counts before what everybody may. */
static void test_its_own_entry_is_woken(void **state)
{
        const char *image = in_dir("image");

        make("image", 0600);
        grant(image, &nobody, ACCESS_READ | ACCESS_WRITE);
        assert_int_equal(chmod(image, 0646), 0);
        assert_false(can_open(&nobody, image, O_RDWR));
        grant(image, &nobody, ACCESS_READ | ACCESS_WRITE);
        assert_true(can_open(&nobody, image, O_RDWR));
}

/* Nor does it lie in the way that the group has less than the mask will allow. */
static void test_group_gains_nothing(void **state)
{
        const ProcessUser member = {.uid = OTHER, .gid = 4243};
        const char *image = in_dir("image");

        make("image", 0640);
        assert_int_equal(chown(image, 0, 4243), 0);
        grant(image, &nobody, ACCESS_READ | ACCESS_WRITE);
        assert_true(can_open(&member, image, O_RDONLY));
        assert_false(can_open(&member, image, O_RDWR));
}

static void test_nothing_to_do(void **state)
{
        make("world", 0666);
        grant(in_dir("world"), &nobody, ACCESS_READ | ACCESS_WRITE);
        assert_false(has_list(in_dir("world")));
        make("group", 0660);
        assert_int_equal(chown(in_dir("group"), 0, 4242), 0);
        grant(in_dir("group"), &nobody, ACCESS_READ | ACCESS_WRITE);
        assert_false(has_list(in_dir("group")));
        /* The group's entry counts, although everybody else has more. */
        make("less", 0606);
        assert_int_equal(chown(in_dir("less"), 0, 4242), 0);
        assert_false(can_open(&nobody, in_dir("less"), O_RDONLY));
        grant(in_dir("less"), &nobody, ACCESS_READ);
        assert_true(can_open(&nobody, in_dir("less"), O_RDONLY));
        make("owned", 0400);
        assert_int_equal(chown(in_dir("owned"), NOBODY, 0), 0);
        grant(in_dir("owned"), &nobody, ACCESS_READ);
        assert_int_equal(access_grant(in_dir("owned"), &nobody, ACCESS_WRITE, NULL, NULL), -EACCES);
}

static void test_folders(void **state)
{
        CLEANUP(free) char *folder = strdup(in_dir("own"));
        const char *const own[] = {folder, NULL};
        MusterError *error = NULL;

        assert_int_equal(mkdir(in_dir("own"), 0700), 0);
        assert_int_equal(mkdir(in_dir("own/demo"), 0700), 0);
        assert_int_equal(mkdir(in_dir("home"), 0700), 0);
        make("own/demo/image", 0600);
        make("home/image", 0644);

        assert_int_equal(access_grant(in_dir("own/demo/image"), &nobody, ACCESS_READ, own, NULL), 0);
        assert_true(can_open(&nobody, in_dir("own/demo/image"), O_RDONLY));
        assert_false(can_open(&nobody, in_dir("own/demo"), O_RDONLY));
        assert_false(can_open(&other, in_dir("own/demo/image"), O_RDONLY));

        assert_int_equal(access_grant(in_dir("home/image"), &nobody, ACCESS_READ, own, &error), -EACCES);
        assert_non_null(strstr(muster_error_message(error), in_dir("home")));
        muster_error_free(error);
        assert_false(has_list(in_dir("home")));
        /* Not by a detour either. */
        assert_int_equal(access_grant(in_dir("own/../home/image"), &nobody, ACCESS_READ, own, NULL),
                         -EACCES);
        assert_false(has_list(in_dir("home")));
}

static void test_links(void **state)
{
        make("image", 0600);
        assert_int_equal(symlink("image", in_dir("ours")), 0);
        assert_int_equal(symlink("ours", in_dir("chain")), 0);
        assert_int_equal(symlink("image", in_dir("theirs")), 0);
        assert_int_equal(lchown(in_dir("theirs"), NOBODY, NOBODY), 0);
        assert_int_equal(symlink("circle", in_dir("circle")), 0);

        assert_int_equal(access_grant(in_dir("theirs"), &nobody, ACCESS_READ, NULL, NULL), -ELOOP);
        assert_int_equal(access_grant(in_dir("circle"), &nobody, ACCESS_READ, NULL, NULL), -ELOOP);
        assert_int_equal(access_grant(in_dir("gone"), &nobody, ACCESS_READ, NULL, NULL), -ENOENT);
        assert_int_equal(access_grant("image", &nobody, ACCESS_READ, NULL, NULL), -EINVAL);
        assert_false(has_list(in_dir("image")));
        grant(in_dir("chain"), &nobody, ACCESS_READ);
        assert_true(can_open(&nobody, in_dir("image"), O_RDONLY));
}

#define MANY 16

static void *grant_one(void *userdata)
{
        const ProcessUser user = {.uid = (uid_t)(uintptr_t)userdata, .gid = NOBODY};

        return access_grant(in_dir_of_all, &user, ACCESS_READ, NULL, NULL) == 0 ? userdata : NULL;
}

/* An image below many domains that start at once. */
static void test_many_at_once(void **state)
{
        pthread_t threads[MANY];
        void *result;

        make("image", 0600);
        snprintf(in_dir_of_all, sizeof(in_dir_of_all), "%s", in_dir("image"));
        for (uintptr_t i = 0; i < MANY; i++)
                assert_int_equal(pthread_create(&threads[i], NULL, grant_one, (void *)(70000 + i)), 0);
        for (unsigned i = 0; i < MANY; i++) {
                assert_int_equal(pthread_join(threads[i], &result), 0);
                assert_non_null(result);
        }
        for (unsigned i = 0; i < MANY; i++)
                assert_true(
                        can_open(&(ProcessUser){.uid = 70000 + i, .gid = NOBODY}, in_dir_of_all, O_RDONLY));
}

/* A node of a device, on whatever the temporary folder is on; and one of the real /dev. */
static void test_devices(void **state)
{
        const char *node = in_dir("null");

        assert_int_equal(mknod(node, S_IFCHR | 0600, makedev(1, 3)), 0);
        assert_false(can_open(&nobody, node, O_RDWR));
        grant(node, &nobody, ACCESS_READ | ACCESS_WRITE);
        /* A file system mounted nodev would refuse root, too. */
        assert_int_equal(can_open(&nobody, node, O_RDWR), open(node, O_RDWR | O_CLOEXEC) >= 0);
        assert_int_equal(access_revoke(node, NOBODY, NULL), 0);
        assert_false(has_list(node));
}

static void test_dev_tmpfs(void **state)
{
        static const char node[] = "/dev/muster-test-node";
        MusterError *error = NULL;
        int r;

        (void)unlink(node);
        if (mknod(node, S_IFCHR | 0600, makedev(1, 3)) < 0)
                skip();
        r = access_grant(node, &nobody, ACCESS_READ | ACCESS_WRITE, NULL, &error);
        if (r == -EOPNOTSUPP) {
                assert_non_null(strstr(muster_error_message(error), "access control lists"));
                muster_error_free(error);
        } else {
                assert_int_equal(r, 0);
                assert_true(can_open(&nobody, node, O_RDWR));
                assert_false(can_open(&other, node, O_RDWR));
        }
        assert_int_equal(unlink(node), 0);
}

/* ramfs knows no lists. */
static void test_without_lists(void **state)
{
        MusterError *error = NULL;
        int r, granted, revoked;

        if (mount("ramfs", directory, "ramfs", 0, "mode=0755") < 0)
                skip();
        make("image", 0600);
        make("open", 0644);
        r = access_grant(in_dir("image"), &nobody, ACCESS_READ, NULL, &error);
        granted = access_grant(in_dir("open"), &nobody, ACCESS_READ, NULL, NULL);
        revoked = access_revoke(in_dir("image"), NOBODY, NULL);
        assert_int_equal(umount(directory), 0);
        assert_int_equal(granted, 0);
        assert_int_equal(revoked, 0);
        assert_int_equal(r, -EOPNOTSUPP);
        assert_non_null(strstr(muster_error_message(error), "has no access control lists"));
        muster_error_free(error);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_grant_and_revoke, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_two_users, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_sleeping_entries_stay_asleep, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_its_own_entry_is_woken, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_group_gains_nothing, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_nothing_to_do, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_folders, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_links, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_many_at_once, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_devices, set_up, tear_down),
                cmocka_unit_test(test_dev_tmpfs),
                cmocka_unit_test_setup_teardown(test_without_lists, set_up, tear_down),
        };

        /* Nobody else can become somebody else. */
        if (geteuid() != 0)
                return 77;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
