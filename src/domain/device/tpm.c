/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/device/tpm.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/chardev.h"
#include "domain/device/tpm-private.h"
#include "domain/section/os.h"
#include "domain/value.h"

#define SPAPR_TPM_FIRST UINT64_C(0x4000)

const char *const tpm_banks[] = {"sha1", "sha256", "sha384", "sha512", NULL};

static const char *const models[] = {
        [TPM_TIS] = "tpm-tis", [TPM_CRB] = "tpm-crb", [TPM_SPAPR] = "tpm-spapr", NULL};

/* --- reading ------------------------------------------------------------------------------------- */

static int read_path(Domain *domain, XmlElement *element, const char *name, Tpm *tpm)
{
        int r;

        r = read_text(domain->xml, element, name, &tpm->path);
        if (r > 0 && tpm->path[0] != '/')
                xml_fault(domain->xml, FAULT_ERROR, element, name,
                          _("The path is not absolute; write it from / on."));
        return r < 0 ? r : 0;
}

static void read_banks(Domain *domain, XmlElement *backend, Tpm *tpm)
{
        XmlElement *banks = xml_child(backend, "active_pcr_banks");

        if (!banks)
                return;
        for (unsigned i = 0; tpm_banks[i]; i++)
                if (xml_child(banks, tpm_banks[i]))
                        tpm->banks |= 1U << i;
        if (tpm->banks != 0 && tpm->version_1)
                xml_fault(domain->xml, FAULT_ERROR, banks, /* attribute= */ NULL,
                          _("A TPM 1.2 has one bank of registers; remove <active_pcr_banks> or give "
                            "version='2.0'."));
}

static int read_state(Domain *domain, XmlElement *backend, Tpm *tpm)
{
        static const char *const types[] = {"dir", NULL};
        XmlElement *source = xml_child(backend, "source"), *encryption = xml_child(backend, "encryption");
        int type = 0;

        if (encryption) {
                xml_mark_all(encryption);
                xml_fault(domain->xml, FAULT_ERROR, encryption, /* attribute= */ NULL,
                          _("Muster keeps no secrets, so it cannot encrypt the TPM's state; remove "
                            "<encryption>, "
                            "and encrypt the file system that holds it."));
        }
        if (!source)
                return 0;
        read_word(domain->xml, source, "type", types, &type);
        return read_path(domain, source, "path", tpm);
}

static int read_emulator(Domain *domain, XmlElement *backend, Tpm *tpm)
{
        static const char *const versions[] = {"2.0", "1.2", NULL};
        bool persistent;
        int version = 0;

        read_word(domain->xml, backend, "version", versions, &version);
        tpm->version_1 = version == 1;
        /* The state is kept in any case, as that of a defined domain is by libvirt. */
        read_switch(domain->xml, backend, "persistent_state", &persistent);
        tpm->has_debug = read_uint(domain->xml, backend, "debug", 20, &tpm->debug) > 0;
        read_banks(domain, backend, tpm);
        return read_state(domain, backend, tpm);
}

static int read_passthrough(Domain *domain, XmlElement *backend, Tpm *tpm)
{
        XmlElement *device = xml_child(backend, "device");
        int r = device ? read_path(domain, device, "path", tpm) : 0;

        if (r >= 0 && !tpm->path)
                tpm->path = strdup("/dev/tpm0");
        return r < 0 ? r : tpm->path ? 0 : -ENOMEM;
}

static int read_external(Domain *domain, XmlElement *backend, Tpm *tpm)
{
        static const char *const types[] = {"unix", NULL}, *const modes[] = {"connect", NULL};
        XmlElement *source = xml_child(backend, "source");
        int word, r = 0;

        if (source) {
                read_word(domain->xml, source, "type", types, &word);
                read_word(domain->xml, source, "mode", modes, &word);
                r = read_path(domain, source, "path", tpm);
        }
        if (r >= 0 && !tpm->path)
                xml_fault(domain->xml, FAULT_ERROR, source ?: backend, /* attribute= */ NULL,
                          _("Where does the TPM's server listen? Add <source type='unix' mode='connect' "
                            "path='/…'/>."));
        return r;
}

static int read_tpm(Domain *domain, Part *part)
{
        static const char *const backends[] = {"emulator", "passthrough", "external", NULL};
        XmlElement *backend = xml_child(part->element, "backend");
        int model = TPM_MODEL_UNSAID, type = TPM_EMULATOR;
        Tpm *tpm = part->data;

        read_word(domain->xml, part->element, "model", models, &model);
        tpm->model = (TpmModel)model;
        if (!backend || read_word(domain->xml, backend, "type", backends, &type) == 0) {
                xml_fault(domain->xml, FAULT_ERROR, backend ?: part->element, /* attribute= */ NULL,
                          _("Who is the TPM? Add <backend type='emulator'/>, which is swtpm, or of type "
                            "'passthrough' or 'external'."));
                return 0;
        }
        tpm->backend = (TpmBackend)type;
        if (tpm->backend == TPM_EMULATOR)
                return read_emulator(domain, backend, tpm);
        return tpm->backend == TPM_PASSTHROUGH ? read_passthrough(domain, backend, tpm)
                                               : read_external(domain, backend, tpm);
}

/* --- completion ---------------------------------------------------------------------------------- */

static TpmModel default_model(const Domain *domain)
{
        return os_pci_machine(domain) == PCI_MACHINE_PSERIES ? TPM_SPAPR : TPM_TIS;
}

/* On an ISA bus it is "tpm-tis", on the platform bus of Arm's and RISC-V's machines "tpm-tis-device". */
static const char *driver_of(const Domain *domain, const Tpm *tpm)
{
        return tpm->model == TPM_TIS && !os_is_x86(domain) ? "tpm-tis-device" : models[tpm->model];
}

static int write_backend(Part *part, const Tpm *tpm)
{
        XmlElement *backend = xml_child(part->element, "backend");
        XmlElement *device;
        int r;

        r = xml_set(part->element, "model", models[tpm->model]);
        if (r >= 0 && tpm->backend == TPM_EMULATOR)
                r = xml_set(backend, "version", tpm->version_1 ? "1.2" : "2.0");
        if (r < 0 || tpm->backend != TPM_PASSTHROUGH)
                return r;
        r = xml_ensure(backend, "device", &device);
        return r < 0 ? r : xml_set(device, "path", tpm->path);
}

static int complete(Domain *domain, Part *part)
{
        Tpm *tpm = part->data;
        int r;

        if (tpm->model == TPM_MODEL_UNSAID)
                tpm->model = default_model(domain);
        if (!domain_has_type(domain, driver_of(domain, tpm)))
                xml_fault(
                        domain->xml, FAULT_ERROR, part->element, "model",
                        _("%s has no device \"%s\"; give another model, or an emulator that was built with "
                          "TPMs."),
                        domain_emulator_text(domain), driver_of(domain, tpm));
        if (tpm->version_1 && tpm->model != TPM_TIS)
                xml_fault(domain->xml, FAULT_ERROR, part->element, "model",
                          _("A TPM 1.2 is of model tpm-tis only; give that, or version='2.0'."));
        r = write_backend(part, tpm);
        return r >= 0 && tpm->model == TPM_SPAPR ? place_want_spapr_vio(domain, part, SPAPR_TPM_FIRST) : r;
}

/* --- the plan ------------------------------------------------------------------------------------ */

static int plan_chardev(Plan *plan, const Part *part, const char *path)
{
        json_object *chardev = NULL;

        if (!chardev_check_socket(plan->domain, part->element, path))
                return 0;
        chardev = json_object_new_object();
        if (!chardev || json_add_string(chardev, "backend", "socket") < 0 ||
            json_add_string(chardev, "id", "chrtpm") < 0 || json_add_string(chardev, "path", path) < 0) {
                json_object_put(chardev);
                return -ENOMEM;
        }
        return plan_properties(plan, part, "-chardev", chardev);
}

static int plan_socket(Plan *plan, Part *part, const Tpm *tpm)
{
        CLEANUP(free) char *socket = NULL;
        int r;

        if (tpm->backend == TPM_EMULATOR) {
                r = tpm_plan_emulator(plan, part, tpm, &socket);
                return r < 0 || !socket ? r : plan_chardev(plan, part, socket);
        }
        r = plan_file(plan, PLAN_FILE_EXISTS, tpm->path, /* from= */ NULL, "tpm");
        return r < 0 ? r : plan_chardev(plan, part, tpm->path);
}

static int plan_backend(Plan *plan, Part *part, const Tpm *tpm, const char *id)
{
        CLEANUP(json) json_object *backend = json_object_new_object();
        bool passthrough = tpm->backend == TPM_PASSTHROUGH;
        int r;

        if (!backend)
                return -ENOMEM;
        r = passthrough ? plan_file(plan, PLAN_FILE_EXISTS, tpm->path, /* from= */ NULL, "tpm")
                        : plan_socket(plan, part, tpm);
        if (r >= 0)
                r = json_add_string(backend, "type", passthrough ? "passthrough" : "emulator");
        if (r >= 0)
                r = json_add_string(backend, "id", id);
        if (r >= 0)
                r = passthrough ? json_add_string(backend, "path", tpm->path)
                                : json_add_string(backend, "chardev", "chrtpm");
        return r < 0 ? r : plan_properties(plan, part, "-tpmdev", TAKE(backend));
}

static int plan(Plan *plan, Part *part)
{
        const Tpm *tpm = part->data;
        CLEANUP(free) char *id = text_format("tpm-%s", part->alias);
        CLEANUP(json) json_object *device = json_object_new_object();
        int r;

        if (!id || !device)
                return -ENOMEM;
        r = plan_backend(plan, part, tpm, id);
        if (r >= 0)
                r = json_add_string(device, "driver", driver_of(plan->domain, tpm));
        if (r >= 0)
                r = json_add_string(device, "tpmdev", id);
        return r < 0 ? r : plan_device(plan, part, TAKE(device));
}

static void clear(Part *part)
{
        Tpm *tpm = part->data;

        free(tpm->path);
}

const PartKind device_tpm = {
        .name = "tpm",
        .alias = "tpm",
        .flags = PART_ADDRESS | PART_SINGLE,
        .places = 1 << PLACE_SPAPR_VIO,
        .size = sizeof(Tpm),
        .read = read_tpm,
        .complete = complete,
        .plan = plan,
        .clear = clear,
};
