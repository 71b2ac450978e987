/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
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
 * What a wrapper starts cannot be known without running it, but it has to name it, and mostly does so in
 * plain words: an absolute path (which may be a link that somebody redirects: alternatives, profiles,
 * stores), or a command that is looked for in PATH. So the files that its words may mean are watched: where
 * one of them is another one than it was, or is there now and was not, the wrapper has to be run again. A
 * word too many costs a needless probe one day.
 *
 *  - absolute paths, also behind "-", as in ${X:-/path}, or with blanks in quotes: the file, or that
 *    there is none;
 *  - commands that lead to the executable or to another script: the file, and that there is none before
 *    it in PATH, which is the sandbox's;
 *  - the words of scripts that are found so, and of files that are sourced, in turn;
 *  - of a wrapper that is no script: the strings in it.
 *
 * What is put together from variables and relative names is not seen. Where there are more words than are
 * watched the identity says so, and nothing may rest on it.
 */

#define SCRIPT_MAX  ((size_t)64 * 1024)
#define BINARY_MAX  ((size_t)1024 * 1024)
#define SCRIPTS_MAX 32
#define SEPARATORS  " \t\r\n'\"`;&|()<>{}$=,:\\[]"

typedef struct Search {
        Identity *identity;
        const struct stat *executable;
        char **scripts; /* found, in the order of reading */
        char **folders; /* of PATH */
        bool sourcing;  /* the last word was "." or "source" */
} Search;

static void cleanup_search(Search *search)
{
        strv_free(search->scripts);
        strv_free(search->folders);
}

static int add_script(Search *search, const char *path)
{
        if (strv_contains(search->scripts, path))
                return 0;
        if (strv_length(search->scripts) >= SCRIPTS_MAX) {
                search->identity->watch_incomplete = true;
                return 0;
        }
        return strv_append(&search->scripts, path);
}

static int take_path(Search *search, const char *path)
{
        bool script = search->sourcing || identity_is_script(path) == 1;
        int r = identity_watch(search->identity, path, search->sourcing);

        return r == 0 && script ? add_script(search, path) : r;
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

/* The absolute path that a word is, or ends in: "-/path" of ${X:-/path}, "-S/path". NULL for "dir/file". */
static const char *absolute_part(const char *word)
{
        const char *slash = strchr(word, '/');

        if (!slash || slash == word || word[0] == '-')
                return slash;
        return isalnum((unsigned char)slash[-1]) || strchr("._~%", slash[-1]) ? NULL : slash;
}

static int take_word(Search *search, const char *word)
{
        const char *path = absolute_part(word);
        int r = 0;

        if (streq(word, ".") || streq(word, "source")) {
                search->sourcing = true;
                return 0;
        }
        if (path && strlen(path) > 1)
                r = take_path(search, path);
        else if (!strchr(word, '/') && strlen(word) > 1 && word[0] != '-')
                r = take_command(search, word);
        search->sourcing = false;
        return r;
}

/* At most `max` bytes, NUL-terminated; more make the search incomplete. */
static int read_head(Search *search, const char *path, size_t max, char **ret, size_t *ret_size)
{
        CLEANUP(fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        CLEANUP(free) char *text = malloc(max + 2);
        ssize_t n;

        if (!text)
                return -ENOMEM;
        n = fd < 0 ? 0 : pread(fd, text, max + 1, 0);
        if (n < 0)
                n = 0;
        if ((size_t)n > max)
                search->identity->watch_incomplete = true;
        text[n] = '\0';
        *ret_size = (size_t)n;
        *ret = TAKE(text);
        return 0;
}

/* Paths with blanks in them, which are no single words: what stands in quotes, on one line. */
static int take_quoted(Search *search, const char *text)
{
        int r = 0;

        for (const char *quote = text; r == 0 && (quote = strpbrk(quote, "'\"")); quote++) {
                size_t n = strcspn(quote + 1, *quote == '"' ? "\"\n" : "'\n");
                CLEANUP(free) char *path = NULL;

                if (quote[1] != '/' || quote[1 + n] != *quote || !memchr(quote + 1, ' ', n))
                        continue;
                path = strndup(quote + 1, n);
                r = path ? take_path(search, path) : -ENOMEM;
        }
        return r;
}

static int take_words(Search *search, const char *path)
{
        CLEANUP(free) char *text = NULL;
        char *rest, *word;
        size_t size;
        int r;

        r = read_head(search, path, SCRIPT_MAX, &text, &size);
        if (r == 0)
                r = take_quoted(search, text);
        search->sourcing = false;
        rest = text;
        while (r == 0 && (word = strsep(&rest, SEPARATORS)))
                if (*word)
                        r = take_word(search, word);
        return r;
}

/* Of a binary's strings, absolute paths and the executable's own name. */
static int take_string(Search *search, const char *string)
{
        const char *slash = search->identity->executable ? strrchr(search->identity->executable, '/') : NULL;

        if (string[0] == '/' && string[1])
                return take_path(search, string);
        return slash && streq(string, slash + 1) ? take_command(search, string) : 0;
}

static int take_strings(Search *search, const char *path)
{
        CLEANUP(free) char *text = NULL;
        size_t size, begin = 0;
        int r;

        r = read_head(search, path, BINARY_MAX, &text, &size);
        for (size_t i = 0; r == 0 && i < size; i++) {
                if (text[i] == '\0' && i > begin)
                        r = take_string(search, text + begin);
                if (!isprint((unsigned char)text[i]))
                        begin = i + 1;
        }
        return r;
}

static int search_all(Search *search)
{
        const Identity *identity = search->identity;
        int r = 0;

        if (identity_is_script(identity->links[0].path) != 1)
                r = take_strings(search, identity->links[0].path);
        for (size_t i = 0; r == 0 && i < identity->n_links; i++)
                if (identity_is_script(identity->links[i].path) == 1)
                        r = add_script(search, identity->links[i].path);
        for (size_t i = 0; r == 0 && i < strv_length(search->scripts); i++)
                r = take_words(search, search->scripts[i]);
        return r;
}

int identity_watch_words(const struct stat *executable, Identity *identity)
{
        CLEANUP(search) Search search = {.identity = identity, .executable = executable};
        int r;

        r = strv_split(SANDBOX_PATH, ":", &search.folders);
        return r < 0 ? r : search_all(&search);
}
