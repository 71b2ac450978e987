/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/domain.h"
#include "domain/section/features-private.h"
#include "domain/section/general.h"
#include "domain/section/os.h"
#include "domain/value.h"

/* Enlightenments: what Windows asks a hypervisor for. The words are QEMU's since 2.x, in its own spelling.
 */

#define RETRIES_MIN     4095
#define VENDOR_SIZE_MAX 12

/* `needs`: the emulator does not start without. */
static const struct {
        const char *name, *word;
        HypervFlag needs; /* itself: nothing */
} flags[_HYPERV_FLAGS] = {
        [HYPERV_RELAXED] = {"relaxed", "hv-relaxed", HYPERV_RELAXED},
        [HYPERV_VAPIC] = {"vapic", "hv-vapic", HYPERV_VAPIC},
        [HYPERV_SPINLOCKS] = {"spinlocks", "hv-spinlocks", HYPERV_SPINLOCKS},
        [HYPERV_VPINDEX] = {"vpindex", "hv-vpindex", HYPERV_VPINDEX},
        [HYPERV_RUNTIME] = {"runtime", "hv-runtime", HYPERV_RUNTIME},
        [HYPERV_SYNIC] = {"synic", "hv-synic", HYPERV_VPINDEX},
        [HYPERV_STIMER] = {"stimer", "hv-stimer", HYPERV_SYNIC},
        [HYPERV_RESET] = {"reset", "hv-reset", HYPERV_RESET},
        [HYPERV_VENDOR_ID] = {"vendor_id", "hv-vendor-id", HYPERV_VENDOR_ID},
        [HYPERV_FREQUENCIES] = {"frequencies", "hv-frequencies", HYPERV_FREQUENCIES},
        [HYPERV_REENLIGHTENMENT] = {"reenlightenment", "hv-reenlightenment", HYPERV_REENLIGHTENMENT},
        [HYPERV_TLBFLUSH] = {"tlbflush", "hv-tlbflush", HYPERV_VPINDEX},
        [HYPERV_IPI] = {"ipi", "hv-ipi", HYPERV_VPINDEX},
        [HYPERV_EVMCS] = {"evmcs", "hv-evmcs", HYPERV_VAPIC},
        [HYPERV_AVIC] = {"avic", "hv-avic", HYPERV_AVIC},
        [HYPERV_EMSR_BITMAP] = {"emsr_bitmap", "hv-emsr-bitmap", HYPERV_EMSR_BITMAP},
        [HYPERV_XMM_INPUT] = {"xmm_input", "hv-xmm-input", HYPERV_XMM_INPUT},
};

static bool read_below(Domain *domain, XmlElement *element, const char *name)
{
        XmlElement *child = xml_child(element, name);
        bool on = child != NULL;

        if (child)
                read_switch(domain->xml, child, "state", &on);
        return on;
}

static int read_vendor(Domain *domain, XmlElement *element, Hyperv *hyperv)
{
        const char *value = xml_attribute(element, "value");
        bool fits = value && *value && strlen(value) <= VENDOR_SIZE_MAX;

        for (const char *c = value; fits && *c; c++)
                fits = isprint((unsigned char)*c) && *c != ',';
        if (!fits) {
                xml_fault(domain->xml, FAULT_ERROR, element, "value",
                          _("The vendor is 1 to %d printable letters in value=, none a comma."),
                          VENDOR_SIZE_MAX);
                return 0;
        }
        hyperv->vendor_id = strdup(value);
        return hyperv->vendor_id ? 0 : -ENOMEM;
}

static int read_details(Domain *domain, HypervFlag flag, XmlElement *element, Hyperv *hyperv)
{
        switch (flag) {
        case HYPERV_SPINLOCKS:
                hyperv->retries = RETRIES_MIN;
                read_uint(domain->xml, element, "retries", UINT32_MAX, &hyperv->retries);
                if (hyperv->retries < RETRIES_MIN)
                        xml_fault(domain->xml, FAULT_ERROR, element, "retries",
                                  _("A guest tries at least %d times."), RETRIES_MIN);
                return 0;
        case HYPERV_STIMER:
                hyperv->stimer_direct = read_below(domain, element, "direct");
                return 0;
        case HYPERV_TLBFLUSH:
                hyperv->tlbflush_direct = read_below(domain, element, "direct");
                hyperv->tlbflush_extended = read_below(domain, element, "extended");
                return 0;
        case HYPERV_VENDOR_ID:
                return read_vendor(domain, element, hyperv);
        default:
                return 0;
        }
}

int hyperv_read(Domain *domain, XmlElement *element, Hyperv *ret)
{
        static const char *const modes[] = {"custom", "passthrough", NULL};
        int mode = 0, r = 0;

        ret->element = element;
        if (element)
                read_word(domain->xml, element, "mode", modes, &mode);
        ret->passthrough = mode == 1;
        for (HypervFlag flag = 0; flag < _HYPERV_FLAGS; flag++) {
                XmlElement *child = element ? xml_child(element, flags[flag].name) : NULL;
                bool on = true;

                ret->flags[flag] = -1;
                ret->elements[flag] = child;
                if (!child)
                        continue;
                read_switch(domain->xml, child, "state", &on);
                ret->flags[flag] = on;
                if (on && r >= 0)
                        r = read_details(domain, flag, child, ret);
        }
        return r;
}

/* --- what goes together -------------------------------------------------------------------------- */

/* Of <clock>; it is all read when this is asked. */
static bool has_hyperv_clock(const Domain *domain)
{
        XmlElement *clock = xml_child(domain->xml->root, "clock"), *timer = NULL;

        while (clock && (timer = xml_next(clock, "timer", timer)))
                if (streq_ptr(xml_attribute(timer, "name"), "hypervclock"))
                        return !streq_ptr(xml_attribute(timer, "present"), "no");
        return false;
}

void hyperv_check(Domain *domain, const Hyperv *hyperv)
{
        if (!hyperv->element)
                return;
        if (!os_is_x86(domain) || !domain_general(domain)->kvm)
                xml_fault(domain->xml, os_is_x86(domain) ? FAULT_COSMETIC : FAULT_ERROR, hyperv->element,
                          /* attribute= */ NULL,
                          _("Only KVM on x86 looks like Hyper-V to a guest; remove this."));
        for (HypervFlag flag = 0; flag < _HYPERV_FLAGS && !hyperv->passthrough; flag++)
                if (hyperv->flags[flag] > 0 && hyperv->flags[flags[flag].needs] <= 0)
                        xml_fault(domain->xml, FAULT_ERROR, hyperv->elements[flag], /* attribute= */ NULL,
                                  _("The emulator has no %s without %s: add <%s state='on'/>."),
                                  flags[flag].name, flags[flags[flag].needs].name,
                                  flags[flags[flag].needs].name);
        if (hyperv->flags[HYPERV_STIMER] > 0 && !hyperv->passthrough && !has_hyperv_clock(domain))
                xml_fault(domain->xml, FAULT_ERROR, hyperv->elements[HYPERV_STIMER], /* attribute= */ NULL,
                          _("The emulator has no stimer without its clock: add <timer name='hypervclock' "
                            "present='yes'/> to <clock>."));
}

/* --- words --------------------------------------------------------------------------------------- */

static int add_formatted(char ***words, char *word)
{
        CLEANUP(free) char *owned = word;

        return owned ? strv_append(words, owned) : -ENOMEM;
}

static int add_flag(const Hyperv *hyperv, HypervFlag flag, char ***words)
{
        const char *word = flags[flag].word;

        if (flag == HYPERV_SPINLOCKS)
                return add_formatted(words,
                                     text_format("%s=0x%llx", word, (unsigned long long)hyperv->retries));
        if (flag == HYPERV_VENDOR_ID)
                return add_formatted(words, text_format("%s=%s", word, hyperv->vendor_id));
        return add_formatted(words, text_format("%s=on", word));
}

int hyperv_add_words(const Hyperv *hyperv, char ***words)
{
        int r = 0;

        if (hyperv->passthrough)
                r = strv_append(words, "hv-passthrough=on");
        for (HypervFlag flag = 0; r >= 0 && flag < _HYPERV_FLAGS; flag++) {
                if (hyperv->flags[flag] > 0)
                        r = add_flag(hyperv, flag, words);
                else if (hyperv->flags[flag] == 0 && hyperv->passthrough && flag != HYPERV_SPINLOCKS &&
                         flag != HYPERV_VENDOR_ID)
                        r = add_formatted(words, text_format("%s=off", flags[flag].word));
        }
        if (r >= 0 && hyperv->stimer_direct)
                r = strv_append(words, "hv-stimer-direct=on");
        if (r >= 0 && hyperv->tlbflush_direct)
                r = strv_append(words, "hv-tlbflush-direct=on");
        if (r >= 0 && hyperv->tlbflush_extended)
                r = strv_append(words, "hv-tlbflush-ext=on");
        return r;
}
