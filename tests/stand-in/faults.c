/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the stand-in does wrong, by a JSON object in PROGRAM.NAME.faults (for the domain of that name) or
 * PROGRAM.faults, beside the executable, or in $STANDIN_FAULTS; the first that is there counts. A file is
 * looked at before each command, so a running one can be told to change its ways.
 *
 *   start-fails       text: goes to stderr, and it exits with 1 before it listens for anybody
 *   die-after-msec    n: after its start; by die-signal (a number), or with die-exit (1)
 *   die-at            command: it dies as above when that arrives; die-when "after": behind its reply
 *   hang-at, hang-after   a command; a number of commands (of all its clients): it stops then, for good,
 * with SIGTERM unheeded, as a main loop that is stuck never-greet, greet-msec, reply-msec (n, or {command:
 * n}): it sleeps, and everything of it with it nonsense          broken | binary | wrong-id | no-id | twice
 * | second-greeting | nothing: in place of, or around, the reply to nonsense-at (a command; without it, to
 * all) flood             n: so many events before the reply to flood-at (without it: to all); flood-forever:
 *                     events without end, from the first command on
 *   fail              {command: text}: an error reply
 *   ignore-sigterm, ignore-powerdown, ignore-unplug     true
 *   powerdown-msec, unplug-msec, job-msec, migrate-msec n
 *   job-fails, job-hangs, migrate-fails                 true
 */

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fileio.h"
#include "standin.h"

#define FAULTS_SIZE_MAX ((size_t)64 * 1024)
#define FLOOD_CHUNK     100

static json_object *faults;
static char *paths[2];
static struct timespec changed[2];
static ino_t inodes[2];
static int64_t n_commands;

static void load(const char *text, size_t size)
{
        json_object_put(TAKE(faults));
        if (json_parse(text, size, &faults) < 0 || !json_object_is_type(faults, json_type_object)) {
                fprintf(stderr, "stand-in: its faults are no JSON object\n");
                exit(3);
        }
}

static void load_first(void)
{
        const char *text = getenv("STANDIN_FAULTS");

        for (size_t i = 0; i < ELEMENTSOF(paths); i++) {
                CLEANUP(free) char *data = NULL;
                size_t size;

                if (read_file(paths[i], FAULTS_SIZE_MAX, &data, &size) == 0) {
                        load(data, size);
                        return;
                }
        }
        json_object_put(TAKE(faults));
        if (text)
                load(text, strlen(text));
}

static void refresh(void)
{
        bool differ = false;

        for (size_t i = 0; i < ELEMENTSOF(paths); i++) {
                struct stat st = {0};

                if (stat(paths[i], &st) < 0)
                        memset(&st, 0, sizeof(st));
                differ |= st.st_ino != inodes[i] || st.st_mtim.tv_sec != changed[i].tv_sec ||
                          st.st_mtim.tv_nsec != changed[i].tv_nsec;
                inodes[i] = st.st_ino;
                changed[i] = st.st_mtim;
        }
        if (differ)
                load_first();
}

int64_t faults_int(const char *key, int64_t fallback)
{
        return json_get_int(faults, key, fallback);
}

bool faults_bool(const char *key)
{
        return json_get_bool(faults, key, false);
}

static void die(void *data)
{
        int64_t number = faults_int("die-signal", 0);

        if (number > 0) {
                signal((int)number, SIG_DFL);
                raise((int)number);
        }
        _exit((int)faults_int("die-exit", 1));
}

static void hang(void)
{
        for (;;)
                pause();
}

static void nap(int64_t msec)
{
        if (msec > 0)
                usleep((useconds_t)(msec * 1000));
}

void faults_start(void)
{
        CLEANUP(free) char *program = NULL;
        const char *text = getenv("STANDIN_FAULTS");

        if (read_link("/proc/self/exe", &program) < 0)
                abort();
        paths[0] = text_format("%s.%s.faults", program, machine.name);
        paths[1] = text_format("%s.faults", program);
        if (text)
                load(text, strlen(text));
        refresh();
        text = json_get_string(faults, "start-fails");
        if (text) {
                fprintf(stderr, "%s\n", text);
                exit(1);
        }
        if (faults_int("die-after-msec", -1) >= 0)
                timer_add(faults_int("die-after-msec", 0), die, NULL);
}

bool faults_before_greeting(void)
{
        refresh();
        nap(faults_int("greet-msec", 0));
        return !faults_bool("never-greet");
}

/* Whether the key names this command; `all`: where it is missing, all are meant. */
static bool is_meant(const char *key, const char *command, bool all)
{
        const char *name = json_get_string(faults, key);

        return name ? streq(name, command) : all;
}

static void put_events(int64_t count)
{
        for (; count > 0; count--)
                qmp_event("NIC_RX_FILTER_CHANGED", data_of("path", "/machine/flood"));
}

static void flood_on(void *data)
{
        if (!faults_bool("flood-forever"))
                return;
        put_events(FLOOD_CHUNK);
        wire_flush();
        timer_add(1, flood_on, NULL);
}

void faults_before_command(const char *command)
{
        int64_t after;

        refresh();
        after = faults_int("hang-after", -1);
        if (is_meant("hang-at", command, /* all= */ false) || (after >= 0 && n_commands >= after))
                hang();
        n_commands++;
        if (is_meant("die-at", command, /* all= */ false) &&
            !streq_ptr(json_get_string(faults, "die-when"), "after"))
                die(NULL);
        nap(faults_int("reply-msec", 0));
        nap(json_get_int(json_get(faults, "reply-msec", json_type_object), command, 0));
        if (faults_bool("flood-forever") && n_commands == 1)
                timer_add(0, flood_on, NULL);
}

const char *faults_refusal(const char *command)
{
        return json_get_string(json_get(faults, "fail", json_type_object), command);
}

/* What is odd about this reply; returns whether the reply itself still goes out. */
static bool misbehave(const char *what, json_object *reply)
{
        static const char broken[] = "{\"return\": {\"status\": nonsense}, \"id\":\r\n";
        static const char binary[] = "\x7f\x45LF\x01\x02\xff\xfe garbage \r\n";

        if (streq(what, "broken"))
                wire_put_text(broken, sizeof(broken) - 1);
        else if (streq(what, "binary"))
                wire_put_text(binary, sizeof(binary) - 1);
        else if (streq(what, "wrong-id"))
                json_add_string(reply, "id", "nobody-asked");
        else if (streq(what, "no-id"))
                json_object_object_del(reply, "id");
        else if (streq(what, "twice"))
                wire_put(reply);
        else if (streq(what, "second-greeting"))
                qmp_greet();
        return !streq(what, "broken") && !streq(what, "binary") && !streq(what, "nothing");
}

bool faults_before_reply(const char *command, json_object *reply)
{
        const char *what = json_get_string(faults, "nonsense");

        if (is_meant("flood-at", command, /* all= */ true))
                put_events(faults_int("flood", 0));
        return !what || !is_meant("nonsense-at", command, /* all= */ true) || misbehave(what, reply);
}

void faults_after_reply(const char *command)
{
        if (!is_meant("die-at", command, /* all= */ false))
                return;
        wire_flush();
        die(NULL);
}
