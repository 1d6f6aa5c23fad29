/* COpenSSL: all is in the headers, but for what needs sockets, and for what has to happen before main,
 * while the process is not confined yet. */
#include "COpenSSL.h"
#include <sys/socket.h>
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

static int penstock_socket_write(BIO *bio, const char *bytes, int count) {
    BIO_clear_retry_flags(bio);
    ssize_t done = send((int)(intptr_t)BIO_get_data(bio), bytes, (size_t)count, MSG_NOSIGNAL);
    if (done < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_write(bio);
    return (int)done;
}

static int penstock_socket_read(BIO *bio, char *bytes, int count) {
    BIO_clear_retry_flags(bio);
    ssize_t done = recv((int)(intptr_t)BIO_get_data(bio), bytes, (size_t)count, 0);
    if (done < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_read(bio);
    if (done == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
    return (int)done;
}

static long penstock_socket_control(BIO *bio, int command, long number, void *pointer) {
    (void)number, (void)pointer;
    switch (command) {
    case BIO_CTRL_FLUSH: return 1;
    case BIO_CTRL_EOF: return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
    default: return 0;
    }
}

BIO_METHOD *penstock_socket_method(void) {
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK | 127, "socket");
    if (method == NULL) return NULL;
    BIO_meth_set_write(method, penstock_socket_write);
    BIO_meth_set_read(method, penstock_socket_read);
    BIO_meth_set_ctrl(method, penstock_socket_control);
    return method;
}
