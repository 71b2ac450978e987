/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Ownership by scope. Every type that owns something has a free function which accepts NULL, tolerates a
 * half-built object and returns NULL; DEFINE_CLEANUP makes a cleanup handler of it, and CLEANUP(type)
 * marks a local variable that is freed when it leaves its scope. TAKE() hands ownership on.
 */

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CLEANUP(type) __attribute__((cleanup(cleanup_##type)))

#define DEFINE_CLEANUP(type, free_function)                                                                 \
        static inline void cleanup_##type(type **object)                                                    \
        {                                                                                                   \
                if (*object)                                                                                \
                        free_function(*object);                                                             \
        }                                                                                                   \
        struct cleanup_##type##_needs_a_semicolon

#define TAKE(pointer)                                                                                       \
        ({                                                                                                  \
                __auto_type _taken = (pointer);                                                             \
                (pointer) = NULL;                                                                           \
                _taken;                                                                                     \
        })

#define TAKE_FD(fd)                                                                                         \
        ({                                                                                                  \
                int _taken_fd = (fd);                                                                       \
                (fd) = -1;                                                                                  \
                _taken_fd;                                                                                  \
        })

/* Hands over `pointer` into `*ret` where the caller wants it; without a taker it stays where it was. */
#define HAND_OVER(ret, pointer)                                                                             \
        do {                                                                                                \
                if (ret)                                                                                    \
                        *(ret) = TAKE(pointer);                                                             \
        } while (0)

static inline void cleanup_free(void *pointer)
{
        free(*(void **)pointer);
}

static inline void cleanup_fd(int *fd)
{
        if (*fd >= 0)
                close(*fd);
}

static inline void cleanup_file(FILE **file)
{
        if (*file)
                fclose(*file);
}

static inline void cleanup_dir(DIR **dir)
{
        if (*dir)
                closedir(*dir);
}

/* A NULL-terminated array of strings and the strings in it. */
static inline char **strv_free(char **strings)
{
        for (char **s = strings; s && *s; s++)
                free(*s);
        free(strings);
        return NULL;
}

static inline void cleanup_strv(char ***strings)
{
        strv_free(*strings);
}
