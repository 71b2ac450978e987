/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The lint of catalogue files: all faults of one file at once. */

#include <errno.h>
#include <limits.h>

#include "base/fileio.h"
#include "base/i18n.h"
#include "base/json.h"
#include "base/util.h"
#include "feature/catalogue-parse.h"

static int add_fault(json_object *array, const char *path, const CatalogueFault *fault)
{
        CLEANUP(json) json_object *object = json_object_new_object();

        if (json_add_string(object, "file", path) < 0 || json_add_int(object, "line", fault->line) < 0 ||
            json_add_string(object, "severity", fault->warning ? "warning" : "error") < 0 ||
            json_add_string(object, "message", fault->message) < 0)
                return -ENOMEM;
        return json_append(array, TAKE(object));
}

_public_ int muster_catalogue_check(const char *path, char **ret_json, MusterError **ret_error)
{
        CLEANUP(json) json_object *array = json_object_new_array();
        CLEANUP(catalogue_file) CatalogueFile file = {0};
        CLEANUP(free) char *data = NULL;
        char *text;
        size_t size;
        int r;

        r = read_file(path, CATALOGUE_FILE_MAX, &data, &size);
        if (r == -EFBIG)
                return error_set(ret_error, r,
                                 _("%s is larger than 1 MiB, so it is no catalogue of features."), path);
        if (r < 0)
                return error_errno(ret_error, r, _("Cannot read %s"), path);
        r = catalogue_parse(path, data, size, &file);
        if (r < 0)
                return error_oom(ret_error);
        for (size_t i = 0; i < file.n_faults; i++)
                if (add_fault(array, path, &file.faults[i]) < 0)
                        return error_oom(ret_error);
        text = json_to_text(array);
        if (!text)
                return error_oom(ret_error);
        if (ret_json)
                *ret_json = TAKE(text);
        free(text);
        return file.n_errors > INT_MAX ? INT_MAX : (int)file.n_errors;
}
