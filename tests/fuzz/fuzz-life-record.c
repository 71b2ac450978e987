/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A domain's record. What is taken is within bounds, is written and read again to the same; what is not has
 * a sentence and leaves nothing behind.
 */

#include "daemon-fixture.h"

static int read_record(Daemon *daemon, const char *name, Managed **ret, MusterError **ret_error)
{
        CLEANUP(free) char *folder = fixture_path("records");
        CLEANUP(fd) int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        require(fd >= 0);
        return life_record_read(daemon, fd, name, ret, ret_error);
}

static char *record_text(const Managed *managed)
{
        CLEANUP(json) json_object *object = life_record_to_json(managed);
        char *text = object ? json_to_text(object) : NULL;

        require(text != NULL);
        return text;
}

static void check(const Managed *managed)
{
        const Life *life = managed->life;

        require(life && life->managed == managed && life->definition && life->lifecycle && life->remove &&
                life->granted && life->blocks && life->jobs && life->saving);
        require(managed_check_name(managed->name, NULL) == 0 && managed->id > 0 &&
                managed->id <= managed->daemon->last_id);
        require((unsigned)managed->state < STATES && (unsigned)managed->reason < REASONS &&
                (unsigned)life->end_reason < REASONS);
        for (const LifeHelper *helper = life->helpers; helper; helper = helper->next)
                require(!helper->process || process_pid(helper->process) > 0);
}

/* Reads one, and writes it: its text, and its file's name. */
static char *pass(const char *name, char **ret_name)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        uv_loop_t loop;
        Daemon daemon;
        Managed *managed = NULL;
        char *text = NULL;
        int r;

        fixture_daemon_init(&daemon, &loop);
        r = read_record(&daemon, name, &managed, &error);
        require((r < 0) == (error != NULL) && (r < 0) == (managed == NULL));
        require(daemon.n_domains == (r < 0 ? 0 : 1));
        if (managed) {
                check(managed);
                text = record_text(managed);
                require(life_record_write(managed, NULL) == 0);
                *ret_name = text_format("%s.json", managed->name);
        }
        fixture_daemon_clear(&daemon);
        return text;
}

static void remove_record(const char *name)
{
        CLEANUP(free) char *folder = fixture_path("records"), *path = text_format("%s/%s", folder, name);

        require(path && unlink(path) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CLEANUP(free) char *text = NULL, *again = NULL, *name = NULL, *name_again = NULL;

        fixture_make_folders();
        fixture_write("records/.input", data, size);
        text = pass(".input", &name);
        if (!text)
                return 0;
        again = pass(name, &name_again);
        require(again && streq(text, again) && streq(name, name_again));
        remove_record(name);
        return 0;
}
