/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "qmp/session.h"

#define GREETING     "{\"QMP\": {\"version\": {}, \"capabilities\": []}}\r\n"
#define GREETING_OOB "{\"QMP\": {\"version\": {}, \"capabilities\": [\"oob\"]}}\r\n"

typedef struct Outcome {
        unsigned count;
        int error;
        char class_name[64];
        bool result;
        QmpSession *session; /* not NULL: call again from the callback */
        QmpSlot *cancel;     /* not NULL: cancel from the callback */
        struct Outcome *next;
} Outcome;

static void on_reply(json_object *result, const QmpFault *fault, int error, void *userdata)
{
        Outcome *outcome = userdata;

        outcome->count++;
        outcome->error = error;
        outcome->result = result != NULL;
        snprintf(outcome->class_name, sizeof(outcome->class_name), "%s", fault ? fault->class_name : "");
        if (outcome->session && outcome->next)
                qmp_session_call(outcome->session, "again", NULL, 0, 1000, on_reply, outcome->next, NULL);
        if (outcome->cancel)
                qmp_slot_cancel(TAKE(outcome->cancel));
}

static void call(QmpSession *session, const char *command, unsigned flags, uint64_t deadline,
                 Outcome *outcome)
{
        assert_int_equal(qmp_session_call(session, command, NULL, flags, deadline, on_reply, outcome, NULL),
                         0);
}

/* What the session wants to send, taken as sent. */
static const char *sent(QmpSession *session)
{
        static char text[8192];
        size_t size;
        const char *data = qmp_session_output(session, &size);

        assert_true(size < sizeof(text));
        memcpy(text, data, size);
        text[size] = '\0';
        qmp_session_sent(session, size);
        return text;
}

static int feed(QmpSession *session, const char *text)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        int r = qmp_session_feed(session, text, strlen(text), &error);

        assert_int_equal(r < 0, error != NULL);
        if (error)
                assert_true(strlen(muster_error_message(error)) > 10);
        return r;
}

static QmpSession *ready(void)
{
        QmpSession *session;

        assert_int_equal(qmp_session_new(&session), 0);
        assert_int_equal(feed(session, GREETING), 0);
        assert_int_equal(feed(session, "{\"return\": {}, \"id\": 1}"), 0);
        assert_int_equal(qmp_session_state(session), QMP_STATE_READY);
        sent(session);
        return session;
}

static void test_pipelines_behind_the_handshake(void **state)
{
        CLEANUP(QmpSession) QmpSession *session = NULL;
        Outcome a = {0}, b = {0};

        assert_int_equal(qmp_session_new(&session), 0);
        call(session, "first", 0, 1000, &a);
        call(session, "second", 0, 1000, &b);
        assert_string_equal(sent(session), "");
        assert_int_equal(feed(session, GREETING), 0);
        assert_string_equal(sent(session),
                            "{\"execute\":\"qmp_capabilities\",\"id\":1}\n"
                            "{\"execute\":\"first\",\"id\":2}\n{\"execute\":\"second\",\"id\":3}\n");
        assert_int_equal(feed(session, "{\"return\":{},\"id\":1}{\"return\":{},\"id\":2}"), 0);
        assert_int_equal(a.count, 1);
        assert_int_equal(b.count, 0);
        assert_int_equal(
                feed(session, "{\"error\":{\"class\":\"CommandNotFound\",\"desc\":\"no\"},\"id\":3}"), 0);
        assert_int_equal(b.count, 1);
        assert_int_equal(b.error, -EIO);
        assert_string_equal(b.class_name, "CommandNotFound");
}

static void test_out_of_band(void **state)
{
        CLEANUP(QmpSession) QmpSession *session = NULL;
        Outcome outcomes[12] = {0}, oob = {0};
        const char *text;
        unsigned n = 0;

        assert_int_equal(qmp_session_new(&session), 0);
        assert_int_equal(feed(session, GREETING_OOB), 0);
        assert_non_null(strstr(sent(session), "\"enable\":[\"oob\"]"));
        assert_int_equal(feed(session, "{\"return\":{},\"id\":1}"), 0);
        assert_true(qmp_session_has_oob(session));
        for (size_t i = 0; i < ELEMENTSOF(outcomes); i++)
                call(session, "slow", 0, 1000, &outcomes[i]);
        call(session, "urgent", QMP_CALL_OOB, 1000, &oob);
        text = sent(session);
        assert_non_null(strstr(text, "{\"exec-oob\":\"urgent\",\"id\":10}"));
        for (const char *at = text; (at = strstr(at, "slow")); at++)
                n++;
        assert_int_equal(n, 8);
        assert_int_equal(feed(session, "{\"return\":{},\"id\":2}"), 0);
        assert_string_equal(sent(session), "{\"execute\":\"slow\",\"id\":11}\n");
}

static void test_events_pass_by(void **state)
{
        CLEANUP(QmpSession) QmpSession *session = ready();
        Outcome a = {0};

        call(session, "x", 0, 1000, &a);
        assert_int_equal(feed(session, "{\"event\":\"STOP\",\"timestamp\":{}}{\"return\":{},\"id\":2}"), 0);
        assert_int_equal(a.count, 1);
        assert_int_equal(a.error, 0);
        assert_true(a.result);
}

/* Each violation closes the session and completes every call exactly once. */
static void test_violations(void **state)
{
        static const char *const rows[] = {
                "{\"return\":{},\"id\":99}",    /* asked by nobody */
                "{\"return\":{},\"id\":\"x\"}", /* not our kind of id */
                "{\"return\":{}}",              /* no id */
                "{\"error\":{\"class\":\"GenericError\",\"desc\":\"JSON parse error\"}}", /* QEMU's on bad
                                                                                             input */
                "{\"return\":{},\"id\":2}{\"return\":{},\"id\":2}",                       /* twice */
                "{\"return\":{},\"id\":1}", /* twice: the handshake's */
                "{\"return\":{},\"error\":{\"class\":\"a\",\"desc\":\"b\"},\"id\":2}",
                "{\"error\":{\"class\":1},\"id\":2}",
                "{\"error\":\"words\",\"id\":2}",
                "{\"neither\":1}",
                GREETING,
                "[]",
                "nonsense",
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                CLEANUP(QmpSession) QmpSession *session = ready();
                Outcome a = {0}, b = {0};

                call(session, "a", 0, 1000, &a);
                call(session, "b", 0, 1000, &b);
                if (feed(session, rows[i]) >= 0)
                        fail_msg("%s was taken", rows[i]);
                assert_int_equal(qmp_session_state(session), QMP_STATE_CLOSED);
                assert_int_equal(a.count, 1);
                assert_int_equal(b.count, 1);
                assert_true(b.error < 0 && b.error != -EIO);
                assert_int_equal(qmp_session_call(session, "c", NULL, 0, 1000, on_reply, &a, NULL),
                                 -ESHUTDOWN);
                assert_int_equal(feed(session, "{}"), -ESHUTDOWN);
        }
}

static void test_no_greeting(void **state)
{
        static const char *const rows[] = {"{\"return\":{}}", "{\"QMP\":1}", "{\"x\":1}", "Usage: ls"};

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                CLEANUP(QmpSession) QmpSession *session = NULL;
                Outcome a = {0};

                assert_int_equal(qmp_session_new(&session), 0);
                call(session, "a", 0, 1000, &a);
                assert_true(feed(session, rows[i]) < 0);
                assert_int_equal(a.count, 1);
        }
}

static void test_handshake_refused(void **state)
{
        CLEANUP(QmpSession) QmpSession *session = NULL;
        Outcome a = {0};

        assert_int_equal(qmp_session_new(&session), 0);
        call(session, "a", 0, 1000, &a);
        assert_int_equal(feed(session, GREETING), 0);
        assert_true(feed(session, "{\"error\":{\"class\":\"GenericError\",\"desc\":\"no\"},\"id\":1}") < 0);
        assert_int_equal(a.count, 1);
}

static void test_deadlines(void **state)
{
        CLEANUP(QmpSession) QmpSession *session = ready();
        Outcome a = {0}, b = {0};

        call(session, "a", 0, 1000, &a);
        call(session, "b", 0, 2000, &b);
        assert_int_equal(qmp_session_deadline(session), 1000);
        qmp_session_tick(session, 999);
        assert_int_equal(a.count, 0);
        qmp_session_tick(session, 1000);
        assert_int_equal(a.count, 1);
        assert_int_equal(a.error, -ETIMEDOUT);
        assert_int_equal(b.count, 0);
        assert_int_equal(qmp_session_deadline(session), 2000);
        assert_int_equal(qmp_session_pending(session), 1);
        /* Its late reply is swallowed once; a second one is a violation. */
        assert_int_equal(feed(session, "{\"return\":{},\"id\":2}"), 0);
        assert_int_equal(a.count, 1);
        assert_true(feed(session, "{\"return\":{},\"id\":2}") < 0);
        assert_int_equal(b.count, 1);
}

static void test_deadline_before_the_greeting(void **state)
{
        CLEANUP(QmpSession) QmpSession *session = NULL;
        Outcome a = {0};

        assert_int_equal(qmp_session_new(&session), 0);
        call(session, "a", 0, 1000, &a);
        qmp_session_tick(session, 5000);
        assert_int_equal(a.error, -ETIMEDOUT);
        assert_int_equal(feed(session, GREETING), 0);
        assert_null(strstr(sent(session), "\"a\""));
}

static void test_hang_up(void **state)
{
        static const char *const before[] = {"", "{\"ret"};

        for (size_t i = 0; i < ELEMENTSOF(before); i++) {
                CLEANUP(MusterError) MusterError *error = NULL;
                CLEANUP(QmpSession) QmpSession *session = ready();
                Outcome a = {0};

                call(session, "a", 0, 1000, &a);
                assert_int_equal(feed(session, before[i]), 0);
                assert_int_equal(qmp_session_hang_up(session, 0, &error), -ECONNRESET);
                assert_int_equal(strstr(muster_error_message(error), "middle") != NULL, i == 1);
                assert_int_equal(a.count, 1);
                assert_int_equal(a.error, -ECONNRESET);
        }
}

static void test_cancel(void **state)
{
        CLEANUP(QmpSession) QmpSession *session = ready();
        Outcome a = {0}, b = {0};
        QmpSlot *slot;

        assert_int_equal(qmp_session_call(session, "a", NULL, 0, 1000, on_reply, &a, &slot), 0);
        call(session, "b", 0, 1000, &b);
        qmp_slot_cancel(slot);
        assert_int_equal(a.error, -ECANCELED);
        assert_int_equal(feed(session, "{\"return\":{},\"id\":2}{\"return\":{},\"id\":3}"), 0);
        assert_int_equal(a.count, 1);
        assert_int_equal(b.count, 1);
        assert_int_equal(b.error, 0);
}

static void test_callbacks_call_and_cancel(void **state)
{
        CLEANUP(QmpSession) QmpSession *session = ready();
        Outcome a = {.session = session}, b = {0}, again = {0};

        a.next = &again;
        call(session, "a", 0, 1000, &a);
        assert_int_equal(qmp_session_call(session, "b", NULL, 0, 1000, on_reply, &b, &a.cancel), 0);
        sent(session);
        assert_int_equal(feed(session, "{\"return\":{},\"id\":2}"), 0);
        assert_int_equal(b.error, -ECANCELED);
        assert_string_equal(sent(session), "{\"execute\":\"again\",\"id\":4}\n");
        assert_int_equal(feed(session, "{\"return\":{},\"id\":3}{\"return\":{},\"id\":4}"), 0);
        assert_int_equal(again.count, 1);
        assert_int_equal(b.count, 1);
}

static void test_free_completes(void **state)
{
        QmpSession *session = ready();
        Outcome a = {0}, b = {0};

        /* b's callback must not run twice, and a call made while the session ends is refused, not lost. */
        a.session = session;
        a.next = &b;
        call(session, "a", 0, 1000, &a);
        qmp_session_free(session);
        assert_int_equal(a.count, 1);
        assert_int_equal(a.error, -ECANCELED);
        assert_int_equal(b.count, 0);
}

/* Its sentence must quote what came, and end a session of two calls with each of them told once. */
static void assert_ends_with(QmpSession *session, const char *text, const char *words)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        Outcome a = {0}, b = {0};

        call(session, "a", 0, 1000, &a);
        call(session, "b", 0, 1000, &b);
        assert_true(qmp_session_feed(session, text, strlen(text), &error) < 0);
        if (!strstr(muster_error_message(error), words))
                fail_msg("%s: %s", text, muster_error_message(error));
        assert_int_equal(a.count, 1);
        assert_int_equal(b.count, 1);
        assert_int_equal(b.error, muster_error_code(error));
        assert_int_equal(qmp_session_pending(session), 0);
}

static void test_sentences(void **state)
{
        static const struct {
                bool ready;
                const char *text, *words;
        } rows[] = {
                {false, "QEMU 7.2.0 monitor - type 'help'\r\n(qemu) ",
                 "does not speak QMP: it began with \"QEMU 7.2.0"},
                {false, "{\"return\":1}", "does not speak QMP: it began with \"{\"return\":1}\""},
                {false,
                 GREETING_OOB "{\"error\":{\"class\":\"GenericError\",\"desc\":\"Not so.\"},\"id\":1}",
                 "refused to begin the QMP session: \"Not so.\""},
                {true, "{\"error\":{\"class\":\"GenericError\",\"desc\":\"JSON parse \\u001b[2Jerror\"}}",
                 "could not read what it was sent: \"JSON parse ?[2Jerror\""},
                {true, "{\"return\":{},\"id\":2}\r\n{\"return\":{},\"id\":2}", "twice"},
                {true, "{\"return\":{},\"id\":\"nobody\"}",
                 "nobody asked for: \"{\"return\":{},\"id\":\"nobody\"}\""},
                {true, "{\"return\":{},\"id\":-2}", "nobody asked for"},
                {true, "{\"return\":{}}", "nobody asked for"},
                {true,
                 "{\"return\":"
                 "\"0123456789012345678901234567890123456789012345678901234567890123456789012345678\"}",
                 "6789012345678…\""},
                {true, "{\"hello\":{}}", "QMP does not know: \"{\"hello\":{}}\""},
                {true, GREETING, "second QMP greeting"},
                {true, "\x1b[31mAborted\n", "not QMP: \"?[31mAborted \""},
                {true, "{\"return\":\"\x01\"}", "not QMP"},
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                CLEANUP(QmpSession) QmpSession *session = NULL;

                if (rows[i].ready)
                        session = ready();
                else
                        assert_int_equal(qmp_session_new(&session), 0);
                assert_ends_with(session, rows[i].text, rows[i].words);
        }
}

/* Neither can be told before the greeting whether it offers out-of-band. */
static void test_oob_called_before_the_greeting(void **state)
{
        CLEANUP(QmpSession) QmpSession *with = NULL, *without = NULL;
        Outcome outcomes[4] = {0};

        assert_int_equal(qmp_session_new(&with), 0);
        call(with, "urgent", QMP_CALL_OOB, 1000, &outcomes[0]);
        call(with, "calm", 0, 1000, &outcomes[1]);
        assert_int_equal(feed(with, GREETING_OOB), 0);
        /* QEMU refuses exec-oob until it has executed qmp_capabilities. */
        assert_null(strstr(sent(with), "urgent"));
        assert_int_equal(feed(with, "{\"return\":{},\"id\":1}"), 0);
        assert_string_equal(sent(with), "{\"exec-oob\":\"urgent\",\"id\":3}\n");

        assert_int_equal(qmp_session_new(&without), 0);
        call(without, "urgent", QMP_CALL_OOB, 1000, &outcomes[2]);
        call(without, "calm", 0, 1000, &outcomes[3]);
        assert_int_equal(feed(without, GREETING), 0);
        assert_string_equal(sent(without),
                            "{\"execute\":\"qmp_capabilities\",\"id\":1}\n"
                            "{\"execute\":\"urgent\",\"id\":2}\n{\"execute\":\"calm\",\"id\":3}\n");
}

/* QEMU still holds a place for a call that nobody waits for any more. */
static void test_abandoned_calls_keep_the_window(void **state)
{
        CLEANUP(QmpSession) QmpSession *session = NULL;
        Outcome outcomes[9] = {0};

        assert_int_equal(qmp_session_new(&session), 0);
        assert_int_equal(feed(session, GREETING_OOB "{\"return\":{},\"id\":1}"), 0);
        for (size_t i = 0; i < 8; i++)
                call(session, "slow", 0, 1000, &outcomes[i]);
        sent(session);
        qmp_session_tick(session, 1000);
        call(session, "next", 0, 2000, &outcomes[8]);
        assert_string_equal(sent(session), "");
        assert_int_equal(feed(session, "{\"return\":{},\"id\":2}"), 0);
        assert_string_equal(sent(session), "{\"execute\":\"next\",\"id\":10}\n");
        for (size_t i = 0; i < 8; i++)
                assert_int_equal(outcomes[i].count, 1);
}

static void test_arguments(void **state)
{
        CLEANUP(QmpSession) QmpSession *session = ready();
        CLEANUP(json) json_object *arguments = json_object_new_object(), *array = json_object_new_array();
        Outcome a = {0};

        json_add_string(arguments, "typename", "a/\"b");
        assert_int_equal(qmp_session_call(session, "x\"y", arguments, 0, 1000, on_reply, &a, NULL), 0);
        json_add_string(arguments, "late", "must not be sent");
        assert_string_equal(sent(session),
                            "{\"execute\":\"x\\\"y\",\"arguments\":{\"typename\":\"a/\\\"b\"},\"id\":2}\n");
        assert_int_equal(qmp_session_call(session, "x", array, 0, 1000, on_reply, &a, NULL), -EINVAL);
        assert_int_equal(qmp_session_pending(session), 1);
}

/* Each overdue call cancels the next: in whatever list that is, it is told once. */
static void test_deadlines_cancel_and_call(void **state)
{
        CLEANUP(QmpSession) QmpSession *session = ready();
        Outcome a = {.session = session}, b = {0}, c = {0}, again = {0};

        a.next = &again;
        call(session, "a", 0, 500, &a);
        assert_int_equal(qmp_session_call(session, "b", NULL, 0, 600, on_reply, &b, &a.cancel), 0);
        call(session, "c", 0, 5000, &c);
        /* "again" is due at 1000, too, but a callback that always calls again must not hold up the loop. */
        qmp_session_tick(session, 1000);
        assert_int_equal(a.error, -ETIMEDOUT);
        assert_int_equal(b.error, -ECANCELED);
        assert_int_equal(b.count, 1);
        assert_int_equal(c.count, 0);
        assert_int_equal(again.count, 0);
        qmp_session_tick(session, 1000);
        assert_int_equal(again.error, -ETIMEDOUT);
        assert_int_equal(qmp_session_deadline(session), 5000);
}

static void test_deadlines_out_of_order(void **state)
{
        CLEANUP(QmpSession) QmpSession *session = ready();
        Outcome outcomes[6] = {0};
        static const uint64_t due[] = {50, 10, UINT64_MAX, 30, 10, 40};

        for (size_t i = 0; i < ELEMENTSOF(due); i++)
                call(session, "x", 0, due[i], &outcomes[i]);
        for (uint64_t now = 0; now <= 60; now++) {
                qmp_session_tick(session, now);
                for (size_t i = 0; i < ELEMENTSOF(due); i++)
                        assert_int_equal(outcomes[i].count, due[i] <= now);
        }
        assert_int_equal(qmp_session_deadline(session), UINT64_MAX);
}

typedef struct Hanging {
        QmpSession *session;
        unsigned events;
} Hanging;

static void hang_up_on_event(const char *name, json_object *event, void *userdata)
{
        Hanging *hanging = userdata;

        assert_string_equal(name, "STOP");
        hanging->events++;
        qmp_session_hang_up(hanging->session, -ECANCELED, NULL);
}

static void test_hang_up_within_a_callback(void **state)
{
        CLEANUP(QmpSession) QmpSession *session = ready();
        Hanging hanging = {.session = session};
        Outcome a = {0};

        qmp_session_set_event_handler(session, hang_up_on_event, &hanging);
        call(session, "a", 0, 1000, &a);
        assert_int_equal(feed(session, "{\"event\":\"STOP\"}{\"event\":\"STOP\"}{\"return\":{},\"id\":2}"),
                         -ESHUTDOWN);
        assert_int_equal(hanging.events, 1);
        assert_int_equal(a.count, 1);
        assert_int_equal(a.error, -ECANCELED);
}

static void count_event(const char *name, json_object *event, void *userdata)
{
        (*(unsigned *)userdata)++;
}

/* A whole conversation, cut at every byte, and given byte by byte. */
static void test_any_split_is_the_same_session(void **state)
{
        static const char whole[] =
                "\r\n" GREETING_OOB "{\"return\":{},\"id\":1}\r\n"
                "{\"timestamp\":{\"seconds\":1},\"event\":\"STOP\"}\r\n"
                "{\"id\":2,\"return\":[{\"x\":\"\\\"}\xc3\xa4\xf0\x9f\x90\xaa{\",\"n\":-1.5e3}]}\r\n"
                "{\"error\":{\"class\":\"GenericError\",\"desc\":\"no\"},\"id\":3}\r\n";
        size_t size = sizeof(whole) - 1;

        for (size_t cut = 0; cut <= size; cut++) {
                CLEANUP(QmpSession) QmpSession *session = NULL;
                size_t step = cut == size ? 1 : cut + 1;
                Outcome a = {0}, b = {0};
                unsigned events = 0;

                assert_int_equal(qmp_session_new(&session), 0);
                qmp_session_set_event_handler(session, count_event, &events);
                call(session, "a", 0, 1000, &a);
                call(session, "b", 0, 1000, &b);
                for (size_t at = 0; at < size; at += step)
                        assert_int_equal(qmp_session_feed(session, whole + at,
                                                          size - at < step ? size - at : step, NULL),
                                         0);
                assert_int_equal(events, 1);
                assert_int_equal(a.count, 1);
                assert_true(a.result);
                assert_int_equal(b.count, 1);
                assert_string_equal(b.class_name, "GenericError");
                assert_int_equal(qmp_session_pending(session), 0);
        }
}

/* An endless message: the limit is told as one, long before the memory is gone. */
static void test_flood(void **state)
{
        CLEANUP(QmpSession) QmpSession *session = ready();
        static char block[1024 * 1024];
        Outcome a = {0};
        size_t fed = 0;

        call(session, "a", 0, 1000, &a);
        assert_int_equal(feed(session, "{\"x\":[[]"), 0);
        for (size_t i = 0; i + 3 <= sizeof(block); i += 3)
                memcpy(block + i, ",[]", 3);
        /* Three bytes that cost hundreds: bounded by their number. */
        for (fed = 0; fed < 64 && qmp_session_feed(session, block, sizeof(block) / 3 * 3, NULL) == 0; fed++)
                ;
        assert_true(fed < 2);
        assert_int_equal(a.error, -EMSGSIZE);
        assert_int_equal(a.count, 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_pipelines_behind_the_handshake),
                cmocka_unit_test(test_out_of_band),
                cmocka_unit_test(test_events_pass_by),
                cmocka_unit_test(test_violations),
                cmocka_unit_test(test_no_greeting),
                cmocka_unit_test(test_handshake_refused),
                cmocka_unit_test(test_deadlines),
                cmocka_unit_test(test_deadline_before_the_greeting),
                cmocka_unit_test(test_hang_up),
                cmocka_unit_test(test_cancel),
                cmocka_unit_test(test_callbacks_call_and_cancel),
                cmocka_unit_test(test_free_completes),
                cmocka_unit_test(test_sentences),
                cmocka_unit_test(test_oob_called_before_the_greeting),
                cmocka_unit_test(test_abandoned_calls_keep_the_window),
                cmocka_unit_test(test_arguments),
                cmocka_unit_test(test_deadlines_cancel_and_call),
                cmocka_unit_test(test_deadlines_out_of_order),
                cmocka_unit_test(test_hang_up_within_a_callback),
                cmocka_unit_test(test_any_split_is_the_same_session),
                cmocka_unit_test(test_flood),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
