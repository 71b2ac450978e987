/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fileio.h"
#include "base/util.h"
#include "emulator/identity-private.h"
#include "emulator/sandbox.h"

/*
 * What a script starts cannot be known without running it, but it has to name it, and mostly does so in
 * plain words: an absolute path (which may be a link that somebody redirects: alternatives, profiles,
 * stores), or a command that is looked for in PATH. So the files that its words may mean are watched: where
 * one of them is another one than it was, or is there now and was not, the wrapper has to be run again. A
 * word too many costs a needless probe one day.
 *
 *  - absolute paths: the file, or that there is none;
 *  - commands that lead to the executable or to another script: the file, and that there is none before it
 * in PATH, which is the sandbox's;
 *  - the words of scripts that are found so, in turn.
 *
 * What is put together from variables and relative names is not seen. Files that the script writes to are
 * told from those that it reads by having changed while it ran.
 */

#define SCRIPT_MAX      ((size_t)64 * 1024)
#define DIGEST_SIZE_MAX ((off_t)1024 * 1024)
#define SCRIPTS_MAX     16
#define SEPARATORS      " \t\r\n'\"`;&|()<>{}$=,:\\[]"

typedef struct Search {
        Identity *identity;
        const struct stat *executable;
        char **scripts; /* found, in the order of reading */
        char **folders; /* of PATH */
} Search;

static void cleanup_search(Search *search)
{
        strv_free(search->scripts);
        strv_free(search->folders);
}

void identity_look_at_watched(const char *path, bool digest, IdentityWatched *ret)
{
        CLEANUP(fd) int fd = -1;
        struct stat st;

        ret->stamp = (FileStamp){0};
        ret->digest[0] = '\0';
        if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
                return;
        ret->stamp = file_stamp(&st);
        if (digest && st.st_size <= DIGEST_SIZE_MAX)
                fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd >= 0 && digest_fd(fd, ret->digest) < 0)
                ret->digest[0] = '\0';
}

static int watch(Identity *identity, const char *path)
{
        IdentityWatched *grown;

        for (size_t i = 0; i < identity->n_watched; i++)
                if (streq(identity->watched[i].path, path))
                        return 0;
        if (identity->n_watched == IDENTITY_WATCHED_MAX)
                return 0;
        grown = reallocarray(identity->watched, identity->n_watched + 1, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        identity->watched = grown;
        grown[identity->n_watched] = (IdentityWatched){.path = strdup(path)};
        identity_look_at_watched(path, /* digest= */ true, &grown[identity->n_watched]);
        return grown[identity->n_watched++].path ? 0 : -ENOMEM;
}

static int add_script(Search *search, const char *path)
{
        if (strv_contains(search->scripts, path) || strv_length(search->scripts) >= SCRIPTS_MAX)
                return 0;
        return strv_append(&search->scripts, path);
}

static int take_path(Search *search, const char *path)
{
        int r = watch(search->identity, path);

        return r == 0 && identity_is_script(path) == 1 ? add_script(search, path) : r;
}

static bool leads_on(const Search *search, const char *path)
{
        struct stat st;

        if (stat(path, &st) < 0 || !S_ISREG(st.st_mode) || access(path, X_OK) < 0)
                return false;
        return (st.st_dev == search->executable->st_dev && st.st_ino == search->executable->st_ino) ||
               identity_is_script(path) == 1;
}

/* The file that a command means, and the places before it where there is none. */
static int take_command(Search *search, const char *word)
{
        size_t found = 0;
        int r = 0;

        for (; search->folders[found]; found++) {
                CLEANUP(free) char *path = text_format("%s/%s", search->folders[found], word);

                if (!path)
                        return -ENOMEM;
                if (access(path, X_OK) < 0)
                        continue;
                if (!leads_on(search, path))
                        return 0;
                break;
        }
        for (size_t i = 0; r == 0 && search->folders[found] && i <= found; i++) {
                CLEANUP(free) char *path = text_format("%s/%s", search->folders[i], word);

                r = path ? take_path(search, path) : -ENOMEM;
        }
        return r;
}

static int take_word(Search *search, const char *word)
{
        if (strchr(word, '\n') || strlen(word) < 2)
                return 0;
        if (word[0] == '/')
                return take_path(search, word);
        return strchr(word, '/') || word[0] == '-' ? 0 : take_command(search, word);
}

static int read_script(const char *path, char **ret)
{
        CLEANUP(fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        CLEANUP(free) char *text = malloc(SCRIPT_MAX + 1);
        ssize_t n;

        if (!text)
                return -ENOMEM;
        n = fd < 0 ? 0 : pread(fd, text, SCRIPT_MAX, 0);
        text[n > 0 ? n : 0] = '\0';
        *ret = TAKE(text);
        return 0;
}

static int take_words(Search *search, const char *path)
{
        CLEANUP(free) char *text = NULL;
        char *rest, *word;
        int r;

        r = read_script(path, &text);
        rest = text;
        while (r == 0 && (word = strsep(&rest, SEPARATORS)))
                if (*word)
                        r = take_word(search, word);
        return r;
}

int identity_watch_words(const struct stat *executable, Identity *identity)
{
        CLEANUP(search) Search search = {.identity = identity, .executable = executable};
        int r;

        r = strv_split(SANDBOX_PATH, ":", &search.folders);
        for (size_t i = 0; r == 0 && i < identity->n_links; i++)
                if (identity_is_script(identity->links[i].path) == 1)
                        r = add_script(&search, identity->links[i].path);
        for (size_t i = 0; r == 0 && i < strv_length(search.scripts); i++)
                r = take_words(&search, search.scripts[i]);
        return r;
}

static bool has_changed(const IdentityWatched *watched, const Identity *before)
{
        for (size_t i = 0; i < before->n_watched; i++)
                if (streq(before->watched[i].path, watched->path))
                        return !file_stamp_equal(&before->watched[i].stamp, &watched->stamp);
        return false;
}

void identity_forget_written(Identity *identity, const Identity *before)
{
        size_t n = 0;

        for (size_t i = 0; i < identity->n_watched; i++)
                if (has_changed(&identity->watched[i], before))
                        free(identity->watched[i].path);
                else
                        identity->watched[n++] = identity->watched[i];
        identity->n_watched = n;
}
