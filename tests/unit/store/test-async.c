/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Look-ups beside a loop: one callback for each, on the loop's thread, whatever happens. */

#include <uv.h>

#include "tests/unit/store/fakes.h"

#define MANY 8

static MusterStore *store;
static MusterContext *context;
static uv_loop_t loop;
static char emulator[128];

typedef struct Caller {
        pthread_t thread;
        unsigned n_called;
        int result;
        MusterLookupInfo info;
        MusterFacts *facts; /* a reference of its own */
        char *message;
        MusterLookup *lookup;
        MusterLookup *cancel_another; /* from the callback */
        bool cancel_itself;
} Caller;

static void on_done(int result, MusterFacts *facts, const MusterLookupInfo *info, const MusterError *error,
                    void *userdata)
{
        Caller *caller = userdata;

        caller->thread = pthread_self();
        caller->n_called++;
        caller->result = result;
        if (result == 0) {
                caller->info = *info;
                caller->facts = muster_facts_ref(facts);
        } else {
                assert_null(facts);
                assert_int_equal(muster_error_code(error), result);
                caller->message = strdup(muster_error_message(error));
        }
        if (caller->cancel_itself)
                muster_lookup_cancel(caller->lookup);
        if (caller->cancel_another)
                muster_lookup_cancel(caller->cancel_another);
}

static void start_lookup(Caller *caller, MusterStore *in, const char *target)
{
        CLEANUP(MusterError) MusterError *error = NULL;

        if (muster_lookup_start(&loop, in, context, NULL, target, 0, on_done, caller, &caller->lookup,
                                &error) < 0)
                fail_msg("%s", muster_error_message(error));
        assert_int_equal(caller->n_called, 0);
}

/* Until nothing is left in the loop, so that no handle is either. */
static void run_loop(void)
{
        assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
        assert_int_equal(uv_loop_alive(&loop), 0);
}

static void expect(Caller *caller, int result)
{
        assert_int_equal(caller->n_called, 1);
        if (caller->result != result)
                fail_msg("%d: %s", caller->result, caller->message ?: "it went well");
        assert_true(pthread_equal(caller->thread, pthread_self()));
        assert_int_equal(result == 0, caller->facts != NULL);
        if (caller->facts)
                assert_string_equal(muster_facts_version(caller->facts), "9.8.7");
}

static void caller_clear(Caller *caller)
{
        muster_facts_unref(caller->facts);
        free(caller->message);
        *caller = (Caller){.n_called = 0};
}

static void test_success(void **state)
{
        Caller caller = {.n_called = 0};

        start_lookup(&caller, store, emulator);
        run_loop();
        expect(&caller, 0);
        assert_int_equal(caller.info.cached, 0);
        assert_int_equal(caller.info.spawned, 1);
        assert_string_equal(muster_facts_path(caller.facts), emulator);
        caller_clear(&caller);
        start_lookup(&caller, store, emulator);
        run_loop();
        expect(&caller, 0);
        assert_int_equal(caller.info.cached, 1);
        assert_int_equal(caller.info.spawned, 0);
        caller_clear(&caller);
        /* The caller's context counts for nobody else. */
        assert_int_equal(context->n_spawned, 0);
}

static void test_without_a_store(void **state)
{
        Caller caller = {.n_called = 0};

        start_lookup(&caller, NULL, emulator);
        run_loop();
        expect(&caller, 0);
        assert_int_equal(caller.info.spawned, 1);
        caller_clear(&caller);
}

/* The loop belongs to others as well; and nobody need keep the look-up, or what it was made from. */
static void test_nothing_kept(void **state)
{
        MusterStore *own = open_store("another");
        MusterContext *own_context = new_context();
        char *target = strdup(emulator);
        Caller caller = {.n_called = 0};

        assert_int_equal(muster_lookup_start(&loop, own, own_context, NULL, target, 0, on_done, &caller,
                                             /* ret= */ NULL, NULL),
                         0);
        memset(target, 'x', strlen(target));
        free(target);
        muster_context_free(own_context);
        muster_store_unref(own);
        run_loop();
        expect(&caller, 0);
        caller_clear(&caller);
}

static void test_failure(void **state)
{
        Caller missing = {.n_called = 0}, broken = {.n_called = 0}, empty = {.n_called = 0};

        set_fault("emulator", "garbage=query-kvm");
        start_lookup(&missing, store, in_dir("nowhere"));
        start_lookup(&broken, store, emulator);
        start_lookup(&empty, store, "");
        run_loop();
        expect(&missing, -ENOENT);
        expect(&broken, -EPROTO);
        expect(&empty, -EINVAL);
        caller_clear(&missing);
        caller_clear(&broken);
        caller_clear(&empty);
        start_lookup(&broken, store, emulator);
        run_loop();
        expect(&broken, -EPROTO);
        assert_non_null(strstr(broken.message, "--no-cache"));
        caller_clear(&broken);
        assert_int_equal(count_logged("emulator", "start"), 1);
}

static void test_many(void **state)
{
        Caller callers[MANY] = {{.n_called = 0}};
        unsigned spawned = 0;

        for (size_t i = 0; i < MANY; i++)
                start_lookup(&callers[i], store, emulator);
        run_loop();
        for (size_t i = 0; i < MANY; i++) {
                expect(&callers[i], 0);
                spawned += callers[i].info.spawned;
                caller_clear(&callers[i]);
        }
        assert_int_equal(spawned, 1);
        assert_int_equal(count_logged("emulator", "start"), 1);
}

/* While its emulator starts, and while another waits for it. Of the waiter it is the first that takes over.
 */
static void test_cancel(void **state)
{
        Caller prober = {.n_called = 0}, waiter = {.n_called = 0};
        int held;

        make_gate("emulator");
        start_lookup(&prober, store, emulator);
        held = await_at_gate("emulator");
        start_lookup(&waiter, store, emulator);
        muster_lookup_cancel(prober.lookup);
        muster_lookup_cancel(prober.lookup);
        run_loop();
        close(held);
        expect(&prober, -ECANCELED);
        expect(&waiter, 0);
        assert_int_equal(waiter.info.spawned, 1);
        caller_clear(&prober);
        caller_clear(&waiter);
        /* That it was cancelled says nothing about the emulator. */
        start_lookup(&prober, store, emulator);
        run_loop();
        expect(&prober, 0);
        caller_clear(&prober);
}

static void test_cancel_a_waiter(void **state)
{
        Caller prober = {.n_called = 0}, waiter = {.n_called = 0};
        int held;

        make_gate("emulator");
        start_lookup(&prober, store, emulator);
        held = await_at_gate("emulator");
        start_lookup(&waiter, store, emulator);
        muster_lookup_cancel(waiter.lookup);
        while (waiter.n_called == 0)
                uv_run(&loop, UV_RUN_ONCE);
        expect(&waiter, -ECANCELED);
        assert_int_equal(prober.n_called, 0);
        close(held);
        run_loop();
        expect(&prober, 0);
        assert_int_equal(count_logged("emulator", "start"), 1);
        caller_clear(&prober);
        caller_clear(&waiter);
}

/* From a callback: itself, which has its result, and another. */
static void test_cancel_in_a_callback(void **state)
{
        Caller first = {.cancel_itself = true}, second = {.n_called = 0};
        int held;

        make_gate("emulator");
        start_lookup(&second, store, emulator);
        held = await_at_gate("emulator");
        start_lookup(&first, store, in_dir("nowhere"));
        first.cancel_another = second.lookup;
        run_loop();
        close(held);
        expect(&first, -ENOENT);
        expect(&second, -ECANCELED);
        caller_clear(&first);
        caller_clear(&second);
}

/* The time limit is the caller's, and a longer one thereafter does not count. */
static void test_time_limit(void **state)
{
        Caller caller = {.n_called = 0};

        set_fault("emulator", "hang=query-kvm");
        assert_int_equal(muster_context_set_timeout(context, 100 * USEC_PER_MSEC), 0);
        start_lookup(&caller, store, emulator);
        assert_int_equal(muster_context_set_timeout(context, 100 * USEC_PER_SEC), 0);
        run_loop();
        expect(&caller, -ETIMEDOUT);
        caller_clear(&caller);
}

static int set_up(void **state)
{
        if (fixture_set_up(state) < 0)
                return -1;
        store = open_store("store");
        context = new_context();
        snprintf(emulator, sizeof(emulator), "%s", in_dir("emulator"));
        install("emulator", "");
        return uv_loop_init(&loop);
}

static int tear_down(void **state)
{
        assert_int_equal(uv_loop_close(&loop), 0);
        muster_context_free(context);
        muster_store_unref(store);
        expect_notes(0, "");
        return fixture_tear_down(state);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
                TEST(test_success),
                TEST(test_without_a_store),
                TEST(test_nothing_kept),
                TEST(test_failure),
                TEST(test_many),
                TEST(test_cancel),
                TEST(test_cancel_a_waiter),
                TEST(test_cancel_in_a_callback),
                TEST(test_time_limit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
