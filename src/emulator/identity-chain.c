/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fileio.h"
#include "base/util.h"
#include "emulator/identity-private.h"

/*
 * The chain is not observed (an `exec` leaves no trace) but followed from the path that was given: a script,
 * its interpreter, which may be a script again, up to a binary. What the last script started cannot be seen,
 * but how that ended can: in the executable, which has its own stamp; and what its words may mean is watched
 * (identity-words.c).
 */

#define LINKS_MAX    6   /* the kernel follows five "#!" */
#define SHEBANG_SIZE 256 /* BINPRM_BUF_SIZE */

/* The interpreter named by "#!" at the start of `fd`; NULL if it is no script. */
static int read_interpreter(int fd, char **ret)
{
        char text[SHEBANG_SIZE];
        const char *start;
        ssize_t n;

        n = pread(fd, text, sizeof(text) - 1, 0);
        if (n < 0)
                return -errno;
        text[n] = '\0';
        if (text[0] != '#' || text[1] != '!')
                return 0;
        start = text + 2 + strspn(text + 2, " \t");
        *ret = strndup(start, strcspn(start, " \t\n"));
        return *ret ? 0 : -ENOMEM;
}

/* A link that may be executed but not read keeps its stamp, which is what is compared first, and no digest.
 */
static int append_link(Identity *identity, const char *name, const char *path, const struct stat *st, int fd,
                       const Identity *known)
{
        IdentityLink link = {.stamp = file_stamp(st)}, *grown;
        int r;

        if (fd >= 0) {
                r = identity_hash(fd, known, &link.stamp, link.digest);
                if (r < 0)
                        return r;
        }
        grown = realloc(identity->links, (identity->n_links + 1) * sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        identity->links = grown;
        link.path = strdup(path);
        link.name = strdup(name);
        identity->links[identity->n_links++] = link;
        return link.path && link.name ? 0 : -ENOMEM;
}

/*
 * One step of the chain, from `name` to *ret_next, NULL at its end: at the executable, at another binary,
 * where a file is gone, or where the executable's own name has a new file.
 */
static int follow(const char *name, const struct stat *executable, const Identity *known, Identity *identity,
                  char **ret_next)
{
        CLEANUP(free) char *path = realpath(name, NULL), *next = NULL;
        CLEANUP(fd) int fd = -1;
        struct stat st;
        int r;

        *ret_next = NULL;
        if (!path || stat(path, &st) < 0)
                return errno == ENOMEM ? -ENOMEM : 0;
        if (!S_ISREG(st.st_mode) || (st.st_dev == executable->st_dev && st.st_ino == executable->st_ino) ||
            (identity->deleted && streq(path, identity->executable)))
                return 0;
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        r = append_link(identity, name, path, &st, fd, known);
        if (r < 0 || fd < 0)
                return r;
        r = read_interpreter(fd, &next);
        if (r < 0)
                return r;
        *ret_next = TAKE(next);
        return 0;
}

int identity_follow_chain(const struct stat *executable, const Identity *known, Identity *identity)
{
        CLEANUP(free) char *name = NULL;

        /* The address of a running one: nothing that was started. */
        if (startswith(identity->path, "unix:"))
                return 0;
        name = strdup(identity->path);
        if (!name)
                return -ENOMEM;
        while (name && identity->n_links < LINKS_MAX) {
                char *next;
                int r;

                r = follow(name, executable, known, identity, &next);
                if (r < 0)
                        return r;
                free(name);
                name = next;
        }
        return identity->n_links > 0 ? identity_watch_words(executable, identity) : 0;
}

int identity_is_script(const char *path)
{
        CLEANUP(fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        char magic[2];
        ssize_t n;

        if (fd < 0)
                return -errno;
        n = pread(fd, magic, sizeof(magic), 0);
        if (n < 0)
                return -errno;
        return n == sizeof(magic) && magic[0] == '#' && magic[1] == '!';
}

int identity_launcher(const Identity *identity, char ret_hex[static DIGEST_HEX_SIZE])
{
        CLEANUP(free) char *text = NULL;
        size_t size = 0;
        FILE *out;

        if (identity->n_links == 0) {
                ret_hex[0] = '\0';
                return 0;
        }
        out = open_memstream(&text, &size);
        if (!out)
                return -ENOMEM;
        for (size_t i = 0; i < identity->n_links; i++)
                fprintf(out, "%s\n", identity->links[i].digest);
        if (fclose(out) != 0)
                return -ENOMEM;
        for (size_t i = 0; i < identity->n_links; i++)
                if (!identity->links[i].digest[0])
                        return -ENODATA;
        return digest_bytes(text, size, ret_hex);
}

int identity_of_script(const char *path, Identity *ret)
{
        /* No file is this one, so the chain is followed to its end. */
        const struct stat none = {0};
        CLEANUP(identity) Identity identity = {.path = strdup(path)};
        int r;

        if (!identity.path)
                return -ENOMEM;
        r = identity_follow_chain(&none, /* known= */ NULL, &identity);
        if (r < 0)
                return r;
        if (identity.n_links == 0)
                return -ENOENT;
        *ret = identity;
        identity = (Identity){};
        return 0;
}
