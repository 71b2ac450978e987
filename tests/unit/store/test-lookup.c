/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whole look-ups of fake emulators, by how often one is started and what it is asked. */

#include <signal.h>
#include <sys/un.h>

#include "emulator/host.h"
#include "feature/verdict.h"
#include "store/record.h"
#include "tests/unit/feature/maker.h"
#include "tests/unit/store/fakes.h"

#define MANY 16

/* The host is what the test says that it is. */
static const char *host = "kernel one\n";

int __wrap_host_fingerprint(const MusterContext *context, char **ret);
int __wrap_host_fingerprint(const MusterContext *context, char **ret)
{
        *ret = strdup(host);
        return *ret ? 0 : -ENOMEM;
}

/* How many files were read whole, to tell what they are. */
static unsigned n_hashed; /* atomic */

int __real_digest_fd(int fd, char ret_hex[static DIGEST_HEX_SIZE]);
int __wrap_digest_fd(int fd, char ret_hex[static DIGEST_HEX_SIZE]);
int __wrap_digest_fd(int fd, char ret_hex[static DIGEST_HEX_SIZE])
{
        __atomic_add_fetch(&n_hashed, 1, __ATOMIC_RELAXED);
        return __real_digest_fd(fd, ret_hex);
}

static MusterStore *store;
static char emulator[128]; /* the path of bin/emulator */

static int look(const char *target, MusterCatalogue *catalogue, unsigned flags, MusterFacts **ret,
                MusterLookupInfo *ret_info, MusterError **ret_error)
{
        CLEANUP(context) MusterContext *context = new_context();
        int r;

        *ret_info = (MusterLookupInfo){.cached = -1, .spawned = 4711};
        n_hashed = 0;
        r = muster_lookup(store, context, catalogue, target, flags, ret, ret_info, ret_error);
        assert_true(r < 0 || ret_info->spawned == context->n_spawned);
        return r;
}

/* The facts, found as is said. */
static MusterFacts *expect_look(const char *target, MusterCatalogue *catalogue, unsigned flags, int cached,
                                unsigned spawned)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        MusterFacts *facts = NULL;
        MusterLookupInfo info;

        if (look(target, catalogue, flags, &facts, &info, &error) < 0)
                fail_msg("%s", muster_error_message(error));
        if (info.cached != cached || info.spawned != spawned)
                fail_msg("cached %d, spawned %u", info.cached, info.spawned);
        assert_string_equal(muster_facts_path(facts), target);
        assert_string_equal(muster_facts_version(facts), "9.8.7");
        return facts;
}

static void expect_hit(const char *target)
{
        muster_facts_unref(expect_look(target, NULL, 0, 1, 0));
        expect_notes(0, "");
}

static void expect_probe(const char *target)
{
        muster_facts_unref(expect_look(target, NULL, 0, 0, 1));
        expect_notes(0, "");
}

static void expect_failure(const char *target, unsigned flags, int code, bool remembered)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        MusterFacts *facts = NULL;
        MusterLookupInfo info;

        assert_int_equal(look(target, NULL, flags, &facts, &info, &error), code);
        assert_null(facts);
        assert_int_equal(muster_error_code(error), code);
        assert_int_equal(strstr(muster_error_message(error), "--no-cache") != NULL, remembered);
        expect_notes(0, "");
}

/* Each test begins with nothing. */
static int new_store(void **state)
{
        if (fixture_set_up(state) < 0)
                return -1;
        store = open_store("store");
        host = "kernel one\n";
        make_dirs("bin");
        install("bin/emulator", "");
        snprintf(emulator, sizeof(emulator), "%s", in_dir("bin/emulator"));
        return 0;
}

static int drop_store(void **state)
{
        muster_store_unref(store);
        n_notes = 0;
        return fixture_tear_down(state);
}

/* As if all files had lain there for long when the trail was made. */
static void age_trail(const char *name)
{
        CLEANUP(free) char *file = trail_name(in_dir(name)), *text = NULL;
        CLEANUP(trail) Trail trail = {};
        size_t size;

        assert_int_equal(trail_load(store, in_dir(name), &trail), 0);
        trail.looked_nsec += 5 * STAMP_RACY_NSEC;
        assert_int_equal(trail_print(&trail, &text, &size), 0);
        assert_int_equal(entry_write(store, ENTRY_PATH, file, text, size, NULL), 0);
}

static char *whole_text(const MusterFacts *facts)
{
        char *text;

        assert_int_equal(muster_facts_to_json(facts, &text, NULL), 0);
        return text;
}

static void test_cold_and_warm(void **state)
{
        CLEANUP(facts) MusterFacts *cold = expect_look(emulator, NULL, 0, 0, 1), *warm = NULL;
        CLEANUP(free) char *was = whole_text(cold), *is = NULL;

        assert_int_equal(count_logged("bin/emulator", "start"), 1);
        /* Too young to tell: its content is looked at, and it is not started. */
        warm = expect_look(emulator, NULL, 0, 1, 0);
        assert_int_equal(n_hashed, 1);
        is = whole_text(warm);
        assert_string_equal(was, is);
        muster_facts_unref(warm);
        age_trail("bin/emulator");
        warm = expect_look(emulator, NULL, 0, 1, 0);
        assert_int_equal(n_hashed, 0);
        free(is);
        is = whole_text(warm);
        assert_string_equal(was, is);
        assert_int_equal(count_logged("bin/emulator", "start"), 1);
        expect_notes(0, "");
}

static void test_other_words_for_the_path(void **state)
{
        CLEANUP(free) char *here = getcwd(NULL, 0);

        expect_probe(emulator);
        age_trail("bin/emulator");
        assert_int_equal(chdir(in_dir("bin")), 0);
        expect_hit("emulator");
        expect_hit("./emulator");
        assert_int_equal(chdir(here), 0);
        assert_int_equal(symlink("emulator", in_dir("bin/link")), 0);
        expect_hit(in_dir("bin/link"));
        assert_int_equal(count_logged("bin/emulator", "start"), 1);
}

static void test_copies(void **state)
{
        expect_probe(emulator);
        make_dirs("elsewhere");
        install("elsewhere/copy", "");
        expect_hit(in_dir("elsewhere/copy"));
        assert_int_equal(count_logged("elsewhere/copy", "start"), 0);
        /* Installed again. */
        install("bin/emulator", "");
        expect_hit(emulator);
        assert_int_equal(count_logged("bin/emulator", "start"), 0);
        /* Another version. */
        install("bin/emulator", "more");
        expect_probe(emulator);
        expect_hit(emulator);
        /* And back. */
        install("bin/emulator", "");
        expect_hit(emulator);
}

/* Size and times are those of the other; the ctime is not. */
static void test_content_changed_in_disguise(void **state)
{
        struct stat was, is;

        install("bin/emulator", "one");
        expect_probe(emulator);
        age_trail("bin/emulator");
        expect_hit(emulator);
        assert_int_equal(stat(emulator, &was), 0);
        do {
                CLEANUP(fd) int fd = open(emulator, O_WRONLY | O_CLOEXEC);

                assert_int_equal(pwrite(fd, "two", 3, was.st_size - 3), 3);
                assert_int_equal(futimens(fd, (struct timespec[2]){was.st_atim, was.st_mtim}), 0);
                assert_int_equal(fstat(fd, &is), 0);
        } while (is.st_ctim.tv_sec == was.st_ctim.tv_sec && is.st_ctim.tv_nsec == was.st_ctim.tv_nsec);
        expect_probe(emulator);
}

static void test_no_cache(void **state)
{

        muster_facts_unref(expect_look(emulator, NULL, MUSTER_LOOKUP_NO_CACHE, 0, 1));
        muster_facts_unref(expect_look(emulator, NULL, MUSTER_LOOKUP_NO_CACHE, 0, 1));
        assert_int_equal(count_logged("bin/emulator", "start"), 2);
        expect_hit(emulator);
}

static void test_without_a_store(void **state)
{
        MusterStore *mine = store;

        store = NULL;
        for (unsigned i = 0; i < 2; i++)
                muster_facts_unref(expect_look(emulator, NULL, 0, 0, 1));
        store = mine;
        assert_int_equal(access(in_store(store, STORE_RECORDS), F_OK), -1);
}

static void test_modules(void **state)
{

        expect_probe(emulator);
        make_dirs("lib/qemu");
        write_text("lib/qemu/block-curl.so", "a module", 0644);
        expect_probe(emulator);
        age_trail("bin/emulator");
        expect_hit(emulator);
        write_text("lib/qemu/block-ssh.so", "another", 0644);
        expect_probe(emulator);
        expect_hit(emulator);
        /* Removed: what was learned before holds again. */
        assert_int_equal(unlink(in_dir("lib/qemu/block-ssh.so")), 0);
        expect_hit(emulator);
        assert_int_equal(unlink(in_dir("lib/qemu/block-curl.so")), 0);
        expect_hit(emulator);
        write_text("lib/qemu/block-curl.so", "A module", 0644);
        expect_probe(emulator);
}

static void write_wrapper(const char *name, const char *remark)
{
        char text[400];

        snprintf(text, sizeof(text), "#!/bin/sh\n# %s\nexec %s \"$@\"\n", remark, emulator);
        write_text(name, text, 0755);
}

static void test_wrapper(void **state)
{
        CLEANUP(facts) MusterFacts *facts = NULL;

        write_wrapper("wrapper", "one");
        facts = expect_look(in_dir("wrapper"), NULL, 0, 0, 1);
        assert_string_equal(muster_facts_executable(facts), emulator);
        expect_hit(in_dir("wrapper"));
        age_trail("wrapper");
        expect_hit(in_dir("wrapper"));
        assert_int_equal(n_hashed, 0);
        /* The bare binary is not the wrapper. */
        expect_probe(emulator);
        /* The script stays, what it starts is upgraded. */
        install("bin/emulator", "more");
        expect_probe(in_dir("wrapper"));
        expect_hit(in_dir("wrapper"));
        write_wrapper("wrapper", "two");
        expect_probe(in_dir("wrapper"));
}

/* Look-ups side by side, in threads that begin at once. */
typedef struct Crowd {
        pthread_barrier_t barrier;
        const char *target;
        MusterCatalogue *catalogue;
        int results[MANY];
        unsigned spawned; /* atomic */
        unsigned next;    /* atomic */
        MusterFacts *facts[MANY];
        MusterError *errors[MANY];
} Crowd;

static void *look_in_thread(void *userdata)
{
        Crowd *crowd = userdata;
        unsigned i = __atomic_fetch_add(&crowd->next, 1, __ATOMIC_SEQ_CST);
        CLEANUP(context) MusterContext *context = new_context();

        pthread_barrier_wait(&crowd->barrier);
        crowd->results[i] = muster_lookup(store, context, crowd->catalogue, crowd->target, 0,
                                          &crowd->facts[i], NULL, &crowd->errors[i]);
        __atomic_add_fetch(&crowd->spawned, context->n_spawned, __ATOMIC_SEQ_CST);
        return NULL;
}

static void crowd_run(Crowd *crowd)
{
        pthread_t threads[MANY];

        assert_int_equal(pthread_barrier_init(&crowd->barrier, NULL, MANY), 0);
        for (size_t i = 0; i < MANY; i++)
                assert_int_equal(pthread_create(&threads[i], NULL, look_in_thread, crowd), 0);
        for (size_t i = 0; i < MANY; i++)
                assert_int_equal(pthread_join(threads[i], NULL), 0);
        pthread_barrier_destroy(&crowd->barrier);
}

static void crowd_clear(Crowd *crowd)
{
        for (size_t i = 0; i < MANY; i++) {
                muster_facts_unref(crowd->facts[i]);
                muster_error_free(crowd->errors[i]);
        }
}

static void test_many_threads(void **state)
{
        Crowd crowd = {.target = emulator};

        crowd_run(&crowd);
        assert_int_equal(count_logged("bin/emulator", "start"), 1);
        assert_int_equal(crowd.spawned, 1);
        for (size_t i = 0; i < MANY; i++) {
                assert_int_equal(crowd.results[i], 0);
                assert_string_equal(muster_facts_version(crowd.facts[i]), "9.8.7");
        }
        crowd_clear(&crowd);
        expect_notes(0, "");
}

/* In a process of its own, when the gate is closed; no assertions there. */
static int look_in_child(const char *target, int gate)
{
        MusterContext *context = NULL;
        MusterFacts *facts = NULL;
        MusterStore *mine = NULL;
        char byte;
        int r;

        if (read(gate, &byte, 1) != 0 || muster_context_new(&context) < 0 ||
            muster_store_open(muster_store_directory(store), &mine, NULL) < 0)
                return 1;
        r = muster_lookup(mine, context, NULL, target, 0, &facts, NULL, NULL);
        return r == 0 && streq(muster_facts_version(facts), "9.8.7") ? 0 : 2;
}

static void test_many_processes(void **state)
{
        pid_t children[MANY];
        int gate[2];

        assert_int_equal(pipe2(gate, O_CLOEXEC), 0);
        for (size_t i = 0; i < MANY; i++) {
                children[i] = fork();
                assert_true(children[i] >= 0);
                if (children[i] == 0) {
                        close(gate[1]);
                        _exit(look_in_child(emulator, gate[0]));
                }
        }
        close(gate[0]);
        close(gate[1]);
        for (size_t i = 0; i < MANY; i++) {
                int status;

                assert_int_equal(waitpid(children[i], &status, 0), children[i]);
                assert_int_equal(status, 0);
        }
        assert_int_equal(count_logged("bin/emulator", "start"), 1);
        expect_hit(emulator);
}

/* Copies are of one size and one digest: whoever probes one of them probes them all. */
static void test_many_copies(void **state)
{
        pid_t children[2];
        int gate[2];

        install("bin/copy", "");
        assert_int_equal(pipe2(gate, O_CLOEXEC), 0);
        for (size_t i = 0; i < 2; i++) {
                children[i] = fork();
                if (children[i] == 0) {
                        close(gate[1]);
                        _exit(look_in_child(in_dir(i ? "bin/copy" : "bin/emulator"), gate[0]));
                }
        }
        close(gate[0]);
        close(gate[1]);
        for (size_t i = 0; i < 2; i++) {
                int status;

                assert_int_equal(waitpid(children[i], &status, 0), children[i]);
                assert_int_equal(status, 0);
        }
        assert_int_equal(count_logged("bin/emulator", "start") + count_logged("bin/copy", "start"), 1);
}

static void *look_once(void *userdata)
{
        return expect_look(userdata, NULL, 0, 0, 1);
}

/* The emulator stands in the middle of its start when its prober is killed, and another waits. */
static void test_killed_prober(void **state)
{
        void *facts = NULL;
        int gate[2], held;
        pthread_t waiter;
        pid_t pid;

        make_gate("bin/emulator");
        assert_int_equal(pipe2(gate, O_CLOEXEC), 0);
        pid = fork();
        if (pid == 0) {
                close(gate[1]);
                _exit(look_in_child(emulator, gate[0]));
        }
        close(gate[0]);
        close(gate[1]);
        held = await_at_gate("bin/emulator");
        assert_int_equal(pthread_create(&waiter, NULL, look_once, (void *)emulator), 0);
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        assert_int_equal(pthread_join(waiter, &facts), 0);
        close(held);
        assert_non_null(facts);
        muster_facts_unref(facts);
        assert_int_equal(count_logged("bin/emulator", "start"), 2);
        expect_hit(emulator);
}

static void test_failure_is_remembered(void **state)
{

        set_fault("bin/emulator", "garbage=query-kvm");
        expect_failure(emulator, 0, -EPROTO, false);
        assert_int_equal(count_logged("bin/emulator", "start"), 1);
        expect_failure(emulator, 0, -EPROTO, true);
        /* By what it is, not by where. */
        install("bin/copy", "");
        expect_failure(in_dir("bin/copy"), 0, -EPROTO, true);
        assert_int_equal(count_logged("bin/copy", "start"), 0);
        assert_int_equal(count_logged("bin/emulator", "start"), 1);
        expect_failure(emulator, MUSTER_LOOKUP_NO_CACHE, -EPROTO, false);
        assert_int_equal(count_logged("bin/emulator", "start"), 2);
        expect_failure(emulator, 0, -EPROTO, true);
        /* It is well again, but nobody would know. */
        set_fault("bin/emulator", NULL);
        expect_failure(emulator, 0, -EPROTO, true);
        muster_facts_unref(expect_look(emulator, NULL, MUSTER_LOOKUP_NO_CACHE, 0, 1));
        expect_hit(emulator);
        expect_hit(in_dir("bin/copy"));
}

static void test_failure_is_forgotten(void **state)
{

        set_fault("bin/emulator", "garbage=query-kvm");
        expect_failure(emulator, 0, -EPROTO, false);
        make_dirs("lib/qemu");
        write_text("lib/qemu/accel-tcg.so", "what it lacked", 0644);
        expect_failure(emulator, 0, -EPROTO, false);
        expect_failure(emulator, 0, -EPROTO, true);
        host = "kernel two\n";
        expect_failure(emulator, 0, -EPROTO, false);
        install("bin/emulator", "mended");
        set_fault("bin/emulator", "fine");
        expect_probe(emulator);
}

static void test_failure_of_a_script(void **state)
{
        write_text("script", "#!/bin/sh\nexit 3\n", 0755);
        expect_failure(in_dir("script"), 0, -EPROTO, false);
        expect_failure(in_dir("script"), 0, -EPROTO, true);
        write_wrapper("script", "mended");
        expect_probe(in_dir("script"));
        /* One that ran before, and whose emulator is gone now. */
        assert_int_equal(unlink(emulator), 0);
        expect_failure(in_dir("script"), 0, -EPROTO, false);
}

static void test_what_is_no_failure_of_its_own(void **state)
{
        CLEANUP(context) MusterContext *context = new_context();
        CLEANUP(fd) int canceller = eventfd(1, EFD_CLOEXEC);

        expect_failure(in_dir("bin/nowhere"), 0, -ENOENT, false);
        expect_failure(in_dir("bin/nowhere"), 0, -ENOENT, false);
        muster_context_set_cancel_fd(context, canceller);
        assert_int_equal(muster_lookup(store, context, NULL, emulator, 0, NULL, NULL, NULL), -ECANCELED);
        expect_probe(emulator);
}

static void test_longer_time_limit(void **state)
{
        CLEANUP(context) MusterContext *context = new_context();
        CLEANUP(MusterError) MusterError *error = NULL;

        set_fault("bin/emulator", "hang=query-kvm");
        assert_int_equal(muster_context_set_timeout(context, 100 * USEC_PER_MSEC), 0);
        assert_int_equal(muster_lookup(store, context, NULL, emulator, 0, NULL, NULL, NULL), -ETIMEDOUT);
        assert_int_equal(muster_lookup(store, context, NULL, emulator, 0, NULL, NULL, &error), -ETIMEDOUT);
        assert_non_null(strstr(muster_error_message(error), "--no-cache"));
        assert_int_equal(context->n_spawned, 1);
        set_fault("bin/emulator", "fine");
        expect_probe(emulator);
}

/* Those who waited for it get what it got, and do not try for themselves. */
static void test_waiters_get_the_failure(void **state)
{
        Crowd crowd = {.target = emulator};

        set_fault("bin/emulator", "garbage=query-kvm");
        crowd_run(&crowd);
        assert_int_equal(count_logged("bin/emulator", "start"), 1);
        for (size_t i = 0; i < MANY; i++) {
                assert_int_equal(crowd.results[i], -EPROTO);
                assert_int_equal(muster_error_code(crowd.errors[i]), -EPROTO);
        }
        crowd_clear(&crowd);
        expect_notes(0, "");
}

static void expect_core_not_asked(const char *name)
{
        static const char *const core[] = {"query-version",  "query-emulator", "query-qmp-schema",
                                           "qom-list-types", "query-machines", "query-command-line-options"};

        for (size_t i = 0; i < ELEMENTSOF(core); i++)
                if (count_logged(name, core[i]) > 0)
                        fail_msg("%s was asked again", core[i]);
}

static void test_another_host(void **state)
{
        CLEANUP(facts) MusterFacts *facts = NULL;

        expect_probe(emulator);
        clear_log("bin/emulator");
        host = "kernel two\n";
        facts = expect_look(emulator, NULL, 0, 1, 1);
        expect_core_not_asked("bin/emulator");
        assert_int_equal(count_logged("bin/emulator", "query-kvm"), 1);
        assert_int_equal(count_logged("bin/emulator", "query-cpu-definitions"), 1);
        assert_non_null(facts_find(facts, "query-kvm"));
        assert_non_null(facts_find(facts, "query-machines"));
        expect_hit(emulator);
        host = "kernel one\n";
        expect_hit(emulator);
        assert_int_equal(remove_tree(in_store(store, STORE_HOSTS)), 0);
        clear_log("bin/emulator");
        muster_facts_unref(expect_look(emulator, NULL, 0, 1, 1));
        expect_core_not_asked("bin/emulator");
        expect_hit(emulator);
        expect_notes(0, "");
}

static MusterCatalogue *catalogue_of_types(const char *ties)
{
        CLEANUP(free) char *text = text_format("[f]\nsummary = x\n%s", ties);

        return maker_catalogue(text);
}

static void test_new_type(void **state)
{
        CLEANUP(catalogue)
        MusterCatalogue *ant = catalogue_of_types("tie = property ant.drive\n"),
                        *more = catalogue_of_types("tie = property ant.drive\ntie = property cow.legs\n"),
                        *none = catalogue_of_types("tie = property dodo.wings\n");
        CLEANUP(facts) MusterFacts *facts = NULL, *both = NULL;

        expect_probe(emulator);
        clear_log("bin/emulator");
        facts = expect_look(emulator, ant, 0, 1, 1);
        expect_core_not_asked("bin/emulator");
        assert_int_equal(count_logged("bin/emulator", "query-kvm"), 0);
        assert_int_equal(count_logged("bin/emulator", "device-list-properties:ant"), 1);
        assert_int_equal(facts_find(facts, "device-list-properties:ant")->status, FACT_ANSWERED);
        muster_facts_unref(expect_look(emulator, ant, 0, 1, 0));
        /* One more type: the first is not asked again. */
        both = expect_look(emulator, more, 0, 1, 1);
        assert_int_equal(count_logged("bin/emulator", "device-list-properties:ant"), 1);
        assert_int_equal(count_logged("bin/emulator", "qom-list-properties:cow"), 1);
        assert_non_null(facts_find(both, "device-list-properties:ant"));
        assert_non_null(facts_find(both, "qom-list-properties:cow"));
        muster_facts_unref(expect_look(emulator, more, 0, 1, 0));
        muster_facts_unref(expect_look(emulator, ant, 0, 1, 0));
        /* A type that it does not have needs no question. */
        muster_facts_unref(expect_look(emulator, none, 0, 1, 0));
        expect_hit(emulator);
        expect_notes(0, "");
}

static void test_new_type_for_many(void **state)
{
        CLEANUP(catalogue) MusterCatalogue *ant = catalogue_of_types("tie = property ant.drive\n");
        Crowd crowd = {.target = emulator, .catalogue = ant};

        expect_probe(crowd.target);
        clear_log("bin/emulator");
        crowd_run(&crowd);
        assert_int_equal(count_logged("bin/emulator", "start"), 1);
        for (size_t i = 0; i < MANY; i++)
                assert_non_null(facts_find(crowd.facts[i], "device-list-properties:ant"));
        crowd_clear(&crowd);
        expect_notes(0, "");
}

/* What cannot be asked now is remembered; what is there already is given out all the same. */
static void test_failure_of_a_supplement(void **state)
{
        CLEANUP(catalogue) MusterCatalogue *ant = catalogue_of_types("tie = property ant.drive\n");
        CLEANUP(MusterError) MusterError *error = NULL;
        MusterLookupInfo info;

        expect_probe(emulator);
        set_fault("bin/emulator", "garbage=device-list-properties:ant");
        for (unsigned i = 0; i < 2; i++) {
                error = muster_error_free(error);
                assert_int_equal(look(emulator, ant, 0, NULL, &info, &error), -EPROTO);
        }
        assert_non_null(strstr(muster_error_message(error), "--no-cache"));
        assert_int_equal(count_logged("bin/emulator", "start"), 2);
        expect_hit(emulator);
}

/* The only file of a folder of the store. */
static const char *only_file(const char *folder)
{
        CLEANUP(dir) DIR *dir = opendir(in_store(store, folder));
        char name[300] = "";
        struct dirent *entry;

        while ((entry = readdir(dir)))
                if (entry->d_name[0] != '.') {
                        assert_string_equal(name, "");
                        snprintf(name, sizeof(name), "%s/%s", folder, entry->d_name);
                }
        assert_string_not_equal(name, "");
        return in_store(store, name);
}

static void damage(const char *path, long where)
{
        CLEANUP(fd) int fd = open(path, O_RDWR | O_CLOEXEC);
        off_t size = lseek(fd, 0, SEEK_END), at = where < 0 ? size + where : where;
        char byte;

        assert_int_equal(pread(fd, &byte, 1, at), 1);
        byte ^= 1;
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
}

static void test_damaged_files(void **state)
{
        /* At the beginning, in the sum, in the body. */
        static const long places[] = {0, 20, -10};
        static const struct {
                const char *folder;
                int cached, spawned;
        } files[] = {
                {STORE_RECORDS, 0, 1}, /* all is asked */
                {STORE_HOSTS, 1, 1},   /* what it held is asked */
                {STORE_PATHS, 1, 0},   /* the emulator is hashed, and known */
        };
        CLEANUP(free) char *was = NULL;

        expect_probe(emulator);
        for (size_t i = 0; i < ELEMENTSOF(files) * ELEMENTSOF(places) * 2; i++) {
                size_t f = i / 2 / ELEMENTSOF(places);
                const char *path = only_file(files[f].folder);
                CLEANUP(facts) MusterFacts *facts = NULL;
                CLEANUP(free) char *is = NULL;

                age_trail("bin/emulator");
                if (i % 2)
                        assert_int_equal(truncate(path, 30), 0);
                else
                        damage(path, places[i / 2 % ELEMENTSOF(places)]);
                facts = expect_look(emulator, NULL, 0, files[f].cached, (unsigned)files[f].spawned);
                is = whole_text(facts);
                if (!was)
                        was = strdup(is);
                assert_string_equal(was, is);
                assert_true(n_notes > 0 && strstr(last_note, files[f].folder));
                n_notes = 0;
                expect_hit(emulator);
        }
}

/* The store is the caller's to read and nobody's to write. */
static int look_read_only(void *target)
{
        MusterContext *context = NULL;
        MusterStore *mine = NULL;
        MusterFacts *facts = NULL;

        CHILD_EXPECTS(setgid(NOBODY) == 0 && setuid(NOBODY) == 0);
        CHILD_EXPECTS(muster_context_new(&context) == 0);
        CHILD_EXPECTS(muster_store_open(muster_store_directory(store), &mine, NULL) == 0);
        muster_store_set_note_handler(mine, take_note, NULL);
        for (unsigned i = 0; i < 2; i++) {
                CHILD_EXPECTS(muster_lookup(mine, context, NULL, target, 0, &facts, NULL, NULL) == 0);
                CHILD_EXPECTS(streq(muster_facts_version(facts), "9.8.7"));
                CHILD_EXPECTS(context->n_spawned == i + 1);
                CHILD_EXPECTS(n_notes == 1 && strstr(last_note, "Nothing can be kept"));
                facts = muster_facts_unref(facts);
        }
        muster_store_unref(mine);
        muster_context_free(context);
        return 0;
}

static void test_unwritable(void **state)
{
        if (geteuid() != 0)
                skip();
        assert_int_equal(chmod(fixture_dir, 0755), 0);
        assert_int_equal(chmod(beside("bin/emulator", ".log"), 0666), 0);
        assert_int_equal(chmod(muster_store_directory(store), 0755), 0);
        in_child(look_read_only, (void *)emulator);
        assert_int_equal(count_logged("bin/emulator", "start"), 2);
}

static void test_keep_measured(void **state)
{
        CLEANUP(facts)
        MusterFacts *facts = expect_look(emulator, NULL, 0, 0, 1), *measured = NULL, *warm = NULL;

        assert_int_equal(facts_with_measured(facts, "check", FACT_ANSWERED, maker_json("{\"met\": true}"),
                                             NULL, &measured),
                         0);
        assert_int_equal(muster_store_keep(store, measured, NULL), 0);
        warm = expect_look(emulator, NULL, 0, 1, 0);
        assert_int_equal(facts_find_measured(warm, "check")->status, FACT_ANSWERED);
        /* A new probe measures nothing, and takes nothing away. */
        muster_facts_unref(expect_look(emulator, NULL, MUSTER_LOOKUP_NO_CACHE, 0, 1));
        muster_facts_unref(warm);
        warm = expect_look(emulator, NULL, 0, 1, 0);
        assert_int_equal(facts_find_measured(warm, "check")->status, FACT_ANSWERED);
        expect_notes(0, "");
}

/* The host's own catalogue, read some time after it was last changed. */
static MusterCatalogue *hosts_catalogue(void)
{
        MusterCatalogue *catalogue;

        assert_int_equal(muster_catalogue_new(&catalogue, NULL), 0);
        catalogue->looked_nsec += 5 * STAMP_RACY_NSEC;
        return catalogue;
}

static int judge_now(MusterCatalogue *catalogue, const char *feature, char **ret_emulator)
{
        CLEANUP(context) MusterContext *context = new_context();
        CLEANUP(verdicts) MusterVerdicts *verdicts = NULL;
        CLEANUP(facts) MusterFacts *facts = NULL;
        CLEANUP(MusterError) MusterError *error = NULL;

        if (muster_judge(store, context, catalogue, emulator, MUSTER_TRUST_MEASURED, 0, &facts, &verdicts,
                         NULL, &error) < 0)
                fail_msg("%s", muster_error_message(error));
        assert_int_equal(muster_facts_describe(facts, ret_emulator, NULL), 0);
        return muster_verdict(verdicts, feature, NULL);
}

static int ready(const char *feature, char **ret_emulator)
{
        CLEANUP(context) MusterContext *context = new_context();
        int r;

        n_hashed = 0;
        r = muster_store_verdict(store, context, emulator, feature, NULL, MUSTER_TRUST_MEASURED,
                                 ret_emulator);
        assert_int_equal(n_hashed, 0);
        assert_int_equal(context->n_spawned, 0);
        return r;
}

static void test_ready_verdicts(void **state)
{
        CLEANUP(catalogue) MusterCatalogue *catalogue = hosts_catalogue();
        CLEANUP(free) char *was = NULL, *is = NULL, *unused = NULL;
        const char *feature = muster_catalogue_feature(catalogue, 0);
        int verdict;

        assert_int_equal(ready(feature, NULL), -ENODATA);
        verdict = judge_now(catalogue, feature, &was);
        /* Too young. */
        assert_int_equal(ready(feature, NULL), -ENODATA);
        age_trail("bin/emulator");
        assert_int_equal(ready(feature, &is), verdict);
        assert_string_equal(is, was);
        assert_int_equal(ready("no-such-feature", &unused), -ENOENT);
        assert_null(unused);
        host = "kernel two\n";
        assert_int_equal(ready(feature, NULL), -ENODATA);
        host = "kernel one\n";
        assert_int_equal(ready(feature, NULL), verdict);
        expect_notes(0, "");
        damage(only_file(STORE_VERDICTS), -2);
        assert_int_equal(ready(feature, NULL), -ENODATA);
        expect_notes(1, STORE_VERDICTS);
        free(TAKE(was));
        assert_int_equal(judge_now(catalogue, feature, &was), verdict);
        assert_true(n_notes == 1);
        n_notes = 0;
        assert_int_equal(ready(feature, NULL), verdict);
        damage(only_file(STORE_RECORDS), -20);
        assert_int_equal(ready(feature, NULL), -ENODATA);
        free(TAKE(was));
        assert_int_equal(judge_now(catalogue, feature, &was), verdict);
        n_notes = 0;
        age_trail("bin/emulator");
        assert_int_equal(ready(feature, NULL), verdict);
        install("bin/emulator", "more");
        assert_int_equal(ready(feature, NULL), -ENODATA);
        expect_notes(0, "");
}

/* Serves one client at in_dir("socket") by this copy of the emulator. */
static pid_t serve(const char *name)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        const char *path = in_dir(name);
        int ready_pipe[2], fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        char byte;
        pid_t pid;

        snprintf(address.sun_path, sizeof(address.sun_path), "%s", in_dir("socket"));
        (void)unlink(address.sun_path);
        assert_int_equal(pipe2(ready_pipe, O_CLOEXEC), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                int client;

                if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 1) < 0)
                        _exit(1);
                close(ready_pipe[1]);
                client = accept(fd, NULL, NULL);
                dup2(client, 0);
                dup2(client, 1);
                execl(path, path, "fine", (char *)NULL);
                _exit(1);
        }
        close(fd);
        close(ready_pipe[1]);
        assert_int_equal(read(ready_pipe[0], &byte, 1), 0);
        close(ready_pipe[0]);
        return pid;
}

static void expect_connected(const char *name, int cached)
{
        CLEANUP(free) char *address = text_format("unix:%s", in_dir("socket"));
        CLEANUP(facts) MusterFacts *facts = NULL;
        pid_t pid;

        clear_log(name);
        pid = serve(name);
        facts = expect_look(address, NULL, 0, cached, 0);
        assert_true(facts->connected);
        assert_non_null(facts_find(facts, "query-machines"));
        if (cached)
                expect_core_not_asked(name);
        else
                assert_int_equal(count_logged(name, "query-machines"), 1);
        assert_int_equal(count_logged(name, "query-kvm"), 1);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        expect_notes(0, "");
}

static void test_connected(void **state)
{
        expect_connected("bin/emulator", 0);
        expect_probe(emulator);
        expect_connected("bin/emulator", 1);
        install("bin/other", "more");
        expect_connected("bin/other", 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
#define TEST(function) cmocka_unit_test_setup_teardown(function, new_store, drop_store)
                TEST(test_cold_and_warm),
                TEST(test_other_words_for_the_path),
                TEST(test_copies),
                TEST(test_content_changed_in_disguise),
                TEST(test_no_cache),
                TEST(test_without_a_store),
                TEST(test_modules),
                TEST(test_wrapper),
                TEST(test_many_threads),
                TEST(test_many_processes),
                TEST(test_many_copies),
                TEST(test_killed_prober),
                TEST(test_failure_is_remembered),
                TEST(test_failure_is_forgotten),
                TEST(test_failure_of_a_script),
                TEST(test_what_is_no_failure_of_its_own),
                TEST(test_longer_time_limit),
                TEST(test_waiters_get_the_failure),
                TEST(test_another_host),
                TEST(test_new_type),
                TEST(test_new_type_for_many),
                TEST(test_failure_of_a_supplement),
                TEST(test_damaged_files),
                TEST(test_unwritable),
                TEST(test_keep_measured),
                TEST(test_ready_verdicts),
                TEST(test_connected),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
