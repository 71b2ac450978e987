/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What reaches stderr, and what the journal would get: sd_journal_sendv() is this program's own here. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "base/fileio.h"
#include "base/util.h"
#include "daemon/log.h"

static char fields[8192];
static int journal_result;

int sd_journal_sendv(const struct iovec *iov, int n);
int sd_journal_sendv(const struct iovec *iov, int n)
{
        size_t used = 0;

        for (int i = 0; i < n; i++)
                used += (size_t)snprintf(fields + used, sizeof(fields) - used, "%.*s|", (int)iov[i].iov_len,
                                         (const char *)iov[i].iov_base);
        return journal_result;
}

static int real_stderr = -1, file = -1;

/* stderr is a file of ours from now on, which $JOURNAL_STREAM names or not. */
static void capture(const char *stream)
{
        char path[] = "/tmp/muster-test-log-XXXXXX";
        CLEANUP(free) char *own = NULL;
        struct stat st;

        file = mkostemp(path, O_CLOEXEC | O_APPEND);
        assert_true(file >= 0);
        unlink(path);
        real_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
        assert_int_equal(dup2(file, STDERR_FILENO), STDERR_FILENO);
        assert_int_equal(fstat(file, &st), 0);
        own = text_format("%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
        if (stream)
                setenv("JOURNAL_STREAM", *stream ? stream : own, 1);
        else
                unsetenv("JOURNAL_STREAM");
        fields[0] = '\0';
        log_open(LOG_INFO);
}

/* To free(). */
static char *captured(void)
{
        char *text = NULL;
        size_t size;

        dup2(real_stderr, STDERR_FILENO);
        close(real_stderr);
        assert_int_equal(lseek(file, 0, SEEK_SET), 0);
        assert_int_equal(read_fd(file, 1 << 24, &text, &size), 0);
        close(file);
        return text;
}

static MusterError *make_error(void)
{
        MusterError *error = NULL;

        error_set_detail(&error, -EIO, "first\x1b[2J\n\nsecond\n", "It does not %s.", "work");
        return error;
}

static void test_to_a_person(void **state)
{
        CLEANUP(MusterError) MusterError *error = make_error();
        CLEANUP(free) char *text = NULL;

        capture(NULL);
        log_message(LOG_INFO, NULL, NULL, "%d domains", 3);
        log_message(LOG_DEBUG, NULL, NULL, "left out");
        log_error(LOG_DEBUG, NULL, NULL, error, "left out");
        log_message(LOG_NOTICE, "demo", "start", "a\nb\x07\xff\xc2\x9b");
        log_error(LOG_ERR, "demo", NULL, error, "cannot start");
        log_error(LOG_ERR, NULL, NULL, NULL, "no error");
        text = captured();
        assert_string_equal(text, "musterd: 3 domains\n"
                                  "musterd: [demo] start: a b???\n"
                                  "musterd: [demo] cannot start: It does not work.\n"
                                  "musterd:   first?[2J\n"
                                  "musterd:   second\n"
                                  "musterd: no error\n");
        assert_string_equal(fields, "");
}

static void test_to_the_journal(void **state)
{
        CLEANUP(MusterError) MusterError *error = make_error();
        CLEANUP(free) char *text = NULL;

        capture("");
        log_error(LOG_WARNING, "demo", "start\nPRIORITY=0", error, "cannot start");
        text = captured();
        assert_string_equal(text, "");
        assert_string_equal(fields, "MESSAGE=demo: cannot start: It does not work.|PRIORITY=4|"
                                    "SYSLOG_IDENTIFIER=musterd|MUSTER_DOMAIN=demo|"
                                    "MUSTER_OPERATION=start PRIORITY=0|MUSTER_DETAIL=first?[2J\nsecond|");
        free(text);
        capture("");
        log_message(LOG_INFO, NULL, NULL, "plain");
        text = captured();
        assert_string_equal(fields, "MESSAGE=plain|PRIORITY=6|SYSLOG_IDENTIFIER=musterd|");
}

static void test_journal_that_fails(void **state)
{
        CLEANUP(free) char *text = NULL;

        journal_result = -ENOBUFS;
        capture("");
        log_message(LOG_ERR, "demo", NULL, "lost?");
        text = captured();
        assert_string_equal(text, "<3>[demo] lost?\n");
        journal_result = 0;
}

static void test_stream_of_another(void **state)
{
        static const char *const streams[] = {"1:1", "nonsense", "8"};

        for (size_t i = 0; i < ELEMENTSOF(streams); i++) {
                CLEANUP(free) char *text = NULL;

                capture(streams[i]);
                log_message(LOG_ERR, NULL, NULL, "here");
                text = captured();
                assert_string_equal(text, "musterd: here\n");
                assert_string_equal(fields, "");
        }
}

static void test_bounds(void **state)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        CLEANUP(free) char *text = NULL, *detail = calloc(1, 200000);

        memset(detail, 'x', 100000);
        for (size_t i = 100000; i + 1 < 200000; i++)
                detail[i] = i % 2 ? '\n' : 'y';
        error_set_detail(&error, -EIO, detail, "Too much.");
        capture(NULL);
        log_error(LOG_ERR, NULL, NULL, error, "%s", detail);
        text = captured();
        assert_in_range(strlen(text), 2 * 4096, 3 * 4096);
}

#define N_THREADS 4
#define N_LINES   200

static void *talk(void *userdata)
{
        for (unsigned i = 0; i < N_LINES; i++)
                log_message(LOG_INFO, userdata, "talk", "%0100u", i);
        return NULL;
}

static void test_threads_do_not_mix(void **state)
{
        static char names[N_THREADS][2];
        CLEANUP(free) char *text = NULL;
        pthread_t threads[N_THREADS];
        unsigned next[N_THREADS] = {0}, value;
        char name;

        capture(NULL);
        for (unsigned i = 0; i < N_THREADS; i++) {
                names[i][0] = (char)('a' + i);
                assert_int_equal(pthread_create(&threads[i], NULL, talk, names[i]), 0);
        }
        for (unsigned i = 0; i < N_THREADS; i++)
                pthread_join(threads[i], NULL);
        text = captured();
        assert_int_equal(strlen(text),
                         N_THREADS * N_LINES * strlen("musterd: [a] talk: \n") + N_THREADS * N_LINES * 100);
        for (char *line = text; *line; line = strchr(line, '\n') + 1) {
                assert_int_equal(sscanf(line, "musterd: [%c] talk: %u\n", &name, &value), 2);
                assert_int_equal(value, next[name - 'a']++);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_to_a_person),
                cmocka_unit_test(test_to_the_journal),
                cmocka_unit_test(test_journal_that_fails),
                cmocka_unit_test(test_stream_of_another),
                cmocka_unit_test(test_bounds),
                cmocka_unit_test(test_threads_do_not_mix),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
