/* COpenSSL: all that matters is in the header, but for one thing that has to happen before main. */
#include "COpenSSL.h"

/* No process of ours reads openssl.cnf: what is allowed is said in Cryptography, and a confined role
 * that went to look for a file would be killed for it. */
__attribute__((constructor)) static void penstock_openssl_start(void) {
    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, NULL);
}
