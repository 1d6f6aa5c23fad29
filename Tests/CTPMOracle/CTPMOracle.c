#include "CTPMOracle.h"
#include <stdlib.h>
#include <string.h>
#include <tss2/tss2_sys.h>

struct keeper {
    TSS2_TCTI_CONTEXT_COMMON_V1 common;
    uint8_t *out;
    size_t count;
};

static TSS2_RC keep(TSS2_TCTI_CONTEXT *context, size_t size, const uint8_t *command) {
    struct keeper *keeper = (struct keeper *)context;
    memcpy(keeper->out, command, size);
    keeper->count = size;
    return TSS2_RC_SUCCESS;
}

static TSS2_RC no_answer(TSS2_TCTI_CONTEXT *context, size_t *size, uint8_t *response, int32_t timeout) {
    (void)context, (void)size, (void)response, (void)timeout;
    return TSS2_TCTI_RC_IO_ERROR;
}

static struct keeper keeper;

static TSS2_SYS_CONTEXT *begin(uint8_t *out) {
    memset(&keeper, 0, sizeof keeper);
    keeper.common.magic = 1;
    keeper.common.version = 1;
    keeper.common.transmit = keep;
    keeper.common.receive = no_answer;
    keeper.out = out;
    size_t size = Tss2_Sys_GetContextSize(0);
    TSS2_SYS_CONTEXT *context = calloc(1, size);
    TSS2_ABI_VERSION version = TSS2_ABI_VERSION_CURRENT;
    if (Tss2_Sys_Initialize(context, size, (TSS2_TCTI_CONTEXT *)&keeper, &version) != TSS2_RC_SUCCESS) abort();
    return context;
}

static size_t end(TSS2_SYS_CONTEXT *context) {
    Tss2_Sys_Finalize(context);
    free(context);
    return keeper.count;
}

static const TSS2L_SYS_AUTH_COMMAND password = {
    .count = 1,
    .auths = {{.sessionHandle = TPM2_RS_PW, .sessionAttributes = TPMA_SESSION_CONTINUESESSION}},
};

static TPML_PCR_SELECTION selection(uint32_t bits) {
    TPML_PCR_SELECTION selection = {.count = 1};
    selection.pcrSelections[0].hash = TPM2_ALG_SHA256;
    selection.pcrSelections[0].sizeofSelect = 3;
    for (int i = 0; i < 3; i++) selection.pcrSelections[0].pcrSelect[i] = (uint8_t)(bits >> 8 * i);
    return selection;
}

size_t oracle_startup(uint8_t *out) {
    TSS2_SYS_CONTEXT *context = begin(out);
    Tss2_Sys_Startup(context, TPM2_SU_CLEAR);
    return end(context);
}

size_t oracle_get_random(uint8_t *out, uint16_t count) {
    TSS2_SYS_CONTEXT *context = begin(out);
    TPM2B_DIGEST random;
    Tss2_Sys_GetRandom(context, NULL, count, &random, NULL);
    return end(context);
}

size_t oracle_get_identity(uint8_t *out) {
    TSS2_SYS_CONTEXT *context = begin(out);
    TPMI_YES_NO more;
    TPMS_CAPABILITY_DATA data;
    Tss2_Sys_GetCapability(context, NULL, TPM2_CAP_TPM_PROPERTIES, TPM2_PT_MANUFACTURER,
                           TPM2_PT_FIRMWARE_VERSION_2 - TPM2_PT_MANUFACTURER + 1, &more, &data, NULL);
    return end(context);
}

size_t oracle_flush(uint8_t *out, uint32_t handle) {
    TSS2_SYS_CONTEXT *context = begin(out);
    Tss2_Sys_FlushContext(context, handle);
    return end(context);
}

size_t oracle_pcr_extend(uint8_t *out, uint32_t index, const uint8_t digest[32]) {
    TSS2_SYS_CONTEXT *context = begin(out);
    TPML_DIGEST_VALUES values = {.count = 1};
    values.digests[0].hashAlg = TPM2_ALG_SHA256;
    memcpy(values.digests[0].digest.sha256, digest, 32);
    Tss2_Sys_PCR_Extend(context, index, &password, &values, NULL);
    return end(context);
}

size_t oracle_pcr_read(uint8_t *out, uint32_t bits) {
    TSS2_SYS_CONTEXT *context = begin(out);
    TPML_PCR_SELECTION in = selection(bits), given;
    UINT32 counter;
    TPML_DIGEST values;
    Tss2_Sys_PCR_Read(context, NULL, &in, &counter, &given, &values, NULL);
    return end(context);
}

size_t oracle_nv_read_public(uint8_t *out, uint32_t index) {
    TSS2_SYS_CONTEXT *context = begin(out);
    TPM2B_NV_PUBLIC area = {0};
    TPM2B_NAME name = {0};
    Tss2_Sys_NV_ReadPublic(context, index, NULL, &area, &name, NULL);
    return end(context);
}

size_t oracle_nv_define_counter(uint8_t *out, uint32_t index) {
    TSS2_SYS_CONTEXT *context = begin(out);
    TPM2B_AUTH none = {0};
    TPM2B_NV_PUBLIC area = {.nvPublic = {
        .nvIndex = index,
        .nameAlg = TPM2_ALG_SHA256,
        .attributes = TPMA_NV_OWNERWRITE | TPMA_NV_OWNERREAD | TPMA_NV_AUTHREAD | TPMA_NV_NO_DA
            | (TPM2_NT_COUNTER << TPMA_NV_TPM2_NT_SHIFT),
        .dataSize = 8,
    }};
    Tss2_Sys_NV_DefineSpace(context, TPM2_RH_OWNER, &password, &none, &area, NULL);
    return end(context);
}

size_t oracle_nv_increment(uint8_t *out, uint32_t index) {
    TSS2_SYS_CONTEXT *context = begin(out);
    Tss2_Sys_NV_Increment(context, TPM2_RH_OWNER, index, &password, NULL);
    return end(context);
}

size_t oracle_nv_read(uint8_t *out, uint32_t index) {
    TSS2_SYS_CONTEXT *context = begin(out);
    TPM2B_MAX_NV_BUFFER data = {0};
    Tss2_Sys_NV_Read(context, TPM2_RH_OWNER, index, &password, 8, 0, &data, NULL);
    return end(context);
}

size_t oracle_nv_undefine(uint8_t *out, uint32_t index) {
    TSS2_SYS_CONTEXT *context = begin(out);
    Tss2_Sys_NV_UndefineSpace(context, TPM2_RH_OWNER, index, &password, NULL);
    return end(context);
}

size_t oracle_create_primary(uint8_t *out, uint32_t kind, const char *label) {
    TSS2_SYS_CONTEXT *context = begin(out);
    TPM2B_SENSITIVE_CREATE sensitive = {0};
    TPM2B_PUBLIC area = {.publicArea = {
        .type = TPM2_ALG_ECC,
        .nameAlg = TPM2_ALG_SHA256,
        .objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN
            | TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_NODA
            | (kind == 2 ? TPMA_OBJECT_DECRYPT : TPMA_OBJECT_SIGN_ENCRYPT) | (kind == 1 ? TPMA_OBJECT_RESTRICTED : 0),
    }};
    area.publicArea.parameters.eccDetail.symmetric.algorithm = TPM2_ALG_NULL;
    area.publicArea.parameters.eccDetail.scheme.scheme = kind == 2 ? TPM2_ALG_NULL : TPM2_ALG_ECDSA;
    area.publicArea.parameters.eccDetail.scheme.details.ecdsa.hashAlg = TPM2_ALG_SHA256;
    area.publicArea.parameters.eccDetail.curveID = TPM2_ECC_NIST_P256;
    area.publicArea.parameters.eccDetail.kdf.scheme = TPM2_ALG_NULL;
    area.publicArea.unique.ecc.x.size = 32;
    memcpy(area.publicArea.unique.ecc.x.buffer, label, strlen(label));
    area.publicArea.unique.ecc.y.size = 32;
    TPM2B_DATA outside = {0};
    TPML_PCR_SELECTION none = {0};
    TPM2_HANDLE handle;
    TPM2B_PUBLIC made = {0};
    TPM2B_CREATION_DATA creation = {0};
    TPM2B_DIGEST hash = {0};
    TPMT_TK_CREATION ticket = {0};
    TPM2B_NAME name = {0};
    Tss2_Sys_CreatePrimary(context, kind == 1 ? TPM2_RH_ENDORSEMENT : TPM2_RH_OWNER, &password, &sensitive, &area,
                           &outside, &none, &handle, &made, &creation, &hash, &ticket, &name, NULL);
    return end(context);
}

size_t oracle_sign(uint8_t *out, uint32_t handle, const uint8_t digest[32]) {
    TSS2_SYS_CONTEXT *context = begin(out);
    TPM2B_DIGEST value = {.size = 32};
    memcpy(value.buffer, digest, 32);
    TPMT_SIG_SCHEME scheme = {.scheme = TPM2_ALG_ECDSA, .details.ecdsa.hashAlg = TPM2_ALG_SHA256};
    TPMT_TK_HASHCHECK ticket = {.tag = TPM2_ST_HASHCHECK, .hierarchy = TPM2_RH_NULL};
    TPMT_SIGNATURE signature;
    Tss2_Sys_Sign(context, handle, &password, &value, &scheme, &ticket, &signature, NULL);
    return end(context);
}

size_t oracle_agree(uint8_t *out, uint32_t handle, const uint8_t point[64]) {
    TSS2_SYS_CONTEXT *context = begin(out);
    TPM2B_ECC_POINT in = {.point = {.x = {.size = 32}, .y = {.size = 32}}}, shared = {0};
    memcpy(in.point.x.buffer, point, 32);
    memcpy(in.point.y.buffer, point + 32, 32);
    Tss2_Sys_ECDH_ZGen(context, handle, &password, &in, &shared, NULL);
    return end(context);
}

size_t oracle_quote(uint8_t *out, uint32_t handle, uint32_t bits, const uint8_t *nonce, size_t nonce_count) {
    TSS2_SYS_CONTEXT *context = begin(out);
    TPM2B_DATA qualifying = {.size = (UINT16)nonce_count};
    memcpy(qualifying.buffer, nonce, nonce_count);
    TPMT_SIG_SCHEME scheme = {.scheme = TPM2_ALG_NULL};
    TPML_PCR_SELECTION in = selection(bits);
    TPM2B_ATTEST attested = {0};
    TPMT_SIGNATURE signature;
    Tss2_Sys_Quote(context, handle, &password, &qualifying, &scheme, &in, &attested, &signature, NULL);
    return end(context);
}
