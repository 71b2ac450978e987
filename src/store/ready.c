/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/ready.h"

#include <errno.h>
#include <stdio.h>

#include "base/checksum.h"
#include "base/util.h"
#include "config.h"

static const char trust_letters[] = {
        [MUSTER_TRUST_DECLARED] = 'd',
        [MUSTER_TRUST_MEASURED] = 'm',
        [MUSTER_TRUST_INFERRED] = 'i',
};

/* Programs with other folders of features have other files, or they would write over each other's. */
static int folders_checksum(char ret[static HEX64_SIZE])
{
        CLEANUP(strv) char **folders = NULL;
        uint64_t sum = 0;
        int r;

        r = catalogue_folders(&folders);
        if (r < 0)
                return r;
        for (char **folder = folders; *folder; folder++)
                sum = sum * 31 + checksum64_text(*folder);
        hex64(sum, ret);
        return 0;
}

static int ready_name(const char *id, const char *fingerprint, MusterTrust trust, char **ret)
{
        CLEANUP(free) char *host = host_name(id, fingerprint);
        char folders[HEX64_SIZE];

        if (!host || folders_checksum(folders) < 0)
                return -ENOMEM;
        *ret = text_format("%s.%s.%c", host, folders, trust_letters[trust]);
        return *ret ? 0 : -ENOMEM;
}

bool ready_name_is_of(const char *name, const char *id)
{
        const char *rest = startswith(name, id);

        return rest && *rest == '.';
}

/* The text behind the line that starts with `key` and a blank, which is where the text must begin. */
static const char *expect(const char *text, const char *key)
{
        const char *rest = text ? startswith(text, key) : NULL;

        return rest && *rest == ' ' ? rest + 1 : NULL;
}

static const char *next_line(const char *text)
{
        const char *end = text ? strchr(text, '\n') : NULL;

        return end ? end + 1 : NULL;
}

static bool entry_has_stamp(const MusterStore *store, EntryKind kind, const char *name, const char *text)
{
        FileStamp was, is;

        return text && file_stamp_parse(&text, &was) == 0 && entry_stamp(store, kind, name, &is) == 0 &&
               file_stamp_equal(&was, &is);
}

/* Whether the catalogue is still the one between "seen" and "verdicts"; the text behind that, or NULL. */
static const char *check_catalogue(const char *text, int64_t looked_nsec)
{
        CLEANUP(free) char *seen = NULL;
        int64_t newest;
        const char *rest = text ? startswith(text, "seen\n") : NULL;

        if (!rest || catalogue_seen(&seen, &newest) < 0 || stamp_is_racy(newest, looked_nsec))
                return NULL;
        rest = startswith(rest, seen);
        return rest ? startswith(rest, "verdicts\n") : NULL;
}

/* The lines of verdicts in the body of a file that holds, or NULL. */
static const char *check(const MusterStore *store, const char *body, const char *id, const char *host)
{
        const char *line = startswith(body, "muster " MUSTER_VERSION "\n"), *number;

        if (!line || !entry_has_stamp(store, ENTRY_RECORD, id, expect(line, "record")))
                return NULL;
        line = next_line(line);
        if (!entry_has_stamp(store, ENTRY_HOST, host, expect(line, "host")))
                return NULL;
        line = next_line(line);
        number = expect(line, "looked");
        line = next_line(line);
        if (!number || !expect(line, "catalogue"))
                return NULL;
        return check_catalogue(next_line(line), strtoll(number, NULL, 10));
}

static int verdict_from_line(const char *line)
{
        for (MusterVerdict v = MUSTER_VERDICT_PRESENT; v <= MUSTER_VERDICT_UNKNOWN; v++)
                if (expect(line, muster_verdict_name(v)))
                        return v;
        return -ENODATA;
}

/* Whether the line's first word is followed by `feature` and, unless NULL, `driver`. */
static bool is_about(const char *line, const char *feature, const char *driver)
{
        const char *rest = strchr(line, ' ');

        rest = rest ? startswith(rest + 1, feature) : NULL;
        if (rest && driver)
                rest = expect(rest, "") ? startswith(rest + 1, driver) : NULL;
        return rest && *rest == '\n';
}

static int find(const char *lines, const char *feature, const char *driver)
{
        for (const char *line = lines; line && *line; line = next_line(line))
                if (is_about(line, feature, driver))
                        return verdict_from_line(line);
        return -ENOENT;
}

/* As verdicts_find() and muster_verdict() have it. */
static int find_verdict(const char *lines, const char *feature, const char *driver)
{
        int r = driver ? find(lines, feature, driver) : -ENOENT;

        if (r == -ENOENT && driver)
                r = find(lines, feature, "*");
        if (r != -ENOENT)
                return r;
        r = find(lines, feature, /* driver= */ NULL);
        return r >= 0 && driver ? MUSTER_VERDICT_ABSENT : r;
}

static bool is_word(const char *text)
{
        return *text && !strpbrk(text, " \n*");
}

int ready_verdict(const MusterStore *store, const char *id, const char *fingerprint, MusterTrust trust,
                  const char *feature, const char *driver)
{
        CLEANUP(free) char *name = NULL, *body = NULL, *host = host_name(id, fingerprint);
        const char *lines;

        if (!host || !is_word(feature) || (driver && !is_word(driver)) ||
            ready_name(id, fingerprint, trust, &name) < 0)
                return -ENODATA;
        if (entry_read(store, ENTRY_VERDICTS, name, &body, /* ret_size= */ NULL, /* ret_stamp= */ NULL) < 0)
                return -ENODATA;
        lines = check(store, body, id, host);
        return lines ? find_verdict(lines, feature, driver) : -ENODATA;
}

static void print_verdicts(FILE *out, const MusterVerdicts *verdicts)
{
        const Judgement *judgement;

        for (size_t i = 0; (judgement = verdicts_at(verdicts, i)); i++) {
                const char *verdict = muster_verdict_name(judgement->verdict);

                fprintf(out, "%s %s%s%s\n", verdict, judgement->feature->name, judgement->driver ? " " : "",
                        judgement->driver ?: "");
                if (!judgement->driver && judgement_holds_for_any_driver(judgement))
                        fprintf(out, "%s %s *\n", verdict, judgement->feature->name);
        }
}

static int print(const ReadySource *source, const MusterVerdicts *verdicts, char **ret_body,
                 size_t *ret_size)
{
        const MusterCatalogue *catalogue = verdicts_catalogue(verdicts);
        FILE *out = open_memstream(ret_body, ret_size);
        char sum[HEX64_SIZE];

        if (!out)
                return -ENOMEM;
        hex64(catalogue->checksum, sum);
        fprintf(out, "muster " MUSTER_VERSION "\nrecord ");
        file_stamp_print(&source->record, out);
        fprintf(out, "\nhost ");
        file_stamp_print(&source->host, out);
        fprintf(out, "\nlooked %lld\ncatalogue %s\nseen\n%sverdicts\n", (long long)catalogue->looked_nsec,
                sum, catalogue->seen);
        print_verdicts(out, verdicts);
        return fclose(out) == 0 ? 0 : -ENOMEM;
}

static bool is_kept(const MusterStore *store, const ReadySource *source, const char *name)
{
        CLEANUP(free) char *body = NULL, *host = host_name(source->id, source->fingerprint);

        return host &&
               entry_read(store, ENTRY_VERDICTS, name, &body, /* ret_size= */ NULL, /* ret_stamp= */ NULL) ==
                       0 &&
               check(store, body, source->id, host);
}

void ready_keep(MusterStore *store, const ReadySource *source, const MusterVerdicts *verdicts)
{
        CLEANUP(free) char *name = NULL, *body = NULL;
        size_t size = 0;

        /* Zero: nobody knows which files the facts are in. */
        if (!verdicts_catalogue(verdicts)->seen || source->record.ino == 0 || source->host.ino == 0)
                return;
        if (ready_name(source->id, source->fingerprint, verdicts_trust(verdicts), &name) < 0 ||
            is_kept(store, source, name))
                return;
        if (print(source, verdicts, &body, &size) == 0)
                (void)entry_write(store, ENTRY_VERDICTS, name, body, size, /* ret_stamp= */ NULL);
}
