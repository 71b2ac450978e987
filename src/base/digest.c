/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/digest.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/opensslv.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/dynlib.h"
#include "base/util.h"

#define CHUNK          (256U * 1024)
#define TEXT_OF(x)     #x
#define TEXT(x)        TEXT_OF(x)
#define CRYPTO_LIBRARY "libcrypto.so." TEXT(OPENSSL_SHLIB_VERSION)

static struct {
        pthread_once_t once;
        int r;
        typeof(&EVP_MD_CTX_new) ctx_new;
        typeof(&EVP_MD_CTX_free) ctx_free;
        typeof(&EVP_DigestInit_ex) init;
        typeof(&EVP_DigestUpdate) update;
        typeof(&EVP_DigestFinal_ex) final;
        typeof(&EVP_sha256) sha256;
} crypto = {.once = PTHREAD_ONCE_INIT};

static void load_crypto(void)
{
        const DynlibSymbol symbols[] = {
                DYNLIB_SYMBOL(EVP_MD_CTX_new, crypto.ctx_new),
                DYNLIB_SYMBOL(EVP_MD_CTX_free, crypto.ctx_free),
                DYNLIB_SYMBOL(EVP_DigestInit_ex, crypto.init),
                DYNLIB_SYMBOL(EVP_DigestUpdate, crypto.update),
                DYNLIB_SYMBOL(EVP_DigestFinal_ex, crypto.final),
                DYNLIB_SYMBOL(EVP_sha256, crypto.sha256),
        };

        crypto.r = dynlib_load(CRYPTO_LIBRARY, symbols, ELEMENTSOF(symbols));
}

static void cleanup_ctx(EVP_MD_CTX **ctx)
{
        if (*ctx)
                crypto.ctx_free(*ctx);
}

static int start(EVP_MD_CTX **ret)
{
        CLEANUP(ctx) EVP_MD_CTX *ctx = NULL;

        pthread_once(&crypto.once, load_crypto);
        if (crypto.r < 0)
                return crypto.r;
        ctx = crypto.ctx_new();
        if (!ctx)
                return -ENOMEM;
        if (crypto.init(ctx, crypto.sha256(), NULL) != 1)
                return -EOPNOTSUPP;
        *ret = TAKE(ctx);
        return 0;
}

static int finish(EVP_MD_CTX *ctx, char ret_hex[static DIGEST_HEX_SIZE])
{
        static const char digits[] = "0123456789abcdef";
        unsigned char hash[EVP_MAX_MD_SIZE];
        unsigned int n;

        if (crypto.final(ctx, hash, &n) != 1 || n != 32)
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
        CLEANUP(ctx) EVP_MD_CTX *ctx = NULL;
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
                if (crypto.update(ctx, chunk, (size_t)n) != 1)
                        return -EIO;
                offset += n;
        }
        return finish(ctx, ret_hex);
}

int digest_bytes(const void *data, size_t size, char ret_hex[static DIGEST_HEX_SIZE])
{
        CLEANUP(ctx) EVP_MD_CTX *ctx = NULL;
        int r;

        r = start(&ctx);
        if (r < 0)
                return r;
        if (crypto.update(ctx, data, size) != 1)
                return -EIO;
        return finish(ctx, ret_hex);
}
