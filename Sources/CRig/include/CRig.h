/* What the rig needs of the C library and the processor, and Swift cannot say: descriptors over a
 * Unix socket, memory order of a queue shared with a guest, and children that die with the rig. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Reads up to `length` bytes and up to `fds_maximum` descriptors (close-on-exec) that came with them.
 * Returns the bytes read, 0 at the end, -1 with errno; *fds_count is the number of descriptors. */
ssize_t rig_receive(int socket, void *bytes, size_t length, int *fds, int fds_maximum, int *fds_count);

/* Order between what the guest writes and what it announces (virtio 1.2, 2.7.13). */
static inline uint16_t rig_load_acquire_u16(const void *at) { return __atomic_load_n((const uint16_t *)at, __ATOMIC_ACQUIRE); }
static inline void rig_store_release_u16(void *at, uint16_t value) { __atomic_store_n((uint16_t *)at, value, __ATOMIC_RELEASE); }
static inline void rig_fence(void) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }

/* Starts a program: argv[0] is its path; `output` becomes its standard output, `errors` its standard
 * error, `input` its standard input (-1: /dev/null). It gets a clear signal mask, and is killed when
 * the calling thread ends, so call it from a thread that lives as long as the rig. It stays in the
 * caller's process group. Returns the process id, or -1 with errno. */
pid_t rig_spawn(char *const argv[], char *const envp[], int input, int output, int errors);

/* Sockets: bound to loopback, non-blocking, close-on-exec. `port` 0 picks a free one. Return the
 * descriptor or -1 with errno; *bound is the port. */
int rig_listen_tcp(int ipv6, uint16_t port, uint16_t *bound);
int rig_bind_udp(int ipv6, uint16_t port, uint16_t *bound);
int rig_connect_tcp(uint16_t port);
int rig_listen_unix(const char *path);
int rig_connect_unix(const char *path);
/* Takes a connection, close-on-exec and, if asked, non-blocking. */
int rig_accept(int listener, int nonblocking);
/* An event counter, non-blocking and close-on-exec. */
int rig_event_counter(void);

/* Blocks INT, TERM and HUP in the calling thread and all that it starts. */
void rig_block_ending_signals(void);
/* Waits for one of those; returns its number. */
int rig_wait_ending_signal(void);

/* exit status: code 0-255, or 256 + signal; -1 while it runs. */
int rig_reap(pid_t pid);
