/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * All verdicts of a catalogue on one emulator, in a table by (feature, driver). Everything is judged once,
 * as the table is made; a question then costs one hash, mostly one comparison, and no allocation.
 */

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "feature/judge.h"

struct MusterVerdicts {
        unsigned n_ref; /* atomic */
        MusterCatalogue *catalogue;
        MusterFacts *facts;
        MusterTrust trust;
        Judgement *judgements; /* of each feature: the whole, then each driver */
        size_t n_judgements, room;
        uint32_t *slots; /* 1 + index of a judgement, 0 for none; open addressing */
        size_t mask;
};

_public_ MusterVerdicts *muster_verdicts_ref(MusterVerdicts *verdicts)
{
        if (verdicts)
                __atomic_add_fetch(&verdicts->n_ref, 1, __ATOMIC_RELAXED);
        return verdicts;
}

_public_ MusterVerdicts *muster_verdicts_unref(MusterVerdicts *verdicts)
{
        if (!verdicts || __atomic_sub_fetch(&verdicts->n_ref, 1, __ATOMIC_ACQ_REL) > 0)
                return NULL;
        for (size_t i = 0; i < verdicts->n_judgements; i++)
                judgement_clear(&verdicts->judgements[i]);
        free(verdicts->judgements);
        free(verdicts->slots);
        muster_catalogue_unref(verdicts->catalogue);
        muster_facts_unref(verdicts->facts);
        free(verdicts);
        return NULL;
}

/* Eight bytes at a time: names are up to 64 bytes, and a byte-wise hash would be most of a look-up. */
static uint64_t hash_text(uint64_t hash, const char *text)
{
        size_t size = strlen(text);
        uint64_t word;

        hash ^= size;
        for (; size >= sizeof(word); text += sizeof(word), size -= sizeof(word)) {
                memcpy(&word, text, sizeof(word));
                hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
                hash ^= hash >> 29;
        }
        word = 0;
        memcpy(&word, text, size);
        hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        return hash ^ (hash >> 32);
}

static uint64_t hash_key(const char *feature, const char *driver)
{
        return hash_text(hash_text(0, feature), driver ? driver : "");
}

static const Judgement *find(const MusterVerdicts *verdicts, const char *feature, const char *driver)
{
        for (size_t at = hash_key(feature, driver) & verdicts->mask; verdicts->slots[at];
             at = (at + 1) & verdicts->mask) {
                const Judgement *judgement = &verdicts->judgements[verdicts->slots[at] - 1];

                if (streq(judgement->feature->name, feature) && streq_ptr(judgement->driver, driver))
                        return judgement;
        }
        return NULL;
}

const Judgement *verdicts_at(const MusterVerdicts *verdicts, size_t index)
{
        return index < verdicts->n_judgements ? &verdicts->judgements[index] : NULL;
}

bool judgement_holds_for_any_driver(const Judgement *judgement)
{
        return judgement->feature->n_governs > 0 && !feature_has_drivers(judgement->feature);
}

/* A feature whose `governs` lines name no driver holds for any; one without such lines speaks of none. */
const Judgement *verdicts_find(const MusterVerdicts *verdicts, const char *feature, const char *driver)
{
        const Judgement *judgement = find(verdicts, feature, driver);

        if (judgement || !driver)
                return judgement;
        judgement = find(verdicts, feature, NULL);
        return judgement && judgement_holds_for_any_driver(judgement) ? judgement : NULL;
}

_public_ int muster_verdict(const MusterVerdicts *verdicts, const char *feature, const char *driver)
{
        const Judgement *judgement = verdicts_find(verdicts, feature, driver);

        if (judgement)
                return judgement->verdict;
        return find(verdicts, feature, NULL) ? MUSTER_VERDICT_ABSENT : -ENOENT;
}

MusterFacts *verdicts_facts(const MusterVerdicts *verdicts)
{
        return verdicts->facts;
}

MusterCatalogue *verdicts_catalogue(const MusterVerdicts *verdicts)
{
        return verdicts->catalogue;
}

MusterTrust verdicts_trust(const MusterVerdicts *verdicts)
{
        return verdicts->trust;
}

static int build_table(MusterVerdicts *verdicts)
{
        size_t size = 8;

        while (size < verdicts->n_judgements * 2)
                size *= 2;
        verdicts->slots = calloc(size, sizeof(*verdicts->slots));
        if (!verdicts->slots)
                return -ENOMEM;
        verdicts->mask = size - 1;
        for (size_t i = 0; i < verdicts->n_judgements; i++) {
                const Judgement *judgement = &verdicts->judgements[i];
                size_t at = hash_key(judgement->feature->name, judgement->driver) & verdicts->mask;

                while (verdicts->slots[at])
                        at = (at + 1) & verdicts->mask;
                verdicts->slots[at] = (uint32_t)(i + 1);
        }
        return 0;
}

/* Room for `n` more judgements; NULL. */
static Judgement *grow(MusterVerdicts *verdicts, size_t n)
{
        if (verdicts->n_judgements + n > verdicts->room) {
                size_t room = (verdicts->n_judgements + n) * 2;
                Judgement *grown = realloc(verdicts->judgements, room * sizeof(*grown));

                if (!grown)
                        return NULL;
                verdicts->judgements = grown;
                verdicts->room = room;
        }
        return verdicts->judgements + verdicts->n_judgements;
}

/* The drivers' names live in the feature; the list of them does not. */
static const char *own_name(const Feature *feature, const char *driver)
{
        for (size_t i = 0; i < feature->n_governs; i++)
                for (char **name = feature->governs[i].drivers; *name; name++)
                        if (streq(*name, driver))
                                return *name;
        return NULL;
}

static int judge_drivers(MusterVerdicts *verdicts, const Feature *feature, char *const *drivers,
                         MusterError **ret_error)
{
        size_t n = strv_length(drivers), done = 0;
        Judgement *all = grow(verdicts, n + 1), whole;
        int r = 0;

        if (!all)
                return error_oom(ret_error);
        for (; done < n && r == 0; done += r == 0)
                r = judge(feature, own_name(feature, drivers[done]), verdicts->facts, verdicts->trust,
                          &all[1 + done], ret_error);
        if (r == 0 && judge_whole(all + 1, n, &whole) < 0)
                r = error_oom(ret_error);
        if (r < 0) {
                while (done > 0)
                        judgement_clear(&all[done--]);
                return r;
        }
        all[0] = whole;
        verdicts->n_judgements += n + 1;
        return 0;
}

static int judge_feature(MusterVerdicts *verdicts, const Feature *feature, MusterError **ret_error)
{
        CLEANUP(strv) char **drivers = NULL;
        Judgement *judgement;
        int r;

        if (feature_drivers(feature, &drivers) < 0)
                return error_oom(ret_error);
        if (drivers[0])
                return judge_drivers(verdicts, feature, drivers, ret_error);
        judgement = grow(verdicts, 1);
        if (!judgement)
                return error_oom(ret_error);
        r = judge(feature, NULL, verdicts->facts, verdicts->trust, judgement, ret_error);
        if (r < 0)
                return r;
        verdicts->n_judgements++;
        return 0;
}

_public_ int muster_verdicts_new(MusterCatalogue *catalogue, MusterFacts *facts, MusterTrust trust,
                                 MusterVerdicts **ret, MusterError **ret_error)
{
        CLEANUP(verdicts) MusterVerdicts *verdicts = calloc(1, sizeof(*verdicts));
        int r;

        if (!verdicts)
                return error_oom(ret_error);
        verdicts->n_ref = 1;
        verdicts->catalogue = muster_catalogue_ref(catalogue);
        verdicts->facts = muster_facts_ref(facts);
        verdicts->trust = trust;
        for (size_t i = 0; i < catalogue->n_features; i++) {
                r = judge_feature(verdicts, &catalogue->features[i], ret_error);
                if (r < 0)
                        return r;
        }
        if (build_table(verdicts) < 0)
                return error_oom(ret_error);
        *ret = TAKE(verdicts);
        return 0;
}

static const char *const verdict_names[] = {
        [MUSTER_VERDICT_PRESENT] = "present",
        [MUSTER_VERDICT_ABSENT] = "absent",
        [MUSTER_VERDICT_UNKNOWN] = "unknown",
};

_public_ const char *muster_verdict_name(MusterVerdict verdict)
{
        return (size_t)verdict < ELEMENTSOF(verdict_names) ? verdict_names[verdict] : "?";
}

_public_ int muster_trust_from_name(const char *name, MusterTrust *ret)
{
        static const char *const trust_names[] = {
                [MUSTER_TRUST_DECLARED] = "declared",
                [MUSTER_TRUST_MEASURED] = "measured",
                [MUSTER_TRUST_INFERRED] = "inferred",
        };

        for (size_t i = 0; i < ELEMENTSOF(trust_names); i++)
                if (streq(trust_names[i], name)) {
                        *ret = (MusterTrust)i;
                        return 0;
                }
        return -EINVAL;
}
