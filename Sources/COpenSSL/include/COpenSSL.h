/* COpenSSL: inline shims over libcrypto and libssl (OpenSSL 3.0). Macros made callable, several calls
 * made one, errors left out of OpenSSL's queue. No policy: what is allowed is said in Cryptography,
 * the one module that imports this. Results are 1 for done and 0 for not, unless said otherwise. */
#pragma once

/* SHA256_* and EC_KEY_METHOD are deprecated in 3.0, not gone: the first allocates nothing, the second
 * is the one way to have a TLS handshake signed by a key that another process keeps. */
#define OPENSSL_SUPPRESS_DEPRECATED 1

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

/* An ES256 public key from its point x||y; NULL if the point is not on P-256. */
static inline EVP_PKEY *penstock_es256_public(const uint8_t point[64]) {
    uint8_t uncompressed[65] = {4};
    memcpy(uncompressed + 1, point, 64);
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)"prime256v1", 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, uncompressed, sizeof uncompressed),
        OSSL_PARAM_construct_end(),
    };
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    if (context == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters) != 1) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    EVP_PKEY_CTX_free(context);
    ERR_clear_error();
    return key;
}

static inline EVP_PKEY *penstock_ed25519_public(const uint8_t bytes[32]) {
    EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, bytes, 32);
    ERR_clear_error();
    return key;
}

static inline EVP_PKEY *penstock_es256_generate(void) {
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    ERR_clear_error();
    return key;
}

static inline EVP_PKEY *penstock_ed25519_generate(void) {
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    ERR_clear_error();
    return key;
}

/* The point x||y of an EC key; 0 if the key is not one on P-256. */
static inline int penstock_es256_point(EVP_PKEY *key, uint8_t point[64]) {
    char group[32];
    size_t count = 0;
    int done = EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
        EVP_PKEY_get_group_name(key, group, sizeof group, &count) == 1 && strcmp(group, "prime256v1") == 0;
    BIGNUM *x = NULL, *y = NULL;
    done = done && EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_PUB_X, &x) == 1 &&
        EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_PUB_Y, &y) == 1 &&
        BN_bn2binpad(x, point, 32) == 32 && BN_bn2binpad(y, point + 32, 32) == 32;
    BN_free(x);
    BN_free(y);
    ERR_clear_error();
    return done;
}

static inline int penstock_ed25519_bytes(EVP_PKEY *key, uint8_t bytes[32]) {
    size_t count = 32;
    int done = EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519 &&
        EVP_PKEY_get_raw_public_key(key, bytes, &count) == 1 && count == 32;
    ERR_clear_error();
    return done;
}

/* r||s as the DER sequence that OpenSSL and X.509 speak: its length, at most 72; 0 if it failed. */
static inline size_t penstock_ecdsa_der(const uint8_t raw[64], uint8_t der[72]) {
    size_t count = 0;
    ECDSA_SIG *signature = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(raw, 32, NULL), *s = BN_bin2bn(raw + 32, 32, NULL);
    if (signature != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(signature, r, s) == 1) {
        int length = i2d_ECDSA_SIG(signature, NULL);
        if (length > 0 && length <= 72) count = (size_t)i2d_ECDSA_SIG(signature, &der);
    } else {
        BN_free(r);
        BN_free(s);
    }
    ECDSA_SIG_free(signature);
    ERR_clear_error();
    return count;
}

static inline int penstock_ecdsa_raw(const uint8_t *der, size_t count, uint8_t raw[64]) {
    const uint8_t *next = der;
    ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &next, (long)count);
    int done = signature != NULL && next == der + count &&
        BN_bn2binpad(ECDSA_SIG_get0_r(signature), raw, 32) == 32 &&
        BN_bn2binpad(ECDSA_SIG_get0_s(signature), raw + 32, 32) == 32;
    ECDSA_SIG_free(signature);
    ERR_clear_error();
    return done;
}

/* Verifies over the whole message: a DER signature with SHA-256 (digest), or Ed25519 (digest NULL). */
static inline int penstock_verify(EVP_PKEY *key, const EVP_MD *digest, const uint8_t *signature, size_t count,
                                  const void *message, size_t length) {
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int done = context != NULL && EVP_DigestVerifyInit(context, NULL, digest, NULL, key) == 1 &&
        EVP_DigestVerify(context, signature, count, (const uint8_t *)message, length) == 1;
    EVP_MD_CTX_free(context);
    ERR_clear_error();
    return done;
}

/* Signs the whole message; *count is the room at first, the signature's length afterwards. */
static inline int penstock_sign(EVP_PKEY *key, const EVP_MD *digest, uint8_t *signature, size_t *count,
                                const void *message, size_t length) {
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int done = context != NULL && EVP_DigestSignInit(context, NULL, digest, NULL, key) == 1 &&
        EVP_DigestSign(context, signature, count, (const uint8_t *)message, length) == 1;
    EVP_MD_CTX_free(context);
    ERR_clear_error();
    return done;
}

/* ECDSA over a digest that is made already. */
static inline int penstock_sign_digest(EVP_PKEY *key, uint8_t *signature, size_t *count, const uint8_t digest[32]) {
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
    int done = context != NULL && EVP_PKEY_sign_init(context) == 1 &&
        EVP_PKEY_sign(context, signature, count, digest, 32) == 1;
    EVP_PKEY_CTX_free(context);
    ERR_clear_error();
    return done;
}

/* A password is never asked for: an encrypted file is refused, where OpenSSL would read the terminal. */
static inline int penstock_no_password(char *buffer, int size, int writing, void *context) {
    (void)buffer, (void)size, (void)writing, (void)context;
    return -1;
}

static inline EVP_PKEY *penstock_private_from_pem(const uint8_t *bytes, size_t count) {
    BIO *bio = BIO_new_mem_buf(bytes, (int)count);
    EVP_PKEY *key = bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, penstock_no_password, NULL);
    BIO_free(bio);
    ERR_clear_error();
    return key;
}

static inline EVP_PKEY *penstock_public_from_pem(const uint8_t *bytes, size_t count) {
    BIO *bio = BIO_new_mem_buf(bytes, (int)count);
    EVP_PKEY *key = bio == NULL ? NULL : PEM_read_bio_PUBKEY(bio, NULL, penstock_no_password, NULL);
    BIO_free(bio);
    ERR_clear_error();
    return key;
}

/* PKCS#8 (or SubjectPublicKeyInfo) in PEM: the length; 0 if it failed or does not fit. */
static inline size_t penstock_pem(EVP_PKEY *key, int secret, uint8_t *out, size_t capacity) {
    BIO *bio = BIO_new(secret ? BIO_s_secmem() : BIO_s_mem());
    size_t count = 0;
    if (bio != NULL && (secret ? PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL)
                               : PEM_write_bio_PUBKEY(bio, key)) == 1) {
        char *data = NULL;
        long length = BIO_get_mem_data(bio, &data);
        if (length > 0 && (size_t)length <= capacity) {
            memcpy(out, data, (size_t)length);
            count = (size_t)length;
        }
    }
    BIO_free(bio);
    ERR_clear_error();
    return count;
}

/* AES-256-GCM in one call; out has room for count bytes, tag for 16. */
static inline int penstock_gcm_seal(const uint8_t key[32], const uint8_t nonce[12],
                                    const void *associated, size_t associated_count,
                                    const void *plain, size_t count, uint8_t *out, uint8_t tag[16]) {
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int n = 0;
    int done = context != NULL && EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), NULL, key, nonce) == 1 &&
        (associated_count == 0 || EVP_EncryptUpdate(context, NULL, &n, (const uint8_t *)associated, (int)associated_count) == 1) &&
        (count == 0 || EVP_EncryptUpdate(context, out, &n, (const uint8_t *)plain, (int)count) == 1) &&
        EVP_EncryptFinal_ex(context, tag, &n) == 1 &&
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, 16, tag) == 1;
    EVP_CIPHER_CTX_free(context);
    ERR_clear_error();
    return done;
}

static inline int penstock_gcm_open(const uint8_t key[32], const uint8_t nonce[12],
                                    const void *associated, size_t associated_count,
                                    const void *sealed, size_t count, const uint8_t tag[16], uint8_t *out) {
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int n = 0;
    uint8_t last[16], expected[16];
    memcpy(expected, tag, 16);
    int done = context != NULL && EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), NULL, key, nonce) == 1 &&
        (associated_count == 0 || EVP_DecryptUpdate(context, NULL, &n, (const uint8_t *)associated, (int)associated_count) == 1) &&
        (count == 0 || EVP_DecryptUpdate(context, out, &n, (const uint8_t *)sealed, (int)count) == 1) &&
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, 16, expected) == 1 &&
        EVP_DecryptFinal_ex(context, last, &n) == 1;
    if (!done && count > 0) OPENSSL_cleanse(out, count);
    EVP_CIPHER_CTX_free(context);
    ERR_clear_error();
    return done;
}

/* AES-256 key wrap of a 32-byte key (RFC 3394). */
static inline int penstock_key_wrap(const uint8_t kek[32], const uint8_t *in, int count, uint8_t *out, int wrap) {
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int n = 0, done = 0;
    if (context != NULL) {
        EVP_CIPHER_CTX_set_flags(context, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
        done = EVP_CipherInit_ex(context, EVP_aes_256_wrap(), NULL, kek, NULL, wrap) == 1 &&
            EVP_CipherUpdate(context, out, &n, in, count) == 1 && n == (wrap ? count + 8 : count - 8);
    }
    EVP_CIPHER_CTX_free(context);
    ERR_clear_error();
    return done;
}

/* The x coordinate of the shared point of ECDH over P-256. */
static inline int penstock_ecdh(EVP_PKEY *key, EVP_PKEY *peer, uint8_t secret[32]) {
    size_t count = 32;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
    int done = context != NULL && EVP_PKEY_derive_init(context) == 1 && EVP_PKEY_derive_set_peer(context, peer) == 1 &&
        EVP_PKEY_derive(context, secret, &count) == 1 && count == 32;
    EVP_PKEY_CTX_free(context);
    ERR_clear_error();
    return done;
}

#include "TLS.h"
