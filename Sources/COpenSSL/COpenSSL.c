/* COpenSSL: all that matters is in the headers, but for what has to happen before main, while the
 * process is not confined yet. */
#include "COpenSSL.h"
#include <time.h>

/* No process of ours reads openssl.cnf, since what is allowed is said in Cryptography, nor loads the
 * texts of errors, which nobody reads. And glibc looks for /etc/localtime when certificates' dates are
 * first compared: here, where that is harmless, and not in a role that may not open files. */
__attribute__((constructor)) static void penstock_openssl_start(void) {
    time_t start = 0;
    struct tm fields;
    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS | OPENSSL_INIT_NO_ATEXIT, NULL);
    gmtime_r(&start, &fields);
}
