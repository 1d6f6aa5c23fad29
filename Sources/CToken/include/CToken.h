/* CToken: a key in a PKCS#11 token (Cryptoki 2.40), found and used in one call. No policy. Host only. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Where the key is. Labels end with a zero; so does the module's path. The PIN is not kept. */
struct penstock_token {
    const char *module, *token, *object;
    const uint8_t *pin;
    size_t pin_count;
};

enum penstock_token_step {
    PENSTOCK_TOKEN_DONE = 0,
    PENSTOCK_TOKEN_MODULE,      /* the module could not be loaded or begun */
    PENSTOCK_TOKEN_TOKEN,       /* no token with this label, or more than one */
    PENSTOCK_TOKEN_LOGIN,
    PENSTOCK_TOKEN_OBJECT,      /* no private key with this label, or more than one */
    PENSTOCK_TOKEN_ALGORITHM,   /* neither P-256 nor Ed25519 */
    PENSTOCK_TOKEN_PUBLIC,      /* its public key is not beside it */
    PENSTOCK_TOKEN_SIGN,
};

/* The public key: 64 bytes x||y, or 32 of Ed25519. *reason is the token's own number (CK_RV), 0 if it has none. */
enum penstock_token_step penstock_token_public(const struct penstock_token *where, uint8_t key[64], size_t *count, unsigned long *reason);

/* Signs a SHA-256 digest with a P-256 key (r||s), or a whole message with an Ed25519 key. */
enum penstock_token_step penstock_token_sign(const struct penstock_token *where, const uint8_t *message, size_t count,
                                             uint8_t signature[64], unsigned long *reason);
