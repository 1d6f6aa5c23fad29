/* One session a call: begun, logged in, used, ended. */
#include "CToken.h"
#include <dlfcn.h>
#include <string.h>
#include <p11-kit-1/p11-kit/pkcs11.h>

#define EDWARDS_KEY 0x40UL        /* CKK_EC_EDWARDS */
#define EDWARDS_SIGNATURE 0x1057UL /* CKM_EDDSA */
#define SLOTS 64

struct session {
    void *library;
    CK_FUNCTION_LIST_PTR calls;
    CK_SESSION_HANDLE handle;
    int has_begun, is_open;
    CK_RV reason;
};

static void session_end(struct session *session) {
    if (session->is_open) {
        session->calls->C_Logout(session->handle);
        session->calls->C_CloseSession(session->handle);
    }
    if (session->has_begun) session->calls->C_Finalize(NULL);
    if (session->library != NULL) dlclose(session->library);
}

/* A label in a token's description is 32 bytes, filled up with spaces. */
static int has_label(const CK_TOKEN_INFO *info, const char *label) {
    size_t count = strlen(label);
    if (count > sizeof info->label || memcmp(info->label, label, count) != 0) return 0;
    while (count < sizeof info->label)
        if (info->label[count++] != ' ') return 0;
    return 1;
}

static enum penstock_token_step session_begin(struct session *session, const struct penstock_token *where) {
    CK_RV (*list)(CK_FUNCTION_LIST_PTR_PTR);
    session->library = dlopen(where->module, RTLD_NOW | RTLD_LOCAL);
    if (session->library == NULL) return PENSTOCK_TOKEN_MODULE;
    *(void **)&list = dlsym(session->library, "C_GetFunctionList");
    if (list == NULL || (session->reason = list(&session->calls)) != CKR_OK) return PENSTOCK_TOKEN_MODULE;
    if ((session->reason = session->calls->C_Initialize(NULL)) != CKR_OK) return PENSTOCK_TOKEN_MODULE;
    session->has_begun = 1;

    CK_SLOT_ID slots[SLOTS], found = 0;
    CK_ULONG count = SLOTS, matches = 0;
    if ((session->reason = session->calls->C_GetSlotList(CK_TRUE, slots, &count)) != CKR_OK) return PENSTOCK_TOKEN_TOKEN;
    for (CK_ULONG i = 0; i < count; i++) {
        CK_TOKEN_INFO info;
        if (session->calls->C_GetTokenInfo(slots[i], &info) != CKR_OK || !has_label(&info, where->token)) continue;
        found = slots[i];
        matches++;
    }
    if (matches != 1) return PENSTOCK_TOKEN_TOKEN;
    if ((session->reason = session->calls->C_OpenSession(found, CKF_SERIAL_SESSION, NULL, NULL, &session->handle)) != CKR_OK) return PENSTOCK_TOKEN_TOKEN;
    session->is_open = 1;
    session->reason = session->calls->C_Login(session->handle, CKU_USER, (CK_UTF8CHAR_PTR)where->pin, where->pin_count);
    return session->reason == CKR_OK ? PENSTOCK_TOKEN_DONE : PENSTOCK_TOKEN_LOGIN;
}

/* The one object of a class with this label; 0 if there is none, or another. */
static int find(struct session *session, CK_OBJECT_CLASS class, const char *label, CK_OBJECT_HANDLE *object) {
    CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &class, sizeof class}, {CKA_LABEL, (void *)label, strlen(label)}};
    CK_OBJECT_HANDLE found[2];
    CK_ULONG count = 0;
    if ((session->reason = session->calls->C_FindObjectsInit(session->handle, wanted, 2)) != CKR_OK) return 0;
    session->reason = session->calls->C_FindObjects(session->handle, found, 2, &count);
    session->calls->C_FindObjectsFinal(session->handle);
    if (session->reason != CKR_OK || count != 1) return 0;
    *object = found[0];
    return 1;
}

static int key_type(struct session *session, CK_OBJECT_HANDLE object, CK_KEY_TYPE *type) {
    CK_ATTRIBUTE attribute = {CKA_KEY_TYPE, type, sizeof *type};
    return (session->reason = session->calls->C_GetAttributeValue(session->handle, object, &attribute, 1)) == CKR_OK;
}

enum penstock_token_step penstock_token_public(const struct penstock_token *where, uint8_t key[64], size_t *count, unsigned long *reason) {
    struct session session = {0};
    CK_OBJECT_HANDLE object;
    CK_KEY_TYPE type;
    uint8_t point[160];
    enum penstock_token_step step = session_begin(&session, where);
    if (step == PENSTOCK_TOKEN_DONE && !find(&session, CKO_PUBLIC_KEY, where->object, &object)) step = PENSTOCK_TOKEN_PUBLIC;
    if (step == PENSTOCK_TOKEN_DONE) {
        CK_ATTRIBUTE attribute = {CKA_EC_POINT, point, sizeof point};
        if (!key_type(&session, object, &type) || (type != CKK_EC && type != EDWARDS_KEY)) {
            step = session.reason == CKR_OK ? PENSTOCK_TOKEN_ALGORITHM : PENSTOCK_TOKEN_PUBLIC;
        } else if ((session.reason = session.calls->C_GetAttributeValue(session.handle, object, &attribute, 1)) != CKR_OK) {
            step = PENSTOCK_TOKEN_PUBLIC;
        } else if (type == CKK_EC && attribute.ulValueLen == 67 && point[0] == 4 && point[1] == 65 && point[2] == 4) {
            /* A DER octet string around the uncompressed point. */
            memcpy(key, point + 3, 64);
            *count = 64;
        } else if (type == EDWARDS_KEY && attribute.ulValueLen == 34 && point[0] == 4 && point[1] == 32) {
            memcpy(key, point + 2, 32);
            *count = 32;
        } else {
            step = PENSTOCK_TOKEN_ALGORITHM;
        }
    }
    *reason = session.reason;
    session_end(&session);
    return step;
}

enum penstock_token_step penstock_token_sign(const struct penstock_token *where, const uint8_t *message, size_t count,
                                             uint8_t signature[64], unsigned long *reason) {
    struct session session = {0};
    CK_OBJECT_HANDLE object;
    CK_KEY_TYPE type;
    enum penstock_token_step step = session_begin(&session, where);
    if (step == PENSTOCK_TOKEN_DONE && (!find(&session, CKO_PRIVATE_KEY, where->object, &object) || !key_type(&session, object, &type)))
        step = PENSTOCK_TOKEN_OBJECT;
    if (step == PENSTOCK_TOKEN_DONE && type != CKK_EC && type != EDWARDS_KEY) step = PENSTOCK_TOKEN_ALGORITHM;
    if (step == PENSTOCK_TOKEN_DONE) {
        CK_MECHANISM mechanism = {type == CKK_EC ? CKM_ECDSA : EDWARDS_SIGNATURE, NULL, 0};
        CK_ULONG length = 64;
        if ((session.reason = session.calls->C_SignInit(session.handle, &mechanism, object)) != CKR_OK ||
            (session.reason = session.calls->C_Sign(session.handle, (CK_BYTE_PTR)message, count, signature, &length)) != CKR_OK || length != 64)
            step = PENSTOCK_TOKEN_SIGN;
    }
    *reason = session.reason;
    session_end(&session);
    return step;
}
