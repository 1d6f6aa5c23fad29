/* The kernel and the C library as the device uses them: constants, structures, and calls that
   return a value or a negative errno. No policy. Only the modules System, Confine and Authority
   (for the numbers of system calls) import this. */
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/dm-ioctl.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/futex.h>
#include <linux/gpio.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <linux/seccomp.h>
#include <linux/watchdog.h>

#define PK_INLINE static inline __attribute__((always_inline))
#define PK_RESULT(call) ({ __typeof__(call) r_ = (call); r_ < 0 ? -errno : r_; })

/* ---- files and devices */
PK_INLINE int pk_open(const char *path, int flags, int mode) { return PK_RESULT(open(path, flags | O_CLOEXEC, mode)); }
PK_INLINE int pk_close(int fd) { return close(fd); }
PK_INLINE long pk_read(int fd, void *to, size_t n) { return PK_RESULT(read(fd, to, n)); }
PK_INLINE long pk_write(int fd, const void *from, size_t n) { return PK_RESULT(write(fd, from, n)); }
PK_INLINE long pk_pread(int fd, void *to, size_t n, int64_t at) { return PK_RESULT(pread(fd, to, n, at)); }
PK_INLINE long pk_pwrite(int fd, const void *from, size_t n, int64_t at) { return PK_RESULT(pwrite(fd, from, n, at)); }
PK_INLINE int pk_fdatasync(int fd) { return PK_RESULT(fdatasync(fd)); }
PK_INLINE int64_t pk_size(int fd) { return PK_RESULT((int64_t)lseek(fd, 0, SEEK_END)); }
PK_INLINE int pk_mknod(const char *path, int mode, unsigned major, unsigned minor) {
    return PK_RESULT(mknod(path, mode, (dev_t)((minor & 0xff) | (major << 8) | ((minor & ~0xffu) << 12))));
}
PK_INLINE int pk_dup2(int from, int to) { return PK_RESULT(dup2(from, to)); }
PK_INLINE int pk_dup(int fd) { return PK_RESULT(fcntl(fd, F_DUPFD_CLOEXEC, 3)); }
PK_INLINE int pk_dup_above(int fd, int least) { return PK_RESULT(fcntl(fd, F_DUPFD_CLOEXEC, least)); }
PK_INLINE int pk_keep_over_exec(int fd, int keep) { return PK_RESULT(fcntl(fd, F_SETFD, keep ? 0 : FD_CLOEXEC)); }
PK_INLINE int pk_memfd(const char *name) { return PK_RESULT((int)syscall(SYS_memfd_create, name, 1u /* MFD_CLOEXEC */)); }
/* Drops a block device's clean cached pages, so that what is read back comes from the device. */
PK_INLINE int pk_drop_cache(int fd) { return -posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED); }
PK_INLINE int pk_unlink(const char *path) { return PK_RESULT(unlink(path)); }
/* Takes the immutable flag away (ioctl_iflags(2)). */
PK_INLINE int pk_make_mutable(const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC), flags = 0, e = 0;
    if (fd < 0) return -errno;
    if (ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0) e = errno;
    else if (flags & FS_IMMUTABLE_FL) { flags &= ~FS_IMMUTABLE_FL; if (ioctl(fd, FS_IOC_SETFLAGS, &flags) < 0) e = errno; }
    close(fd);
    return -e;
}
PK_INLINE int pk_close_from(int first) { return PK_RESULT((int)syscall(SYS_close_range, first, ~0u, 0)); }

/* ---- waiting and time */
PK_INLINE int pk_poll(struct pollfd *fds, unsigned n, int timeout_ms) { return PK_RESULT(poll(fds, n, timeout_ms)); }
PK_INLINE int64_t pk_clock_ns(int clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}
PK_INLINE int pk_timer(int64_t period_ms) {
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (fd < 0) return -errno;
    struct itimerspec s = {{period_ms / 1000, period_ms % 1000 * 1000000}, {period_ms / 1000, period_ms % 1000 * 1000000}};
    if (timerfd_settime(fd, 0, &s, NULL) < 0) { int e = errno; close(fd); return -e; }
    return fd;
}
PK_INLINE void pk_sleep_ms(int64_t ms) { struct timespec t = {ms / 1000, ms % 1000 * 1000000}; while (nanosleep(&t, &t) < 0 && errno == EINTR) {} }
PK_INLINE long pk_random(void *to, size_t n) { return PK_RESULT(getrandom(to, n, 0)); }

/* ---- processes */
/* The arguments that this process was started with; Embedded Swift has no CommandLine. */
const char *pk_argument(int index); /* NULL past the last */

PK_INLINE int pk_fork(void) { return PK_RESULT(fork()); }
PK_INLINE int pk_execve(const char *path, char *const argv[]) {
    /* The one variable: without it the C library would look for a time zone in files. */
    char *const environment[] = {"TZ=UTC0", NULL};
    return PK_RESULT(execve(path, argv, environment));
}
PK_INLINE void pk_exit(int status) { _exit(status); }
PK_INLINE int pk_kill(int pid, int signal) { return PK_RESULT(kill(pid, signal)); }
PK_INLINE int pk_getpid(void) { return getpid(); }
/* Reaps one child: its pid, 0 if none has ended; *status as waitpid gives it. */
PK_INLINE int pk_reap(int *status) { return PK_RESULT(waitpid(-1, status, WNOHANG)); }
PK_INLINE int pk_exited_by_signal(int status) { return WIFSIGNALED(status) ? WTERMSIG(status) : 0; }
PK_INLINE int pk_exit_code(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : -1; }
PK_INLINE int pk_ignore_sigpipe(void) { return signal(SIGPIPE, SIG_IGN) == SIG_ERR ? -errno : 0; }
/* A descriptor that is readable when a child has ended. */
PK_INLINE int pk_child_signals(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    uint64_t mask = 1ull << (SIGCHLD - 1);
    return PK_RESULT((int)syscall(SYS_signalfd4, -1, &mask, sizeof mask, O_CLOEXEC | O_NONBLOCK));
}
PK_INLINE void pk_unblock_signals(void) { sigset_t s; sigemptyset(&s); sigprocmask(SIG_SETMASK, &s, NULL); }
PK_INLINE int pk_reboot(int command) { sync(); return PK_RESULT(reboot(command)); }
static const int PK_REBOOT_RESTART = RB_AUTOBOOT;
static const int PK_REBOOT_POWER_OFF = RB_POWER_OFF;

/* ---- threads, and the fixed memory that two of them share */
/* Starts a thread that nobody joins. It takes no signal: those of the process are the first thread's. */
PK_INLINE int pk_thread(void *(*body)(void *), void *context, size_t stack_bytes) {
    pthread_attr_t a;
    pthread_t t;
    sigset_t all, before;
    sigfillset(&all);
    sigdelset(&all, SIGSYS); /* of its own refused call, which ends the process */
    pthread_attr_init(&a);
    pthread_attr_setdetachstate(&a, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&a, stack_bytes);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int e = pthread_create(&t, &a, body, context);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&a);
    return -e;
}
/* What an owner asks of a thread, and what the thread answers. Each word has one writer, but `again`. */
#define PK_PLACES 64
#define PK_SAMPLES 16
struct pk_exchange {
    uint32_t started;  /* by the thread: it makes no more of the calls that only a start needs */
    uint32_t asked;    /* by the owner: the number of the last request; the thread waits for it to change */
    uint32_t answered; /* by the thread: the last request that was carried out */
    uint32_t calls;    /* by the thread: calls that returned */
    uint32_t again;    /* set by the owner, taken back by the thread: forget what was driven */
    uint64_t outputs;  /* by the owner: the places that are driven, a bit each */
    uint64_t wanted;   /* by the owner: their levels */
    uint64_t samples[PK_SAMPLES]; /* by the thread: how many there were, above the 32 bits of the last */
    uint8_t readings[PK_PLACES]; /* by the thread */
};
#define PK_LOAD(word) __atomic_load_n(&(word), __ATOMIC_ACQUIRE)
#define PK_STORE(word, value) __atomic_store_n(&(word), (value), __ATOMIC_RELEASE)
/* Sleeps while the word has this value; may wake for nothing. */
PK_INLINE void pk_wait_word(const uint32_t *p, uint32_t value) { syscall(SYS_futex, p, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0); }
PK_INLINE void pk_wake_word(const uint32_t *p) { syscall(SYS_futex, p, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0); }
/* The owner's side. */
PK_INLINE uint32_t pk_ask(struct pk_exchange *x, uint64_t outputs, uint64_t wanted, int again) {
    uint32_t number = PK_LOAD(x->asked) + 1;
    PK_STORE(x->wanted, wanted); /* before outputs, which the thread looks up first */
    PK_STORE(x->outputs, outputs);
    if (again) PK_STORE(x->again, 1);
    PK_STORE(x->asked, number);
    pk_wake_word(&x->asked);
    return number;
}
PK_INLINE uint32_t pk_answered(const struct pk_exchange *x) { return PK_LOAD(x->answered); }
PK_INLINE uint32_t pk_calls(const struct pk_exchange *x) { return PK_LOAD(x->calls); }
PK_INLINE uint8_t pk_reading(const struct pk_exchange *x, int place) { return PK_LOAD(x->readings[place]); }
PK_INLINE uint64_t pk_sample(const struct pk_exchange *x, int place) { return PK_LOAD(x->samples[place]); }
PK_INLINE void pk_await_start(const struct pk_exchange *x) { while (!PK_LOAD(x->started)) pk_wait_word(&x->started, 0); }
/* The thread's side. */
PK_INLINE void pk_say_started(struct pk_exchange *x) { PK_STORE(x->started, 1); pk_wake_word(&x->started); }
PK_INLINE void pk_await_request(const struct pk_exchange *x, uint32_t seen) { while (PK_LOAD(x->asked) == seen) pk_wait_word(&x->asked, seen); }
PK_INLINE uint32_t pk_asked(const struct pk_exchange *x) { return PK_LOAD(x->asked); }
PK_INLINE uint64_t pk_outputs(const struct pk_exchange *x) { return PK_LOAD(x->outputs); }
PK_INLINE uint64_t pk_wanted(const struct pk_exchange *x) { return PK_LOAD(x->wanted); }
PK_INLINE int pk_take_again(struct pk_exchange *x) { return __atomic_exchange_n(&x->again, 0, __ATOMIC_ACQ_REL) != 0; }
PK_INLINE void pk_publish(struct pk_exchange *x, int place, uint8_t reading) { PK_STORE(x->readings[place], reading); }
PK_INLINE void pk_publish_sample(struct pk_exchange *x, int place, uint32_t value) { PK_STORE(x->samples[place], ((PK_LOAD(x->samples[place]) >> 32) + 1) << 32 | value); }
PK_INLINE void pk_count_call(struct pk_exchange *x) { PK_STORE(x->calls, x->calls + 1); }
PK_INLINE void pk_answer(struct pk_exchange *x, uint32_t number) { PK_STORE(x->answered, number); }

/* ---- mounts */
PK_INLINE int pk_mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data) {
    return PK_RESULT(mount(source, target, type, flags, data));
}
PK_INLINE int pk_chdir(const char *path) { return PK_RESULT(chdir(path)); }
PK_INLINE int pk_chroot(const char *path) { return PK_RESULT(chroot(path)); }
static const unsigned long PK_MS_RDONLY = MS_RDONLY;
static const unsigned long PK_MS_NOSUID = MS_NOSUID;
static const unsigned long PK_MS_NODEV = MS_NODEV;
static const unsigned long PK_MS_NOEXEC = MS_NOEXEC;
static const unsigned long PK_MS_MOVE = MS_MOVE;
static const unsigned long PK_MS_REMOUNT = MS_REMOUNT;
PK_INLINE int pk_unshare_mounts(void) { return PK_RESULT((int)syscall(SYS_unshare, 0x20000 /* CLONE_NEWNS */)); }

/* ---- device-mapper (linux/dm-ioctl.h) */
PK_INLINE int pk_dm(int control, unsigned long request, void *buffer) { return PK_RESULT(ioctl(control, request, buffer)); }
static const unsigned long PK_DM_DEV_CREATE = DM_DEV_CREATE;
static const unsigned long PK_DM_TABLE_LOAD = DM_TABLE_LOAD;
static const unsigned long PK_DM_DEV_SUSPEND = DM_DEV_SUSPEND;
static const uint32_t PK_DM_READONLY_FLAG = DM_READONLY_FLAG;
PK_INLINE unsigned pk_minor(uint64_t dev) { return (unsigned)((dev & 0xff) | ((dev >> 12) & ~0xffu)); }
PK_INLINE unsigned pk_major(uint64_t dev) { return (unsigned)((dev >> 8) & 0xfff); }

/* ---- watchdog (kernel watchdog-api) */
PK_INLINE int pk_watchdog_timeout(int fd, int seconds) { return PK_RESULT(ioctl(fd, WDIOC_SETTIMEOUT, &seconds)); }
PK_INLINE int pk_watchdog_feed(int fd) { return PK_RESULT(ioctl(fd, WDIOC_KEEPALIVE, 0)); }

/* ---- channels between roles: sequenced packets. Each call says itself that it does not block: the flag of
   the open file is shared with the role at the other end of an inherited descriptor, who may clear it. */
PK_INLINE int pk_channel(int ends[2]) { return PK_RESULT(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends)); }
PK_INLINE long pk_send(int fd, const void *from, size_t n) { return PK_RESULT(send(fd, from, n, MSG_NOSIGNAL | MSG_DONTWAIT)); }
/* A packet longer than the buffer is refused (EMSGSIZE), never cut. */
PK_INLINE long pk_recv(int fd, void *to, size_t n) {
    struct iovec v = {to, n};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    ssize_t r = recvmsg(fd, &m, MSG_DONTWAIT);
    if (r < 0) return -errno;
    return m.msg_flags & MSG_TRUNC ? -EMSGSIZE : r;
}

/* ---- network, client side only */
struct pk_address { uint8_t bytes[16]; uint8_t is_v6; uint16_t port; }; /* port in host order; v4 in the first four bytes */
PK_INLINE socklen_t pk_sockaddr(const struct pk_address *a, struct sockaddr_storage *s) {
    memset(s, 0, sizeof *s);
    if (a->is_v6) {
        struct sockaddr_in6 *v = (struct sockaddr_in6 *)s;
        v->sin6_family = AF_INET6; v->sin6_port = htons(a->port); memcpy(&v->sin6_addr, a->bytes, 16);
        return sizeof *v;
    }
    struct sockaddr_in *v = (struct sockaddr_in *)s;
    v->sin_family = AF_INET; v->sin_port = htons(a->port); memcpy(&v->sin_addr, a->bytes, 4);
    return sizeof *v;
}
PK_INLINE int pk_socket_stream(int is_v6) {
    int fd = socket(is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), one = 1;
    if (fd < 0) return -errno;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}
PK_INLINE int pk_socket_datagram(int is_v6) { return PK_RESULT(socket(is_v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)); }
PK_INLINE int pk_connect(int fd, const struct pk_address *a) {
    struct sockaddr_storage s;
    socklen_t n = pk_sockaddr(a, &s);
    return PK_RESULT(connect(fd, (struct sockaddr *)&s, n));
}
PK_INLINE int pk_socket_error(int fd) {
    int e = 0; socklen_t n = sizeof e;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &n) < 0 ? errno : e;
}
/* A packet socket on one interface that takes IPv4 frames: for the DHCP client, before there is an address. */
PK_INLINE int pk_socket_packet(const char *interface, uint8_t mac[6]) {
    int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETH_P_IP));
    if (fd < 0) return -errno;
    struct ifreq r;
    memset(&r, 0, sizeof r);
    strncpy(r.ifr_name, interface, IFNAMSIZ - 1);
    if (ioctl(fd, SIOCGIFHWADDR, &r) < 0) { int e = errno; close(fd); return -e; }
    memcpy(mac, r.ifr_hwaddr.sa_data, 6);
    /* Unfragmented UDP to port 68 and nothing else: no other traffic ever wakes the reader. */
    struct sock_filter only[] = {
        {0x30, 0, 0, 9}, {0x15, 0, 6, IPPROTO_UDP},         /* protocol */
        {0x28, 0, 0, 6}, {0x45, 4, 0, 0x1fff},              /* fragment offset */
        {0xb1, 0, 0, 0}, {0x48, 0, 0, 2}, {0x15, 0, 1, 68}, /* destination port, behind the header */
        {0x06, 0, 0, 0xffff}, {0x06, 0, 0, 0},
    };
    struct sock_fprog filter = {sizeof only / sizeof only[0], only};
    if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) < 0) { int e = errno; close(fd); return -e; }
    struct sockaddr_ll a = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP), .sll_ifindex = (int)if_nametoindex(interface)};
    if (bind(fd, (struct sockaddr *)&a, sizeof a) < 0) { int e = errno; close(fd); return -e; }
    return fd;
}
/* Sends an IPv4 packet as a broadcast frame on the interface that the socket is bound to. */
PK_INLINE long pk_packet_broadcast(int fd, const void *from, size_t n) {
    struct sockaddr_ll a;
    socklen_t size = sizeof a;
    if (getsockname(fd, (struct sockaddr *)&a, &size) < 0) return -errno;
    a.sll_halen = 6;
    memset(a.sll_addr, 0xff, 6);
    return PK_RESULT(sendto(fd, from, n, 0, (struct sockaddr *)&a, sizeof a));
}
PK_INLINE int pk_interface_up(const char *name) {
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    struct ifreq r;
    memset(&r, 0, sizeof r);
    strncpy(r.ifr_name, name, IFNAMSIZ - 1);
    int e = 0;
    if (ioctl(fd, SIOCGIFFLAGS, &r) < 0) e = errno;
    r.ifr_flags |= IFF_UP;
    if (!e && ioctl(fd, SIOCSIFFLAGS, &r) < 0) e = errno;
    close(fd);
    return -e;
}
/* Sets the interface's IPv4 address and prefix; then, if the router is not 0.0.0.0, the default route.
   The address 0.0.0.0 takes address and routes away (netdevice(7)). */
PK_INLINE int pk_interface_v4(const char *name, const uint8_t address[4], int prefix, const uint8_t router[4]) {
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), e = 0;
    if (fd < 0) return -errno;
    struct ifreq r;
    struct sockaddr_in *a = (struct sockaddr_in *)&r.ifr_addr;
    memset(&r, 0, sizeof r);
    strncpy(r.ifr_name, name, IFNAMSIZ - 1);
    a->sin_family = AF_INET;
    memcpy(&a->sin_addr, address, 4);
    if (ioctl(fd, SIOCSIFADDR, &r) < 0) e = errno;
    if (!a->sin_addr.s_addr) { close(fd); return -e; }
    a->sin_addr.s_addr = htonl(prefix ? 0xffffffffu << (32 - prefix) : 0);
    if (!e && ioctl(fd, SIOCSIFNETMASK, &r) < 0) e = errno;
    if (!e && (router[0] | router[1] | router[2] | router[3])) {
        struct rtentry t;
        memset(&t, 0, sizeof t);
        t.rt_dst.sa_family = t.rt_genmask.sa_family = t.rt_gateway.sa_family = AF_INET;
        memcpy(&((struct sockaddr_in *)&t.rt_gateway)->sin_addr, router, 4);
        t.rt_flags = RTF_UP | RTF_GATEWAY;
        if (ioctl(fd, SIOCADDRT, &t) < 0 && errno != EEXIST) e = errno;
    }
    close(fd);
    return -e;
}
/* Adds an IPv6 address (linux/ipv6.h in6_ifreq) and, if the router is not ::, the default route. */
struct pk_in6_ifreq { struct in6_addr address; uint32_t prefix; int32_t index; };
struct pk_in6_rtmsg { struct in6_addr dst, src, gateway; uint32_t type; uint16_t dst_len, src_len; uint32_t metric; unsigned long info; uint32_t flags; int32_t index; };
PK_INLINE int pk_interface_v6(const char *name, const uint8_t address[16], int prefix, const uint8_t router[16]) {
    int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), e = 0, any = 0;
    if (fd < 0) return -errno;
    struct pk_in6_ifreq r = {.prefix = (uint32_t)prefix, .index = (int32_t)if_nametoindex(name)};
    memcpy(&r.address, address, 16);
    if (ioctl(fd, SIOCSIFADDR, &r) < 0 && errno != EEXIST) e = errno;
    for (int i = 0; i < 16; i++) any |= router[i];
    if (!e && any) {
        struct pk_in6_rtmsg t = {.metric = 1, .flags = RTF_UP | RTF_GATEWAY, .index = r.index};
        memcpy(&t.gateway, router, 16);
        if (ioctl(fd, SIOCADDRT, &t) < 0 && errno != EEXIST) e = errno;
    }
    close(fd);
    return -e;
}

/* ---- confinement */
PK_INLINE int pk_set_limit(int resource, uint64_t value) { struct rlimit l = {value, value}; return PK_RESULT(setrlimit(resource, &l)); }
PK_INLINE int pk_become(uint32_t id) {
    /* Straight system calls: setgroups first, while we may. */
    if (syscall(SYS_setgroups, 0, NULL) < 0) return -errno;
    if (syscall(SYS_setresgid, id, id, id) < 0) return -errno;
    if (syscall(SYS_setresuid, id, id, id) < 0) return -errno;
    return 0;
}
/* While still root: nothing that is run later can ever hold a capability. */
PK_INLINE int pk_drop_bounding_set(void) {
    for (int c = 0; c <= 63; c++) if (prctl(PR_CAPBSET_DROP, c, 0, 0, 0) < 0 && errno != EINVAL) return -errno;
    return 0;
}
PK_INLINE int pk_drop_capabilities(void) {
    struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct d[2];
    memset(d, 0, sizeof d);
    return PK_RESULT((int)syscall(SYS_capset, &h, d));
}
static const int PK_RLIMIT_CORE = RLIMIT_CORE;
static const int PK_RLIMIT_NPROC = RLIMIT_NPROC;
static const int PK_RLIMIT_FSIZE = RLIMIT_FSIZE;
static const int PK_RLIMIT_DATA = RLIMIT_DATA;
static const int PK_RLIMIT_NOFILE = RLIMIT_NOFILE;
PK_INLINE int pk_no_new_privileges(void) { return PK_RESULT(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)); }
PK_INLINE int pk_not_dumpable(void) { return PK_RESULT(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)); }
PK_INLINE int pk_set_name(const char *name) { return PK_RESULT(prctl(PR_SET_NAME, name, 0, 0, 0)); }
PK_INLINE int pk_unshare_network(void) { return PK_RESULT((int)syscall(SYS_unshare, 0x40000000 /* CLONE_NEWNET */)); }
/* Exit status of a process that made a system call it may not make (128 + SIGSYS). */
#define PK_EXIT_CALL_REFUSED 159
int pk_catch_refused_calls(void);
/* For every thread of this process, or for none: a positive result is the thread that could not be. */
PK_INLINE int pk_install_filter(struct sock_filter *filter, unsigned short n) {
    struct sock_fprog p = {n, filter};
    int r = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &p);
    return r < 0 ? -errno : r > 0 ? -ESRCH : 0;
}
#if defined(__x86_64__)
static const uint32_t PK_AUDIT_ARCH = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
static const uint32_t PK_AUDIT_ARCH = AUDIT_ARCH_AARCH64;
#endif
static const uint32_t PK_GPIO_GET = GPIOHANDLE_GET_LINE_VALUES_IOCTL;
static const uint32_t PK_GPIO_SET = GPIOHANDLE_SET_LINE_VALUES_IOCTL;
static const uint32_t PK_GPIO_GET_2 = GPIO_V2_LINE_GET_VALUES_IOCTL;
static const uint32_t PK_GPIO_SET_2 = GPIO_V2_LINE_SET_VALUES_IOCTL;
/* System calls that one architecture has and another has not: -1 where it is absent. */
#ifdef SYS_poll
#define PK_SYS_poll SYS_poll
#else
#define PK_SYS_poll -1
#endif
#ifdef SYS_time
#define PK_SYS_time SYS_time
#else
#define PK_SYS_time -1
#endif
#ifdef SYS_open
#define PK_SYS_open SYS_open
#else
#define PK_SYS_open -1
#endif
#ifdef SYS_fork
#define PK_SYS_fork SYS_fork
#else
#define PK_SYS_fork -1
#endif
#ifdef SYS_newfstatat
#define PK_SYS_newfstatat SYS_newfstatat
#else
#define PK_SYS_newfstatat -1
#endif
