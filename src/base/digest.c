/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/digest.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/util.h"

#define CHUNK (256U * 1024)

DEFINE_CLEANUP(EVP_MD_CTX, EVP_MD_CTX_free);

static int start(EVP_MD_CTX **ret)
{
        CLEANUP(EVP_MD_CTX) EVP_MD_CTX *ctx = EVP_MD_CTX_new();

        if (!ctx)
                return -ENOMEM;
        if (EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1)
                return -EOPNOTSUPP;
        *ret = TAKE(ctx);
        return 0;
}

static int finish(EVP_MD_CTX *ctx, char ret_hex[static DIGEST_HEX_SIZE])
{
        static const char digits[] = "0123456789abcdef";
        unsigned char hash[EVP_MAX_MD_SIZE];
        unsigned int n;

        if (EVP_DigestFinal_ex(ctx, hash, &n) != 1 || n != 32)
                return -EIO;
        for (unsigned int i = 0; i < n; i++) {
                ret_hex[2 * i] = digits[hash[i] >> 4];
                ret_hex[2 * i + 1] = digits[hash[i] & 15];
        }
        ret_hex[2 * n] = '\0';
        return 0;
}

int digest_fd(int fd, char ret_hex[static DIGEST_HEX_SIZE])
{
        CLEANUP(EVP_MD_CTX) EVP_MD_CTX *ctx = NULL;
        CLEANUP(free) unsigned char *chunk = NULL;
        struct stat st;
        off_t offset = 0;
        ssize_t n;
        int r;

        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EINVAL;
        r = start(&ctx);
        if (r < 0)
                return r;
        chunk = malloc(CHUNK);
        if (!chunk)
                return -ENOMEM;
        while ((n = pread(fd, chunk, CHUNK, offset)) != 0) {
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (EVP_DigestUpdate(ctx, chunk, (size_t)n) != 1)
                        return -EIO;
                offset += n;
        }
        return finish(ctx, ret_hex);
}

int digest_bytes(const void *data, size_t size, char ret_hex[static DIGEST_HEX_SIZE])
{
        CLEANUP(EVP_MD_CTX) EVP_MD_CTX *ctx = NULL;
        int r;

        r = start(&ctx);
        if (r < 0)
                return r;
        if (EVP_DigestUpdate(ctx, data, size) != 1)
                return -EIO;
        return finish(ctx, ret_hex);
}
