/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/fileio.h"
#include "base/i18n.h"
#include "base/util.h"
#include "daemon/agent.h"
#include "daemon/files.h"
#include "daemon/judge.h"
#include "daemon/log-file.h"
#include "daemon/log.h"
#include "daemon/start.h"
#include "domain/hotplug.h"

#define LAST_WORDS 2000U

int start_input(const Daemon *daemon, const char *text, const char *file, unsigned flags, PrepareInput *ret)
{
        PrepareInput input = {
                .store = daemon->store,
                .context = daemon->context,
                .catalogue = daemon->catalogue,
                .run_directory = daemon_run_directory(daemon),
                .state_directory = daemon_state_directory(daemon),
                .root = !daemon->settings.session,
                .sandbox = daemon->settings.sandbox,
                .descriptors = !daemon->settings.session,
                .text = strdup(text),
                .file = strdup(file),
                .flags = flags,
        };

        if (!input.run_directory || !input.state_directory || !input.text || !input.file) {
                prepare_input_clear(&input);
                return -ENOMEM;
        }
        *ret = input;
        return 0;
}

/* --- the life -------------------------------------------------------------------------------------- */

int start_fill_life(Life *life, StartData *data)
{
        Managed *managed = life->managed;
        json_object *lifecycle = json_get(data->prepared.plan, "lifecycle", json_type_object);

        life->definition = TAKE(data->prepared.live);
        life->emulator = TAKE(data->prepared.emulator);
        life->executable = TAKE(data->prepared.executable);
        life->digest = TAKE(data->prepared.digest);
        life->verdicts = judge_share(managed->daemon, TAKE(data->prepared.verdicts));
        json_object_put(life->blocks);
        life->blocks = json_object_get(data->prepared.chains);
        json_object_put(life->lifecycle);
        life->lifecycle = json_object_get(lifecycle);
        life->monitor_path = managed_monitor_path(managed);
        if (!managed->title && data->prepared.title)
                managed->title = strdup(data->prepared.title);
        return life->monitor_path ? agent_find(json_get(data->prepared.plan, "argv", json_type_array),
                                               &life->agent_path)
                                  : -ENOMEM;
}

/* --- its user -------------------------------------------------------------------------------------- */

static bool is_taken(const Daemon *daemon, uid_t uid)
{
        for (const Managed *managed = daemon->domains; managed; managed = managed->next)
                if (managed->life && managed->life->uid == uid)
                        return true;
        return false;
}

/*
 * One of the range for each domain that runs, so that no emulator reaches the files, or the memory, of
 * another one. They go round, so that one is not used again soon.
 */
int start_choose_user(Life *life)
{
        Daemon *daemon = life->managed->daemon;
        const Settings *settings = &daemon->settings;
        uid_t tries = settings->uid_last - settings->uid_first;

        if (settings->session || geteuid() != 0 || !settings->user)
                return 0;
        if (settings->uid_first == 0) {
                life->uid = daemon->user_uid;
                return 0;
        }
        do {
                if (daemon->last_uid < settings->uid_first || daemon->last_uid >= settings->uid_last)
                        daemon->last_uid = settings->uid_first;
                else
                        daemon->last_uid++;
                if (!is_taken(daemon, daemon->last_uid)) {
                        life->uid = daemon->last_uid;
                        return 0;
                }
        } while (tries-- > 0);
        return -EUSERS;
}

bool start_user(const Life *life, ProcessUser *ret)
{
        const Daemon *daemon = life->managed->daemon;

        if (life->uid == (uid_t)-1)
                return false;
        *ret = (ProcessUser){.uid = life->uid,
                             .gid = life->uid == daemon->user_uid ? daemon->user_gid : life->uid,
                             .groups = daemon->groups,
                             .n_groups = daemon->n_groups};
        return true;
}

/* --- files ----------------------------------------------------------------------------------------- */

int start_files_input(Operation *operation)
{
        StartData *data = operation->data;
        Managed *managed = operation->managed;

        data->run_directory = managed_run_path(managed, NULL);
        data->state_directory = managed_state_path(managed, NULL);
        data->monitor_path = strdup(managed->life->monitor_path);
        data->log = managed_log_path(managed);
        data->has_user = start_user(managed->life, &data->user);
        return data->run_directory && data->state_directory && data->monitor_path && data->log ? 0 : -ENOMEM;
}

int start_work_files(Operation *operation, MusterError **ret_error)
{
        StartData *data = operation->data;
        const Settings *settings = &operation->daemon->settings;
        const FilesInput input = {
                .run_directory = data->run_directory,
                .state_directory = data->state_directory,
                .files = json_get(data->prepared.plan, "files", json_type_array),
                .blockdev = json_get(data->prepared.plan, "blockdev", json_type_array),
                .user = data->has_user ? &data->user : NULL,
        };
        int r;

        (void)log_file_rotate(data->log, settings->log_size, settings->log_count, NULL);
        r = files_prepare(&input, &data->remove, &data->granted, ret_error);
        if (r >= 0)
                r = files_listen(data->monitor_path, &data->monitor_fd, ret_error);
        return r < 0 ? r
                     : descriptors_settle(json_get(data->prepared.plan, "fds", json_type_array),
                                          &data->links, ret_error);
}

int start_note_files(Operation *operation)
{
        const StartData *data = operation->data;
        json_object *files = json_get(data->prepared.plan, "files", json_type_array);
        Life *life = operation->managed->life;

        for (size_t i = 0; life->uid != (uid_t)-1 && i < json_object_array_length(files); i++) {
                const char *path = json_get_string(json_object_array_get_idx(files, i), "path");

                if (path && json_append_string(life->granted, path) < 0)
                        return -ENOMEM;
        }
        return 0;
}

void start_keep_files(Operation *operation)
{
        StartData *data = operation->data;
        Life *life = operation->managed->life;

        if (data->remove) {
                json_object_put(life->remove);
                life->remove = TAKE(data->remove);
        }
        if (data->granted) {
                json_object_put(life->granted);
                life->granted = TAKE(data->granted);
        }
        if (data->links) {
                json_object_put(life->links);
                life->links = TAKE(data->links);
        }
}

void start_keep_reply(Operation *operation, const char *key)
{
        StartData *data = operation->data;

        if (!data->threads)
                data->threads = json_object_new_object();
        if (data->threads && operation->reply)
                (void)json_add(data->threads, key, json_object_get(operation->reply));
}

void start_close_fds(Operation *operation)
{
        StartData *data = operation->data;

        if (data->monitor_fd > 0)
                close(data->monitor_fd);
        data->monitor_fd = 0;
        descriptors_close(&data->descriptors);
}

/* --- descriptors ----------------------------------------------------------------------------------- */

int start_open_input(Operation *operation)
{
        StartData *data = operation->data;

        data->live = strdup(operation->managed->life->definition);
        return data->live ? 0 : -ENOMEM;
}

int start_work_open(Operation *operation, MusterError **ret_error)
{
        StartData *data = operation->data;
        int r;

        r = descriptors_open(json_get(data->prepared.plan, "fds", json_type_array), &data->descriptors,
                             ret_error);
        if (r < 0 || json_object_object_length(data->descriptors.names) == 0)
                return r;
        return live_name_targets(data->live, strlen(data->live), data->descriptors.names, &data->named,
                                 ret_error);
}

void start_keep_names(Operation *operation)
{
        StartData *data = operation->data;
        Life *life = operation->managed->life;

        if (!data->named)
                return;
        free(life->definition);
        life->definition = TAKE(data->named);
}

/* --- the end --------------------------------------------------------------------------------------- */

/* What the emulator said before it died is worth more than that it did. */
void start_say_log(Operation *operation)
{
        const StartData *data = operation->data;
        char text[LAST_WORDS + 1];
        CLEANUP(free) char *words = NULL, *sentence = NULL;
        CLEANUP(fd) int fd = data->log ? open(data->log, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
        struct stat st;
        off_t from;
        ssize_t n;

        if (fd < 0 || !operation->error || fstat(fd, &st) < 0)
                return;
        from = st.st_size - (off_t)LAST_WORDS;
        if (from < data->log_begin)
                from = data->log_begin;
        n = pread(fd, text, LAST_WORDS, from);
        if (n <= 0)
                return;
        while (n > 0 && text[n - 1] == '\n')
                n--;
        words = text_for_terminal(text, (size_t)n, LAST_WORDS);
        sentence = strdup(muster_error_message(operation->error));
        if (!words || !sentence)
                return;
        operation->error = muster_error_free(operation->error);
        error_set_detail(&operation->error, operation->result, words, "%s", sentence);
}

void start_data_clear(StartData *data)
{
        free(data->definition);
        free(data->restore_file);
        free(data->stale_file);
        start_saved_free(data->saved);
        prepare_input_clear(&data->input);
        prepared_clear(&data->prepared);
        free(data->run_directory);
        free(data->state_directory);
        free(data->monitor_path);
        free(data->log);
        json_object_put(data->remove);
        json_object_put(data->granted);
        json_object_put(data->threads);
        executable_cache_clear(&data->known);
        json_object_put(data->links);
        free(data->live);
        free(data->named);
        descriptors_close(&data->descriptors);
        if (data->monitor_fd > 0)
                close(data->monitor_fd);
}
