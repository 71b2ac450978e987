/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Names of other files in an image. */

#include <errno.h>
#include <limits.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/image-private.h"

ImageNameKind image_name_kind(const char *name)
{
        if (!*name)
                return IMAGE_NAME_NONE;
        if (startswith(name, "json:"))
                return IMAGE_NAME_JSON;
        return name[strcspn(name, ":/")] == ':' ? IMAGE_NAME_PROTOCOL : IMAGE_NAME_PATH;
}

int image_resolve(const char *image, const char *name, char **ret)
{
        const char *slash = strrchr(image, '/');
        CLEANUP(free) char *path = NULL;

        if (image[0] != '/' || image_name_kind(name) != IMAGE_NAME_PATH)
                return -EINVAL;
        if (name[0] == '/')
                path = strdup(name);
        else
                path = text_format("%.*s/%s", (int)(slash - image), image, name);
        if (!path)
                return -ENOMEM;
        if (strlen(path) >= PATH_MAX)
                return -ENAMETOOLONG;
        *ret = TAKE(path);
        return 0;
}

static int copy_text(ImageHead *head, uint64_t offset, uint64_t size, char **ret)
{
        if (offset > head->size || size > head->size - offset)
                return -ENODATA;
        if (!text_is_utf8((const char *)head->data + offset, size))
                return -EBADMSG;
        *ret = strndup((const char *)head->data + offset, size);
        return *ret ? 0 : -ENOMEM;
}

int image_take_name(ImageHead *head, ImageFormat format, uint64_t offset, uint64_t size, ImageName *ret,
                    MusterError **ret_error)
{
        int r = -EBADMSG;

        if (size == 0)
                return 0;
        if (size <= IMAGE_NAME_MAX)
                r = copy_text(head, offset, size, &ret->text);
        if (r == -ENOMEM)
                return error_oom(ret_error);
        if (r == -ENODATA)
                return image_cut(format, ret_error);
        if (r < 0)
                return error_set(ret_error, r,
                                 _("The %s image names a further file, but not as a text of up to %d bytes; "
                                   "it is damaged."),
                                 image_format_to_name(format), IMAGE_NAME_MAX);
        ret->kind = image_name_kind(ret->text);
        return 0;
}

int image_take_format(ImageHead *head, uint64_t offset, uint64_t size, char **ret, MusterError **ret_error)
{
        int r = -EBADMSG;

        if (size > 0 && size <= IMAGE_FORMAT_NAME_MAX)
                r = copy_text(head, offset, size, ret);
        for (const char *s = r == 0 ? *ret : ""; *s; s++)
                if (*s <= ' ' || *s > '~')
                        r = -EBADMSG;
        if (r == -ENOMEM)
                return error_oom(ret_error);
        if (r == -ENODATA)
                return image_cut(IMAGE_QCOW2, ret_error);
        if (r < 0)
                return error_set(ret_error, r,
                                 _("The qcow2 image gives no sensible format for its backing file; it is "
                                   "damaged."));
        return 0;
}
