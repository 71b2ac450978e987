/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An image's first bytes, behind one byte that says its format (0: to be guessed). */

#include <errno.h>
#include <stdint.h>

#include "base/util.h"
#include "domain/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
        if (!holds)
                abort();
}

static void check_name(const ImageName *name)
{
        CLEANUP(free) char *path = NULL;

        require((name->kind == IMAGE_NAME_NONE) == (name->text == NULL));
        if (!name->text)
                return;
        require(strlen(name->text) > 0 && strlen(name->text) <= IMAGE_NAME_MAX);
        require(text_is_utf8(name->text, strlen(name->text)));
        require((image_resolve("/srv/image", name->text, &path) == 0) == (name->kind == IMAGE_NAME_PATH));
        require(!path || path[0] == '/');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        __attribute__((cleanup(cleanup_image))) Image image = {0};
        CLEANUP(MusterError) MusterError *error = NULL;
        ImageFormat said;

        if (size < 1)
                return 0;
        said = (ImageFormat)(data[0] % IMAGE_FORMATS);
        if (image_read(data + 1, size - 1, said, IMAGE_PROBE_ALLOWED, &image, &error) < 0) {
                require(error && image.format == IMAGE_UNKNOWN && !image.backing.text);
                return 0;
        }
        require(!error && (said == IMAGE_UNKNOWN || image.format == said));
        require(image.virtual_size <= INT64_MAX);
        check_name(&image.backing);
        check_name(&image.data_file);
        return 0;
}
