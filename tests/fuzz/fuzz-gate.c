/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A tree for the gate, behind one byte of launch conditions and fallback, over a small schema. What leaves
 * the gate has passed the schema; and under a launch condition nothing that leaves it would reopen.
 */

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/util.h"
#include "block/decide.h"
#include "emulator/facts.h"

static const char schema[] =
        "[{\"name\":\"blockdev-add\",\"meta-type\":\"command\",\"arg-type\":\"0\",\"ret-type\":\"9\"},"
        "{\"name\":\"0\",\"meta-type\":\"object\",\"tag\":\"driver\",\"members\":[{\"name\":\"driver\","
        "\"type\":\"1\"},"
        "{\"name\":\"node-name\",\"type\":\"str\",\"default\":null},{\"name\":\"read-only\",\"type\":"
        "\"bool\",\"default\":null},"
        "{\"name\":\"auto-read-only\",\"type\":\"bool\",\"default\":null}],\"variants\":[{\"case\":\"file\","
        "\"type\":\"2\"},"
        "{\"case\":\"raw\",\"type\":\"3\"},{\"case\":\"qcow2\",\"type\":\"4\"},{\"case\":\"quorum\","
        "\"type\":\"5\"}]},"
        "{\"name\":\"1\",\"meta-type\":\"enum\",\"values\":[\"file\",\"raw\",\"qcow2\",\"quorum\"]},"
        "{\"name\":\"2\",\"meta-type\":\"object\",\"members\":[{\"name\":\"filename\",\"type\":\"str\"}],"
        "\"features\":[\"dynamic-auto-read-only\"]},"
        "{\"name\":\"3\",\"meta-type\":\"object\",\"members\":[{\"name\":\"file\",\"type\":\"6\"}]},"
        "{\"name\":\"4\",\"meta-type\":\"object\",\"members\":[{\"name\":\"file\",\"type\":\"6\"},"
        "{\"name\":\"backing\",\"type\":\"7\",\"default\":null}]},"
        "{\"name\":\"5\",\"meta-type\":\"object\",\"members\":[{\"name\":\"children\",\"type\":\"[6]\"}]},"
        "{\"name\":\"6\",\"meta-type\":\"alternate\",\"members\":[{\"type\":\"0\"},{\"type\":\"str\"}]},"
        "{\"name\":\"7\",\"meta-type\":\"alternate\",\"members\":[{\"type\":\"0\"},{\"type\":\"str\"},{"
        "\"type\":\"null\"}]},"
        "{\"name\":\"[6]\",\"meta-type\":\"array\",\"element-type\":\"6\"},{\"name\":\"9\",\"meta-type\":"
        "\"object\",\"members\":[]},"
        "{\"name\":\"str\",\"meta-type\":\"builtin\",\"json-type\":\"string\"},"
        "{\"name\":\"bool\",\"meta-type\":\"builtin\",\"json-type\":\"boolean\"},"
        "{\"name\":\"null\",\"meta-type\":\"builtin\",\"json-type\":\"null\"}]";

static const char features[] = "[dynamic-auto-read-only]\n"
                               "summary = reopens\n"
                               "governs = blockdev-add driver=file member=auto-read-only\n"
                               "tie = schema blockdev-add/arg-type/+file/$dynamic-auto-read-only\n";

static void require(bool holds)
{
        if (!holds)
                abort();
}

static const MusterVerdicts *make_verdicts(void)
{
        static MusterVerdicts *verdicts;
        CLEANUP(facts) MusterFacts *facts = NULL;
        CLEANUP(catalogue) MusterCatalogue *catalogue = NULL;
        CLEANUP(fd) int fd = -1;
        json_object *array = NULL;
        char path[64];

        if (verdicts)
                return verdicts;
        fd = memfd_create("features", MFD_CLOEXEC);
        require(fd >= 0 && write(fd, features, strlen(features)) == (ssize_t)strlen(features));
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        require(muster_catalogue_new_from_file(path, &catalogue, NULL) >= 0);
        require(json_parse(schema, strlen(schema), &array) >= 0 && facts_new(&facts) >= 0);
        require(facts_add(facts, "query-qmp-schema", FACT_PORTABLE, FACT_ANSWERED, array, NULL) >= 0);
        require(facts_seal(facts, NULL) >= 0);
        require(muster_verdicts_new(catalogue, facts, MUSTER_TRUST_MEASURED, &verdicts, NULL) >= 0);
        return verdicts;
}

/* No file node that may reopen: it or a node above it has auto-read-only, and none has read-only. */
static bool reopens(const json_object *node, bool read_only, bool auto_read_only)
{
        if (json_object_is_type(node, json_type_array)) {
                for (size_t i = 0; i < json_object_array_length(node); i++)
                        if (reopens(json_object_array_get_idx(node, i), read_only, auto_read_only))
                                return true;
                return false;
        }
        if (!json_object_is_type(node, json_type_object))
                return false;
        read_only = json_get_bool(node, "read-only", read_only);
        auto_read_only = json_get_bool(node, "auto-read-only", auto_read_only);
        if (streq_ptr(json_get_string(node, "driver"), "file"))
                return auto_read_only && !read_only;
        json_object_object_foreach ((json_object *)node, key, value) {
                bool backing = streq(key, "backing");

                if (reopens(value, backing || read_only, !backing && auto_read_only))
                        return true;
        }
        return false;
}

static void check_result(const MusterGateResult *result, unsigned conditions)
{
        const MusterSchema *known = muster_facts_schema(verdicts_facts(make_verdicts()));
        CLEANUP(free) char *text = NULL, *faults = NULL, *described = NULL;
        json_object *node = json_object_array_get_idx(result->arguments, 0);

        require(muster_gate_result_describe(result, &described, NULL) >= 0);
        require((result->decision == MUSTER_DECISION_REFUSED) == (node == NULL));
        require((result->decision == MUSTER_DECISION_REFUSED) <= (result->reason != NULL));
        if (!node)
                return;
        text = json_to_text(node);
        require(text && muster_schema_check(known, "blockdev-add", text, &faults, NULL) == 0);
        require(!conditions || !reopens(node, false, false));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CLEANUP(gate_request) MusterGateRequest *request = NULL;
        CLEANUP(MusterGateResult) MusterGateResult *result = NULL;
        CLEANUP(MusterError) MusterError *error = NULL;
        CLEANUP(free) char *tree = NULL;

        if (size < 1 || muster_gate_request_new(&request) < 0)
                return 0;
        tree = strndup((const char *)data + 1, size - 1);
        if (!tree || muster_gate_request_set_tree(request, tree, NULL) < 0)
                return 0;
        muster_gate_request_set_launch(request, data[0] & 15);
        if (data[0] & 16)
                muster_gate_request_set_fallback(request,
                                                 data[0] & 32 ? MUSTER_ACCESS_RW : MUSTER_ACCESS_RO);
        if (data[0] & 64)
                muster_gate_request_set_access(request,
                                               data[0] & 128 ? MUSTER_ACCESS_RO : MUSTER_ACCESS_ON_DEMAND);
        if (muster_gate(make_verdicts(), request, &result, &error) < 0) {
                require(error && !result);
                return 0;
        }
        check_result(result, data[0] & 15);
        return 0;
}
