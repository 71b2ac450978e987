/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/i18n.h"
#include "base/util.h"
#include "daemon/files.h"
#include "daemon/jobs.h"
#include "daemon/life-record.h"
#include "daemon/log.h"
#include "daemon/start.h"
#include "domain/chain.h"

/* What operations on images leave: definitions that follow, files, and who may reach them. */

struct ChainsWork {
        char *live, *config, *path;
        json_object *old, *chains; /* before, for all disks; afterwards, for those that changed */
        char *new_live, *new_config;
        bool delete_files;

        char *run_directory, *state_directory;
        ProcessUser user;
        bool has_user;
        json_object *files, *nodes, *remove, *granted;
};

ChainsWork *chains_work_free(ChainsWork *work)
{
        if (!work)
                return NULL;
        free(work->live);
        free(work->config);
        free(work->path);
        json_object_put(work->old);
        json_object_put(work->chains);
        free(work->new_live);
        free(work->new_config);
        free(work->run_directory);
        free(work->state_directory);
        json_object_put(work->files);
        json_object_put(work->nodes);
        json_object_put(work->remove);
        json_object_put(work->granted);
        free(work);
        return NULL;
}

json_object *chains_copy(const Life *life)
{
        json_object *copy = NULL;

        return json_object_deep_copy(life->blocks, &copy, NULL) < 0 ? NULL : copy;
}

int job_size_of(const json_object *nodes, const json_object *chain, uint64_t *ret)
{
        const char *name = json_get_string(chain_image(chain, 0), "node");

        for (size_t i = 0; name && i < json_length(nodes); i++) {
                const json_object *node = json_object_array_get_idx(nodes, i);
                json_object *image = json_get(node, "image", json_type_object);

                if (!streq_ptr(json_get_string(node, "node-name"), name) || !image)
                        continue;
                *ret = (uint64_t)json_get_int(image, "virtual-size", 0);
                return *ret > 0 ? 0 : -ENOENT;
        }
        return -ENOENT;
}

/* --- definitions ------------------------------------------------------------------------------------ */

int chains_begin(Operation *operation, json_object *chains, bool delete_files)
{
        const Managed *managed = operation->managed;
        ChainsWork *work = calloc(1, sizeof(*work));

        operation->chains = chains_work_free(operation->chains);
        operation->chains = work;
        if (!work)
                return -ENOMEM;
        work->delete_files = delete_files;
        work->live = strdup(managed->life->definition);
        work->config = managed->definition ? strdup(managed->definition) : NULL;
        work->path = managed_definition_path(managed);
        work->old = chains_copy(managed->life);
        work->chains = json_object_get(chains);
        return work->live && work->path && work->old && work->chains &&
                               (work->config || !managed->definition)
                       ? 0
                       : -ENOMEM;
}

/* What a definition says of the disk's source; to free(). NULL: nothing. */
static char *source_of(const char *text, const char *target)
{
        CLEANUP(faults) Faults faults = {};
        CLEANUP(xml) Xml *xml = NULL;
        XmlElement *devices, *disk = NULL;

        if (xml_parse(text, strlen(text), "domain", &faults, &xml) < 0 || !xml)
                return NULL;
        devices = xml_child(xml->root, "devices");
        while (devices && (disk = xml_next(devices, "disk", disk))) {
                XmlElement *element = xml_child(disk, "target"), *source = xml_child(disk, "source");
                const char *file;

                if (!element || !source || !streq_ptr(xml_attribute(element, "dev"), target))
                        continue;
                file = xml_attribute(source, "file") ?: xml_attribute(source, "dev");
                return file ? strdup(file) : NULL;
        }
        return NULL;
}

static int write_chain(char **text, const json_object *chain, MusterError **ret_error)
{
        char *changed = NULL;
        int r = chain_write_xml(*text, strlen(*text), chain, &changed, ret_error);

        if (r < 0)
                return r;
        free(*text);
        *text = changed;
        return 0;
}

/* Whether the definition's disk still is the one that runs, or was changed for the next start. */
static bool follows(const ChainsWork *work, const char *disk)
{
        const json_object *old = json_get(work->old, disk, json_type_object);
        const char *file = old ? json_get_string(chain_image(old, 0), "file") : NULL;
        CLEANUP(free) char *source = file ? source_of(work->new_config, disk) : NULL;

        return streq_ptr(source, file) && file;
}

static int write_definitions(ChainsWork *work, MusterError **ret_error)
{
        bool changed = false;
        int r = 0;

        work->new_live = TAKE(work->live);
        work->new_config = TAKE(work->config);
        json_object_object_foreach (work->chains, disk, chain) {
                if (r >= 0)
                        r = write_chain(&work->new_live, chain, ret_error);
                if (r >= 0 && work->new_config && follows(work, disk)) {
                        r = write_chain(&work->new_config, chain, ret_error);
                        changed = true;
                }
        }
        if (!changed)
                free(TAKE(work->new_config));
        if (r >= 0 && work->new_config)
                r = definition_write(work->path, work->new_config, ret_error);
        return r;
}

static bool is_used(const json_object *chains, const char *file)
{
        json_object_object_foreach ((json_object *)chains, disk, chain) {
                (void)disk;
                for (size_t i = 0; i < chain_length(chain); i++)
                        if (streq_ptr(json_get_string(chain_image(chain, i), "file"), file))
                                return true;
        }
        return false;
}

static void delete_files(const ChainsWork *work)
{
        json_object_object_foreach (work->chains, disk, chain) {
                const json_object *old = json_get(work->old, disk, json_type_object);

                (void)chain;
                for (size_t i = 0; old && i < chain_length(old); i++) {
                        const char *file = json_get_string(chain_image(old, i), "file");
                        struct stat st;

                        if (file && !is_used(work->chains, file) && lstat(file, &st) == 0 &&
                            S_ISREG(st.st_mode))
                                (void)unlink(file);
                }
        }
}

static int work_write(Operation *operation, MusterError **ret_error)
{
        ChainsWork *work = operation->chains;
        int r = write_definitions(work, ret_error);

        if (r >= 0 && work->delete_files)
                delete_files(work);
        return r;
}

int step_write_chains(Operation *operation)
{
        return operation->chains ? operation_work(operation, work_write) : 0;
}

int step_keep_chains(Operation *operation)
{
        ChainsWork *work = operation->chains;
        Managed *managed = operation->managed;

        if (!work)
                return 0;
        if (work->new_config) {
                free(managed->definition);
                managed->definition = TAKE(work->new_config);
        }
        json_object_object_foreach (work->chains, disk, chain) {
                if (json_add(managed->life->blocks, disk, json_object_get(chain)) < 0)
                        return error_oom(operation_error(operation));
        }
        return life_take_change(managed->life, work->new_live, NULL, NULL, operation_error(operation));
}

/* --- files ------------------------------------------------------------------------------------------ */

static bool is_made(const json_object *files, const char *file)
{
        for (size_t i = 0; i < json_object_array_length(files); i++) {
                const json_object *entry = json_object_array_get_idx(files, i);

                if (streq_ptr(json_get_string(entry, "path"), file) &&
                    streq_ptr(json_get_string(entry, "action"), "create"))
                        return true;
        }
        return false;
}

/* What is to be written is, for files_prepare(), what a node without "read-only" names. */
static int take_access(ChainsWork *work, const json_object *access)
{
        for (size_t i = 0; access && i < json_object_array_length(access); i++) {
                const json_object *item = json_object_array_get_idx(access, i);
                const char *file = json_get_string(item, "file");
                CLEANUP(json)
                json_object *node = json_object_new_object(), *entry = json_object_new_object();

                if (!file)
                        continue;
                if (!node || !entry || json_add_string(node, "filename", file) < 0 ||
                    json_add_bool(node, "read-only", !streq_ptr(json_get_string(item, "during"), "O_RDWR")) <
                            0 ||
                    json_append(work->nodes, TAKE(node)) < 0)
                        return -ENOMEM;
                if (is_made(work->files, file))
                        continue;
                if (json_add_string(entry, "path", file) < 0 ||
                    json_add_string(entry, "action", "exists") < 0 ||
                    json_add_string(entry, "purpose", "disk") < 0 ||
                    json_append(work->files, TAKE(entry)) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int work_files(Operation *operation, MusterError **ret_error)
{
        ChainsWork *work = operation->chains;
        const FilesInput input = {
                .run_directory = work->run_directory,
                .state_directory = work->state_directory,
                .files = work->files,
                .blockdev = work->nodes,
                .user = work->has_user ? &work->user : NULL,
        };

        return files_prepare(&input, &work->remove, &work->granted, ret_error);
}

int step_job_files(Operation *operation, json_object *files, json_object *access)
{
        const Managed *managed = operation->managed;
        ChainsWork *work = calloc(1, sizeof(*work));

        operation->chains = chains_work_free(operation->chains);
        operation->chains = work;
        if (!work)
                return error_oom(&operation->error);
        work->run_directory = managed_run_path(managed, NULL);
        work->state_directory = managed_state_path(managed, NULL);
        work->has_user = start_user(managed->life, &work->user);
        work->nodes = json_object_new_array();
        if (json_object_deep_copy(files, &work->files, NULL) < 0 || !work->nodes || !work->run_directory ||
            !work->state_directory || take_access(work, access) < 0)
                return error_oom(&operation->error);
        return operation_work(operation, work_files);
}

int step_job_keep_files(Operation *operation)
{
        ChainsWork *work = operation->chains;
        Life *life = operation->managed->life;

        for (size_t i = 0; work && work->granted && i < json_object_array_length(work->granted); i++)
                if (json_append(life->granted,
                                json_object_get(json_object_array_get_idx(work->granted, i))) < 0)
                        return error_oom(&operation->error);
        operation->chains = chains_work_free(work);
        return 0;
}
