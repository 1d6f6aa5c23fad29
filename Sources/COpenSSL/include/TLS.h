/* TLS of the client side (libssl), certificates, a BIO over a descriptor, and a private key that is
 * somewhere else. Part of COpenSSL: shims without policy. */
#pragma once

#include <errno.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

/* --- A BIO over a socket that is the caller's: never closes it, never raises SIGPIPE. In COpenSSL.c,
 * so that no header here declares sockets: their types differ from module to module. --- */

BIO_METHOD *penstock_socket_method(void);

/* Gives the session a BIO over the descriptor. */
static inline int penstock_tls_attach(SSL *session, const BIO_METHOD *method, int descriptor) {
    BIO *bio = BIO_new(method);
    if (bio == NULL) return 0;
    BIO_set_data(bio, (void *)(intptr_t)descriptor);
    BIO_set_init(bio, 1);
    SSL_set_bio(session, bio, bio);
    return 1;
}

/* --- A P-256 key whose signatures are made elsewhere. --- */

/* Signs a SHA-256 digest: writes r||s and returns 1, or returns 0. */
typedef int (*penstock_signer)(void *context, const uint8_t *digest, uint8_t *raw);

struct penstock_signing {
    penstock_signer signer;
    void *context;
};

static ECDSA_SIG *penstock_sign_elsewhere(const unsigned char *digest, int count, const BIGNUM *inverse,
                                          const BIGNUM *r_given, EC_KEY *key) {
    (void)inverse, (void)r_given;
    const struct penstock_signing *signing = (const struct penstock_signing *)EC_KEY_get_ex_data(key, 0);
    uint8_t raw[64];
    if (signing == NULL || count != 32 || signing->signer(signing->context, digest, raw) != 1) return NULL;
    ECDSA_SIG *signature = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(raw, 32, NULL), *s = BN_bin2bn(raw + 32, 32, NULL);
    if (signature != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(signature, r, s) == 1) return signature;
    ECDSA_SIG_free(signature);
    BN_free(r);
    BN_free(s);
    return NULL;
}

static inline EC_KEY_METHOD *penstock_signing_method(void) {
    EC_KEY_METHOD *method = EC_KEY_METHOD_new(EC_KEY_OpenSSL());
    if (method == NULL) return NULL;
    int (*sign)(int, const unsigned char *, int, unsigned char *, unsigned int *, const BIGNUM *, const BIGNUM *, EC_KEY *) = NULL;
    int (*setup)(EC_KEY *, BN_CTX *, BIGNUM **, BIGNUM **) = NULL;
    EC_KEY_METHOD_get_sign(method, &sign, &setup, NULL);
    EC_KEY_METHOD_set_sign(method, sign, setup, penstock_sign_elsewhere);
    return method;
}

/* A key with the public half of the certificate, signing by `signing`, which must outlive it;
 * NULL if the certificate's key is not one on P-256. */
static inline EVP_PKEY *penstock_signing_key(X509 *certificate, const EC_KEY_METHOD *method, struct penstock_signing *signing) {
    uint8_t point[65] = {4};
    EVP_PKEY *public_key = X509_get0_pubkey(certificate), *result = NULL;
    EC_KEY *key = NULL;
    if (public_key != NULL && penstock_es256_point(public_key, point + 1) == 1 &&
        (key = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1)) != NULL &&
        EC_KEY_oct2key(key, point, sizeof point, NULL) == 1 && EC_KEY_set_method(key, method) == 1 &&
        EC_KEY_set_ex_data(key, 0, signing) == 1 && (result = EVP_PKEY_new()) != NULL &&
        EVP_PKEY_set1_EC_KEY(result, key) != 1) {
        EVP_PKEY_free(result);
        result = NULL;
    }
    EC_KEY_free(key);
    return result;
}

/* --- Certificates. --- */

/* One certificate in DER, with nothing behind it; NULL if it is none. */
static inline X509 *penstock_certificate(const uint8_t *bytes, size_t count) {
    const uint8_t *next = bytes;
    X509 *certificate = d2i_X509(NULL, &next, (long)count);
    if (certificate != NULL && next != bytes + count) {
        X509_free(certificate);
        certificate = NULL;
    }
    return certificate;
}

/* Adds all certificates of the bytes (PEM, several; or DER, one) as authorities: how many; -1 if one is malformed. */
static inline int penstock_authorities(SSL_CTX *context, const uint8_t *bytes, size_t count) {
    X509_STORE *store = SSL_CTX_get_cert_store(context);
    int added = 0;
    if (count > 0 && bytes[0] == 0x30) {
        X509 *certificate = penstock_certificate(bytes, count);
        added = certificate != NULL && X509_STORE_add_cert(store, certificate) == 1 ? 1 : -1;
        X509_free(certificate);
        return added;
    }
    BIO *bio = BIO_new_mem_buf(bytes, (int)count);
    if (bio == NULL) return -1;
    X509 *certificate;
    ERR_clear_error();
    while (added >= 0 && (certificate = PEM_read_bio_X509(bio, NULL, penstock_no_password, NULL)) != NULL) {
        added = X509_STORE_add_cert(store, certificate) == 1 ? added + 1 : -1;
        X509_free(certificate);
    }
    /* The end of the file is told as an error, too. */
    if (added >= 0 && ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) added = -1;
    BIO_free(bio);
    ERR_clear_error();
    return added;
}

/* --- Macros made callable. --- */

static inline int penstock_tls_version(SSL *session, int version) {
    return SSL_set_min_proto_version(session, version) == 1 && SSL_set_max_proto_version(session, version) == 1;
}

static inline int penstock_tls_algorithms(SSL *session, const char *groups, const char *signatures) {
    return SSL_set1_groups_list(session, groups) == 1 && SSL_set1_sigalgs_list(session, signatures) == 1;
}

static inline void penstock_tls_small(SSL *session, long certificates_maximum) {
    SSL_set_mode(session, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_set_read_ahead(session, 0);
    SSL_set_max_cert_list(session, certificates_maximum);
}

/* Certificates are verified, at this time, through an authority of the store whether it is self-signed or not. */
static inline void penstock_tls_verification(SSL *session, int64_t time_seconds) {
    X509_VERIFY_PARAM *parameters = SSL_get0_param(session);
    SSL_set_verify(session, SSL_VERIFY_PEER, NULL);
    X509_VERIFY_PARAM_set_time(parameters, (time_t)time_seconds);
    X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_PARTIAL_CHAIN);
    X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
}

/* The name goes out in the clear (SNI) and is checked against the certificate; an address is only checked. */
static inline int penstock_tls_name(SSL *session, const char *name) {
    X509_VERIFY_PARAM *parameters = SSL_get0_param(session);
    if (X509_VERIFY_PARAM_set1_ip_asc(parameters, name) == 1) return 1;
    ERR_clear_error();
    return X509_VERIFY_PARAM_set1_host(parameters, name, 0) == 1 && SSL_set_tlsext_host_name(session, name) == 1;
}

static inline int penstock_tls_chain(SSL *session, X509 *certificate) {
    return SSL_add1_chain_cert(session, certificate) == 1;
}

/* Before a call whose failure will be asked for. */
static inline void penstock_tls_forget(void) {
    ERR_clear_error();
    errno = 0;
}

static inline int penstock_errno(void) { return errno; }

/* The reason of libssl's first error in the queue, which is emptied; 0 if there is none. */
static inline int penstock_tls_reason(void) {
    int reason = 0;
    for (unsigned long error; (error = ERR_get_error()) != 0;)
        if (reason == 0 && ERR_GET_LIB(error) == ERR_LIB_SSL) reason = ERR_GET_REASON(error);
    return reason;
}
