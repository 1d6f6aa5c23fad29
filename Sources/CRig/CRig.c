/* Duty: the few calls of the rig that need C. No policy. */
#define _GNU_SOURCE
#include "CRig.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

ssize_t rig_receive(int socket, void *bytes, size_t length, int *fds, int fds_maximum, int *fds_count) {
    char control[CMSG_SPACE(sizeof(int) * 16)];
    struct iovec part = {bytes, length};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    *fds_count = 0;
    ssize_t count;
    do {
        count = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    } while (count < 0 && errno == EINTR);
    if (count < 0) return -1;
    for (struct cmsghdr *part = CMSG_FIRSTHDR(&message); part; part = CMSG_NXTHDR(&message, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
        size_t held = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < held; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof fd);
            if (*fds_count < fds_maximum) fds[(*fds_count)++] = fd;
            else close(fd);
        }
    }
    return count;
}

pid_t rig_spawn(char *const argv[], char *const envp[], int input, int output, int errors) {
    pid_t parent = getpid();
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0) return -1;
    int failure[2];
    if (pipe2(failure, O_CLOEXEC)) { close(null); return -1; }
    pid_t pid = fork();
    if (pid == 0) { /* Only async-signal-safe calls from here on. */
        int wanted[3] = {input < 0 ? null : input, output < 0 ? null : output, errors < 0 ? null : errors};
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        signal(SIGPIPE, SIG_DFL);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) _exit(127);
        /* First out of the way of 0-2, then into place. */
        for (int i = 0; i < 3; i++) wanted[i] = fcntl(wanted[i], F_DUPFD_CLOEXEC, 3);
        for (int i = 0; i < 3; i++) dup2(wanted[i], i);
        execve(argv[0], argv, envp);
        int reason = errno;
        (void)!write(failure[1], &reason, sizeof reason);
        _exit(127);
    }
    int saved = errno;
    close(failure[1]);
    close(null);
    int reason = 0;
    ssize_t told = pid < 0 ? 0 : read(failure[0], &reason, sizeof reason);
    close(failure[0]);
    if (pid < 0) { errno = saved; return -1; }
    if (told == sizeof reason) { waitpid(pid, NULL, 0); errno = reason; return -1; }
    return pid;
}

static int bound_socket(int type, int ipv6, uint16_t port, uint16_t *bound) {
    int fd = socket(ipv6 ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return -1;
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (ipv6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    struct sockaddr_storage name;
    socklen_t length = sizeof name;
    if (bind(fd, ipv6 ? (void *)&six : (void *)&four, ipv6 ? sizeof six : sizeof four) ||
        (type == SOCK_STREAM && listen(fd, 64)) || getsockname(fd, (void *)&name, &length)) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    *bound = ntohs(ipv6 ? ((struct sockaddr_in6 *)&name)->sin6_port : ((struct sockaddr_in *)&name)->sin_port);
    return fd;
}

int rig_listen_tcp(int ipv6, uint16_t port, uint16_t *bound) { return bound_socket(SOCK_STREAM, ipv6, port, bound); }
int rig_bind_udp(int ipv6, uint16_t port, uint16_t *bound) { return bound_socket(SOCK_DGRAM, ipv6, port, bound); }

int rig_connect_tcp(uint16_t port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;
    if (connect(fd, (void *)&four, sizeof four) || fcntl(fd, F_SETFL, O_NONBLOCK)) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

static int unix_socket(const char *path, struct sockaddr_un *name) {
    *name = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof name->sun_path) { errno = ENAMETOOLONG; return -1; }
    strcpy(name->sun_path, path);
    return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

int rig_listen_unix(const char *path) {
    struct sockaddr_un name;
    int fd = unix_socket(path, &name);
    if (fd < 0) return -1;
    unlink(path);
    if (bind(fd, (void *)&name, sizeof name) || listen(fd, 4)) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

int rig_connect_unix(const char *path) {
    struct sockaddr_un name;
    int fd = unix_socket(path, &name);
    if (fd < 0) return -1;
    if (connect(fd, (void *)&name, sizeof name)) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

int rig_accept(int listener, int nonblocking) {
    return accept4(listener, NULL, NULL, SOCK_CLOEXEC | (nonblocking ? SOCK_NONBLOCK : 0));
}

int rig_event_counter(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

static sigset_t ending_signals(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    return set;
}

void rig_block_ending_signals(void) {
    sigset_t set = ending_signals();
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

int rig_wait_ending_signal(void) {
    sigset_t set = ending_signals();
    int number = 0;
    while (sigwait(&set, &number)) {}
    return number;
}

int rig_reap(pid_t pid) {
    int status;
    pid_t got;
    do {
        got = waitpid(pid, &status, WNOHANG);
    } while (got < 0 && errno == EINTR);
    if (got == 0) return -1;
    if (got < 0) return 127;
    return WIFSIGNALED(status) ? 256 + WTERMSIG(status) : WEXITSTATUS(status);
}
