/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * live-plan EMULATOR: what is planned for a running guest, for tests that carry it out on a real emulator.
 * Reads requests, one JSON object a line, and answers each with a line: {"op": "start", "xml"}, {"op":
 * "attach"|"detach"|"media", "xml", "chains", …}, {"op": "snapshot"|"commit"|"pull"|"copy", "chains", …},
 * {"op": "write", "xml", "chain"}. A failure is {"error", "code", "detail"}.
 */

#include <errno.h>
#include <stdio.h>

#include "base/util.h"
#include "block/job.h"
#include "domain/hotplug.h"
#include "muster/muster.h"

typedef struct Session {
        MusterVerdicts *verdicts;
        DomainHost *host;
} Session;

static int judge(const char *emulator, MusterVerdicts **ret, MusterError **ret_error)
{
        MusterContext *context = NULL;
        MusterCatalogue *catalogue = NULL;
        MusterFacts *facts = NULL;
        int r;

        r = muster_context_new(&context);
        if (r >= 0)
                r = muster_catalogue_new(&catalogue, ret_error);
        if (r >= 0)
                r = muster_judge(NULL, context, catalogue, emulator, MUSTER_TRUST_MEASURED, 0, &facts, ret,
                                 NULL, ret_error);
        muster_facts_unref(facts);
        muster_catalogue_unref(catalogue);
        muster_context_free(context);
        return r;
}

static const char *text_of(const json_object *request, const char *key)
{
        return json_get_string(request, key) ?: "";
}

static int start(const Session *session, const json_object *request, json_object **ret,
                 MusterError **ret_error)
{
        CLEANUP(faults) Faults faults = {0};
        CLEANUP(Domain) Domain *domain = NULL;
        CLEANUP(Plan) Plan *plan = NULL;
        CLEANUP(json) json_object *chains = NULL, *answer = json_object_new_object();
        CLEANUP(free) char *xml = NULL;
        int r;

        r = domain_read(text_of(request, "xml"), strlen(text_of(request, "xml")), &faults, &domain);
        if (r >= 0 && domain)
                r = domain_complete(domain, session->verdicts, session->host);
        if (r >= 0 && domain && faults.n_errors == 0)
                r = plan_new(domain, /* evidence= */ false, &plan);
        if (r >= 0 && plan)
                r = chains_of_plan(plan, &chains, ret_error);
        if (r >= 0 && plan)
                r = live_definition(domain, &xml);
        if (r < 0 || !plan)
                return r < 0 ? r
                             : error_set(ret_error, -EINVAL, "%s",
                                         faults.n_items > 0 ? faults.items[0].message : "?");
        json_add(answer, "plan", plan_to_json(plan));
        json_add(answer, "chains", TAKE(chains));
        json_add_string(answer, "xml", xml);
        *ret = TAKE(answer);
        return 0;
}

static int change(const Session *session, const char *op, const json_object *request, json_object **ret,
                  MusterError **ret_error)
{
        CLEANUP(DeviceChange) DeviceChange *made = NULL;
        const char *device = json_get_string(request, "device"), *which = text_of(request, "which");
        const LiveDomain live = {
                .xml = text_of(request, "xml"),
                .size = strlen(text_of(request, "xml")),
                .verdicts = session->verdicts,
                .host = session->host,
                .chains = json_get(request, "chains", json_type_object),
        };
        int r;

        if (streq(op, "attach"))
                r = device_attach(&live, device ?: "", strlen(device ?: ""), &made, ret_error);
        else if (streq(op, "detach"))
                r = device_detach(&live, which, &made, ret_error);
        else
                r = device_change_media(&live, which, device, device ? strlen(device) : 0,
                                        json_get_bool(request, "force", false), &made, ret_error);
        if (r >= 0)
                *ret = device_change_to_json(made);
        return r;
}

static int snapshot(const JobContext *context, const json_object *request, JobPlan **ret,
                    MusterError **ret_error)
{
        json_object *list = json_get(request, "disks", json_type_array);
        JobOverlay disks[8] = {};
        size_t n = list ? json_object_array_length(list) : 0;

        for (size_t i = 0; i < n && i < ELEMENTSOF(disks); i++) {
                const json_object *item = json_object_array_get_idx(list, i);

                disks[i] = (JobOverlay){.disk = text_of(item, "disk"),
                                        .file = text_of(item, "file"),
                                        .size = (uint64_t)json_get_int(item, "size", 0),
                                        .reuse = json_get_bool(item, "reuse", false)};
        }
        return job_snapshot(context, disks, n, ret, ret_error);
}

static int copy(const JobContext *context, const json_object *request, JobPlan **ret,
                MusterError **ret_error)
{
        const JobCopy wanted = {
                .file = text_of(request, "file"),
                .format = json_get_string(request, "format"),
                .size = (uint64_t)json_get_int(request, "size", 0),
                .reuse = json_get_bool(request, "reuse", false),
                .shallow = json_get_bool(request, "shallow", false),
                .pivot = json_get_bool(request, "pivot", false),
                .speed = (uint64_t)json_get_int(request, "speed", 0),
        };

        return job_copy(context, text_of(request, "disk"), &wanted, ret, ret_error);
}

static int job(const Session *session, const char *op, const json_object *request, json_object **ret,
               MusterError **ret_error)
{
        CLEANUP(JobPlan) JobPlan *plan = NULL;
        const JobContext context = {.verdicts = session->verdicts,
                                    .chains = json_get(request, "chains", json_type_object)};
        size_t top = (size_t)json_get_int(request, "top", 0),
               base = (size_t)json_get_int(request, "base", 0);
        uint64_t speed = (uint64_t)json_get_int(request, "speed", 0);
        int r;

        if (streq(op, "snapshot"))
                r = snapshot(&context, request, &plan, ret_error);
        else if (streq(op, "commit"))
                r = job_commit(&context, text_of(request, "disk"), top, base, speed, &plan, ret_error);
        else if (streq(op, "pull"))
                r = job_pull(&context, text_of(request, "disk"), top, base, speed, &plan, ret_error);
        else
                r = copy(&context, request, &plan, ret_error);
        if (r >= 0)
                *ret = job_plan_to_json(plan);
        return r;
}

static int write_chain(const json_object *request, json_object **ret, MusterError **ret_error)
{
        CLEANUP(free) char *xml = NULL;
        int r;

        r = chain_write_xml(text_of(request, "xml"), strlen(text_of(request, "xml")),
                            json_get(request, "chain", json_type_object), &xml, ret_error);
        if (r < 0)
                return r;
        *ret = json_object_new_object();
        return json_add_string(*ret, "xml", xml);
}

static int serve(const Session *session, const json_object *request, json_object **ret,
                 MusterError **ret_error)
{
        const char *op = text_of(request, "op");

        if (streq(op, "start"))
                return start(session, request, ret, ret_error);
        if (streq(op, "write"))
                return write_chain(request, ret, ret_error);
        if (streq(op, "attach") || streq(op, "detach") || streq(op, "media"))
                return change(session, op, request, ret, ret_error);
        return job(session, op, request, ret, ret_error);
}

static json_object *failure(int r, const MusterError *error)
{
        json_object *object = json_object_new_object();

        json_add_string(object, "error", error ? muster_error_message(error) : strerror(-r));
        json_add_string(object, "detail", error ? muster_error_detail(error) : NULL);
        json_add_int(object, "code", r);
        return object;
}

static void answer(const Session *session, const char *line, size_t size)
{
        CLEANUP(json) json_object *request = NULL, *result = NULL;
        CLEANUP(MusterError) MusterError *error = NULL;
        CLEANUP(free) char *text = NULL;
        int r;

        r = json_parse(line, size, &request);
        if (r >= 0)
                r = serve(session, request, &result, &error);
        if (r < 0)
                result = failure(r, error);
        text = json_to_text(result);
        printf("%s\n", text ?: "null");
        fflush(stdout);
}

int main(int argc, char **argv)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        CLEANUP(free) char *line = NULL;
        Session session = {};
        size_t room = 0;
        ssize_t size;

        if (argc != 2)
                return 2;
        if (judge(argv[1], &session.verdicts, &error) < 0 || host_local(&session.host, &error) < 0) {
                fprintf(stderr, "live-plan: %s\n", error ? muster_error_message(error) : "?");
                return 1;
        }
        while ((size = getline(&line, &room, stdin)) > 0)
                answer(&session, line, (size_t)size);
        muster_verdicts_unref(session.verdicts);
        host_free(session.host);
        return 0;
}
