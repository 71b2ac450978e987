/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The catalogue: files in three folders (shipped, the administrator's, the user's), by name within each. A
 * feature replaces one of the same name from an earlier file as a whole, so that nobody has to guess which
 * of two files a tie came from. The first fault of any file stops loading: a verdict from half a catalogue
 * would be a wrong one, silently.
 */

#include <errno.h>
#include <sys/stat.h>

#include "base/checksum.h"
#include "base/fileio.h"
#include "base/i18n.h"
#include "base/stamp.h"
#include "base/util.h"
#include "feature/catalogue-parse.h"

_public_ MusterCatalogue *muster_catalogue_ref(MusterCatalogue *catalogue)
{
        if (catalogue)
                __atomic_add_fetch(&catalogue->n_ref, 1, __ATOMIC_RELAXED);
        return catalogue;
}

_public_ MusterCatalogue *muster_catalogue_unref(MusterCatalogue *catalogue)
{
        if (!catalogue || __atomic_sub_fetch(&catalogue->n_ref, 1, __ATOMIC_ACQ_REL) > 0)
                return NULL;
        for (size_t i = 0; i < catalogue->n_features; i++)
                feature_clear(&catalogue->features[i]);
        free(catalogue->features);
        free(catalogue->seen);
        free(catalogue);
        return NULL;
}

static int catalogue_alloc(MusterCatalogue **ret, MusterError **ret_error)
{
        MusterCatalogue *catalogue = calloc(1, sizeof(*catalogue));

        if (!catalogue)
                return error_oom(ret_error);
        catalogue->n_ref = 1;
        *ret = catalogue;
        return 0;
}

/* Merges two sorted lists; where both have a name, `file` wins. Takes what it keeps from `file`. */
static int merge(MusterCatalogue *catalogue, CatalogueFile *file)
{
        Feature *merged, *old = catalogue->features, *new = file->features;
        size_t i = 0, j = 0, n = 0;

        if (file->n_features == 0)
                return 0;
        merged = calloc(catalogue->n_features + file->n_features, sizeof(*merged));
        if (!merged)
                return -ENOMEM;
        while (i < catalogue->n_features || j < file->n_features) {
                int order = i == catalogue->n_features ? 1
                            : j == file->n_features    ? -1
                                                       : strcmp(old[i].name, new[j].name);

                if (order < 0) {
                        merged[n++] = old[i++];
                        continue;
                }
                if (order == 0)
                        feature_clear(&old[i++]);
                merged[n++] = new[j++];
        }
        free(old);
        free(TAKE(file->features));
        file->n_features = 0;
        catalogue->features = merged;
        catalogue->n_features = n;
        return 0;
}

static int load_file(MusterCatalogue *catalogue, const char *path, MusterError **ret_error)
{
        CLEANUP(catalogue_file) CatalogueFile file = {0};
        CLEANUP(free) char *data = NULL;
        struct stat st;
        size_t size;
        int r;

        /* A pipe among the files would hold up every program that uses the catalogue. */
        if (stat(path, &st) < 0)
                return error_errno(ret_error, -errno, _("Cannot read the features in %s"), path);
        if (!S_ISREG(st.st_mode))
                return error_set(ret_error, -EINVAL, _("%s is no regular file; take it out of the folder."),
                                 path);
        r = read_file(path, CATALOGUE_FILE_MAX, &data, &size);
        if (r == -EFBIG)
                return error_set(ret_error, r,
                                 _("%s is larger than 1 MiB, so it is no catalogue of features."), path);
        if (r < 0)
                return error_errno(ret_error, r, _("Cannot read the features in %s"), path);
        r = catalogue_parse(path, data, size, &file);
        if (r < 0)
                return error_oom(ret_error);
        catalogue->checksum = catalogue->checksum * 31 + checksum64(data, size);
        if (file.n_errors > 0)
                return catalogue_file_error(&file, path, ret_error);
        return merge(catalogue, &file) < 0 ? error_oom(ret_error) : 0;
}

static int compare_names(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

static int load_folder(MusterCatalogue *catalogue, const char *folder, bool required,
                       MusterError **ret_error)
{
        CLEANUP(strv) char **names = NULL;
        int r;

        r = catalogue_list(folder, &names);
        if ((r == -ENOENT || r == -ENOTDIR) && !required)
                return 0;
        if (r == -ENOENT || r == -ENOTDIR)
                return error_set(
                        ret_error, r,
                        _("The features that muster comes with are not in %s; install muster, or set "
                          "MUSTER_FEATURES_DIR to the folder conf/features.d of its source."),
                        folder);
        if (r < 0)
                return error_errno(ret_error, r, _("Cannot read the folder of features %s"), folder);
        if (!names && required)
                return error_set(
                        ret_error, -ENOENT,
                        _("The folder %s, where the features that muster comes with should be, has no file "
                          "*.ini; install muster again, or set MUSTER_FEATURES_DIR to another folder."),
                        folder);
        for (char **name = names; name && *name; name++) {
                CLEANUP(free) char *path = NULL;

                if (asprintf(&path, "%s/%s", folder, *name) < 0) {
                        path = NULL;
                        return error_oom(ret_error);
                }
                r = load_file(catalogue, path, ret_error);
                if (r < 0)
                        return r;
        }
        return 0;
}

_public_ int muster_catalogue_new(MusterCatalogue **ret, MusterError **ret_error)
{
        CLEANUP(catalogue) MusterCatalogue *catalogue = NULL;
        CLEANUP(strv) char **folders = NULL;
        int r;

        r = catalogue_alloc(&catalogue, ret_error);
        if (r < 0)
                return r;
        catalogue->looked_nsec = stamp_now_nsec();
        if (catalogue_seen(&catalogue->seen, /* ret_newest_nsec= */ NULL) < 0 ||
            catalogue_folders(&folders) < 0)
                return error_oom(ret_error);
        for (char **folder = folders; *folder; folder++) {
                r = load_folder(catalogue, *folder, /* required= */ folder == folders, ret_error);
                if (r < 0)
                        return r;
        }
        *ret = TAKE(catalogue);
        return 0;
}

_public_ int muster_catalogue_new_from_file(const char *path, MusterCatalogue **ret, MusterError **ret_error)
{
        CLEANUP(catalogue) MusterCatalogue *catalogue = NULL;
        int r;

        r = catalogue_alloc(&catalogue, ret_error);
        if (r < 0)
                return r;
        r = load_file(catalogue, path, ret_error);
        if (r < 0)
                return r;
        *ret = TAKE(catalogue);
        return 0;
}

_public_ size_t muster_catalogue_size(const MusterCatalogue *catalogue)
{
        return catalogue->n_features;
}

_public_ const char *muster_catalogue_feature(const MusterCatalogue *catalogue, size_t index)
{
        return index < catalogue->n_features ? catalogue->features[index].name : NULL;
}

_public_ const char *muster_catalogue_summary(const MusterCatalogue *catalogue, const char *feature)
{
        const Feature *found = catalogue_find(catalogue, feature);

        return found ? found->summary : NULL;
}

static int compare_name_to_feature(const void *name, const void *feature)
{
        return strcmp(name, ((const Feature *)feature)->name);
}

const Feature *catalogue_find(const MusterCatalogue *catalogue, const char *name)
{
        if (catalogue->n_features == 0)
                return NULL;
        return bsearch(name, catalogue->features, catalogue->n_features, sizeof(Feature),
                       compare_name_to_feature);
}

int feature_drivers(const Feature *feature, char ***ret)
{
        CLEANUP(strv) char **drivers = calloc(1, sizeof(char *));

        if (!drivers)
                return -ENOMEM;
        for (size_t i = 0; i < feature->n_governs; i++)
                for (char **driver = feature->governs[i].drivers; *driver; driver++)
                        if (!strv_contains(drivers, *driver) && strv_append(&drivers, *driver) < 0)
                                return -ENOMEM;
        *ret = TAKE(drivers);
        return 0;
}

int catalogue_types(const MusterCatalogue *catalogue, char ***ret)
{
        CLEANUP(strv) char **types = calloc(1, sizeof(char *));

        if (!types)
                return -ENOMEM;
        for (size_t i = 0; i < catalogue->n_features; i++) {
                const Feature *feature = &catalogue->features[i];

                for (size_t j = 0; j < feature->n_ties; j++) {
                        const Tie *tie = &feature->ties[j];

                        if (tie->kind == TIE_PROPERTY && !strv_contains(types, tie->object) &&
                            strv_append(&types, tie->object) < 0)
                                return -ENOMEM;
                }
        }
        qsort(types, strv_length(types), sizeof(*types), compare_names);
        *ret = TAKE(types);
        return 0;
}
