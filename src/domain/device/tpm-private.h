/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What tpm.c reads and tpm-swtpm.c makes processes of. */

#include "domain/plan.h"

typedef enum TpmModel {
        TPM_TIS,
        TPM_CRB,
        TPM_SPAPR,
        TPM_MODEL_UNSAID,
} TpmModel;

typedef enum TpmBackend {
        TPM_EMULATOR,
        TPM_PASSTHROUGH,
        TPM_EXTERNAL,
} TpmBackend;

enum {
        TPM_BANK_SHA1 = 1 << 0,
        TPM_BANK_SHA256 = 1 << 1,
        TPM_BANK_SHA384 = 1 << 2,
        TPM_BANK_SHA512 = 1 << 3,
};

typedef struct Tpm {
        TpmModel model;
        TpmBackend backend;
        bool version_1; /* 1.2, else 2.0 */
        char *path; /* TPM_PASSTHROUGH: the device; TPM_EXTERNAL: the socket; TPM_EMULATOR: where the state
                       is kept, NULL: in the domain's own directory */
        unsigned banks; /* 0: as swtpm has them */
        bool has_debug;
        uint64_t debug;
} Tpm;

extern const char *const tpm_banks[];

/* The processes and directories of TPM_EMULATOR. Returns the socket's path, to free(). */
int tpm_plan_emulator(Plan *plan, Part *part, const Tpm *tpm, char **ret_socket);
