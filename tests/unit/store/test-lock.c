/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One at a time, in any process or thread, and no longer than it lives. */

#include "store/lock.h"
#include "tests/unit/store/stores.h"

/*
 * Time of this test's own: it stands still, unless a waiter looks at it, which moves it on by `tick`. So
 * what is said to take seconds takes none. Threads and processes that wait for each other leave it alone.
 */
static uint64_t clock_usec = 1000, tick;
static unsigned n_looks;

uint64_t __real_now_usec(void);
uint64_t __wrap_now_usec(void);
uint64_t __wrap_now_usec(void)
{
        __atomic_add_fetch(&n_looks, 1, __ATOMIC_RELAXED);
        return tick ? clock_usec += tick : __real_now_usec();
}

static MusterStore *store;
static MusterContext *context;

static int try(const char *name, StoreLock *ret)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        int r = store_lock(store, context, name, "/usr/bin/emulator", ret, &error);

        assert_true((r < 0) == (error != NULL));
        assert_int_equal(muster_error_code(error), r < 0 ? r : 0);
        if (r < 0)
                assert_non_null(strstr(muster_error_message(error), "/usr/bin/emulator"));
        return r;
}

static void test_time_limit(void **state)
{
        CLEANUP(store_lock) StoreLock lock = STORE_LOCK_NULL, other = STORE_LOCK_NULL;

        assert_int_equal(muster_context_set_timeout(context, 3 * USEC_PER_SEC), 0);
        assert_int_equal(try("a", &lock), 0);
        tick = 500 * USEC_PER_MSEC;
        n_looks = 0;
        assert_int_equal(try("a", &other), -ETIMEDOUT);
        /* The limit and two seconds more, for the other to store what it learned. */
        assert_in_range(n_looks, 10, 12);
        assert_int_equal(other.fd, -1);
        tick = 0;
        assert_int_equal(try("b", &other), 0);
        store_unlock(&lock);
        store_unlock(&lock);
        assert_int_equal(try("a", &lock), 0);
        expect_notes(0, "");
}

static void test_cancelled(void **state)
{
        CLEANUP(store_lock) StoreLock lock = STORE_LOCK_NULL, other = STORE_LOCK_NULL;
        CLEANUP(fd) int canceller = eventfd(1, EFD_CLOEXEC);

        assert_int_equal(try("a", &lock), 0);
        muster_context_set_cancel_fd(context, canceller);
        assert_int_equal(try("a", &other), -ECANCELED);
        assert_int_equal(other.fd, -1);
        muster_context_set_cancel_fd(context, -1);
        expect_notes(0, "");
}

#define COUNTERS 3
#define ROUNDS   20

/* Counts in a file's content, which goes wrong as soon as two do it at once. */
static int count_up(void *userdata)
{
        MusterStore *mine = userdata;
        MusterContext *own = NULL;

        CHILD_EXPECTS(muster_context_new(&own) == 0);
        for (unsigned i = 0; i < ROUNDS; i++) {
                StoreLock lock = STORE_LOCK_NULL;
                unsigned n;
                int fd;

                CHILD_EXPECTS(store_lock(mine, own, "counter", "x", &lock, NULL) == 0);
                fd = openat(mine->dirfd, "counter", O_RDWR | O_CLOEXEC);
                CHILD_EXPECTS(fd >= 0 && pread(fd, &n, sizeof(n), 0) == sizeof(n));
                sched_yield();
                n++;
                CHILD_EXPECTS(pwrite(fd, &n, sizeof(n), 0) == sizeof(n));
                close(fd);
                store_unlock(&lock);
        }
        muster_context_free(own);
        return 0;
}

static void *count_in_thread(void *userdata)
{
        return (void *)(intptr_t)count_up(userdata);
}

static void test_exclusion(void **state)
{
        pid_t children[COUNTERS];
        pthread_t threads[COUNTERS];
        unsigned n = 0;
        int fd = openat(store->dirfd, "counter", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

        assert_int_equal(write(fd, &n, sizeof(n)), sizeof(n));
        for (size_t i = 0; i < COUNTERS; i++) {
                children[i] = fork();
                assert_true(children[i] >= 0);
                if (children[i] == 0)
                        _exit(count_up(store) == 0 ? 0 : 1);
        }
        for (size_t i = 0; i < COUNTERS; i++)
                assert_int_equal(pthread_create(&threads[i], NULL, count_in_thread, store), 0);
        for (size_t i = 0; i < COUNTERS; i++) {
                void *fault;
                int status;

                assert_int_equal(pthread_join(threads[i], &fault), 0);
                assert_null(fault);
                assert_int_equal(waitpid(children[i], &status, 0), children[i]);
                assert_int_equal(status, 0);
        }
        assert_int_equal(pread(fd, &n, sizeof(n), 0), sizeof(n));
        assert_int_equal(n, 2 * COUNTERS * ROUNDS);
        close(fd);
        expect_notes(0, "");
}

/* A process that takes the lock, says so, and keeps it for good. */
static pid_t hold(const char *name)
{
        int ready[2];
        char byte;
        pid_t pid;

        assert_int_equal(pipe(ready), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                StoreLock lock = STORE_LOCK_NULL;

                if (store_lock(store, context, name, "x", &lock, NULL) != 0 || write(ready[1], "", 1) != 1)
                        _exit(1);
                for (;;)
                        pause();
        }
        close(ready[1]);
        assert_int_equal(read(ready[0], &byte, 1), 1);
        close(ready[0]);
        return pid;
}

typedef struct Waiter {
        pthread_t thread;
        int began; /* an eventfd: it is about to wait */
        int r;
} Waiter;

static void *wait_for_lock(void *userdata)
{
        Waiter *waiter = userdata;
        StoreLock lock = STORE_LOCK_NULL;

        (void)!write(waiter->began, &(uint64_t){1}, sizeof(uint64_t));
        waiter->r = store_lock(store, context, "held", "x", &lock, NULL);
        store_unlock(&lock);
        return NULL;
}

static void test_killed_holder(void **state)
{
        CLEANUP(store_lock) StoreLock lock = STORE_LOCK_NULL;
        Waiter waiter = {.began = eventfd(0, EFD_CLOEXEC), .r = 1};
        pid_t pid = hold("held");
        uint64_t n;

        tick = USEC_PER_SEC;
        assert_int_equal(try("held", &lock), -ETIMEDOUT);
        tick = 0;
        assert_int_equal(pthread_create(&waiter.thread, NULL, wait_for_lock, &waiter), 0);
        assert_int_equal(read(waiter.began, &n, sizeof(n)), sizeof(n));
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        assert_int_equal(pthread_join(waiter.thread, NULL), 0);
        assert_int_equal(waiter.r, 0);
        close(waiter.began);
        assert_int_equal(try("held", &lock), 0);
}

/* What a probe starts must not keep the lock when its prober is gone. */
static void test_not_inherited(void **state)
{
        CLEANUP(store_lock) StoreLock lock = STORE_LOCK_NULL;
        Process process;

        copy_cat("cat");
        assert_int_equal(try("a", &lock), 0);
        process = start((const char *const[]){in_dir("cat"), NULL});
        store_unlock(&lock);
        tick = USEC_PER_SEC;
        assert_int_equal(try("a", &lock), 0);
        tick = 0;
        stop(&process);
}

static int lock_in_vain(void *directory)
{
        MusterStore *mine = NULL;
        StoreLock lock = STORE_LOCK_NULL;
        MusterError *error = NULL;

        if (geteuid() == 0)
                CHILD_EXPECTS(setgid(NOBODY) == 0 && setuid(NOBODY) == 0);
        CHILD_EXPECTS(muster_store_open(directory, &mine, NULL) == 0);
        muster_store_set_note_handler(mine, take_note, NULL);
        for (unsigned i = 0; i < 3; i++) {
                CHILD_EXPECTS(store_lock(mine, context, "a", "x", &lock, &error) == 1);
                CHILD_EXPECTS(lock.fd == -1 && !error && n_notes == 1);
        }
        muster_store_unref(mine);
        return 0;
}

static void test_unwritable(void **state)
{
        make_dirs("unwritable");
        assert_int_equal(chmod(fixture_dir, 0755), 0);
        assert_int_equal(chmod(in_dir("unwritable"), 0555), 0);
        in_child(lock_in_vain, (void *)in_dir("unwritable"));
        assert_int_equal(chmod(in_dir("unwritable"), 0755), 0);
}

/* Things in the lock's place are not followed and not waited for. */
static void test_no_lock_file(void **state)
{
        static const char *const names[] = {"linked", "folder"};

        make_dirs("linked");
        assert_int_equal(symlink("../victim", in_dir("linked/lock")), 0);
        make_dirs("folder/lock");
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                CLEANUP(MusterStore) MusterStore *other = open_store(names[i]);
                CLEANUP(store_lock) StoreLock lock = STORE_LOCK_NULL;

                assert_int_equal(store_lock(other, context, "a", "x", &lock, NULL), 1);
                expect_notes(1, names[i]);
        }
        assert_int_equal(access(in_dir("victim"), F_OK), -1);
}

static int set_up(void **state)
{
        if (fixture_set_up(state) < 0)
                return -1;
        store = open_store("store");
        return muster_context_new(&context);
}

static int tear_down(void **state)
{
        muster_context_free(context);
        muster_store_unref(store);
        return fixture_tear_down(state);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_time_limit),    cmocka_unit_test(test_cancelled),
                cmocka_unit_test(test_exclusion),     cmocka_unit_test(test_killed_holder),
                cmocka_unit_test(test_not_inherited), cmocka_unit_test(test_unwritable),
                cmocka_unit_test(test_no_lock_file),
        };

        return cmocka_run_group_tests(tests, set_up, tear_down);
}
