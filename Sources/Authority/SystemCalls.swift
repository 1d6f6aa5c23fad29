// Duty: the system calls that roles may make, each with its reason; read by the filter and by people.
// Anything that is not listed ends the process.
import CKernel

/// What a listed call's arguments must be.
public enum ArgumentRule: Sendable {
    case any
    /// The lower 32 bits of argument `index` are one of these, the upper ones zero.
    case oneOf(index: UInt8, [UInt32])
    /// Argument `index` has none of these bits.
    case lacks(index: UInt8, mask: UInt32)
}

public struct SystemCall: Sendable {
    public let number: Int32
    public let name: StaticString
    public let rule: ArgumentRule
    public let reason: StaticString

    init(_ number: Int32, _ name: StaticString, _ reason: StaticString, _ rule: ArgumentRule = .any) {
        self.number = number
        self.name = name
        self.rule = rule
        self.reason = reason
    }
}

enum SystemCalls {
    private static let executable: UInt32 = 4 // PROT_EXEC

    /// What every role needs.
    static let base: [SystemCall] = [
        SystemCall(SYS_ppoll, "ppoll", "wait for descriptors"),
        SystemCall(PK_SYS_poll, "poll", "wait for descriptors, where the architecture has it"),
        SystemCall(SYS_read, "read", "timer, descriptors granted"),
        SystemCall(SYS_write, "write", "log line to the console, descriptors granted"),
        SystemCall(SYS_sendto, "sendto", "packet to another role"),
        SystemCall(SYS_recvmsg, "recvmsg", "packet from another role"),
        SystemCall(SYS_clock_gettime, "clock_gettime", "monotonic time where the vDSO has none"),
        SystemCall(SYS_gettimeofday, "gettimeofday", "OpenSSL's idea of time, where the vDSO has none"),
        SystemCall(PK_SYS_time, "time", "the same, where the architecture has it"),
        SystemCall(SYS_timerfd_create, "timerfd_create", "the role's own period"),
        SystemCall(SYS_timerfd_settime, "timerfd_settime", "the role's own period"),
        SystemCall(SYS_brk, "brk", "heap"),
        SystemCall(SYS_mmap, "mmap", "heap; never executable", .lacks(index: 2, mask: executable)),
        SystemCall(SYS_munmap, "munmap", "heap"),
        SystemCall(SYS_mremap, "mremap", "heap"),
        SystemCall(SYS_close, "close", "descriptors of our own"),
        SystemCall(SYS_exit_group, "exit_group", "end"),
        SystemCall(SYS_exit, "exit", "end"),
        SystemCall(SYS_sysinfo, "sysinfo", "the C library's qsort asks how much memory there is"),
        SystemCall(SYS_futex, "futex", "locks and once-only starts of OpenSSL and the C library; a chip's thread waits for its next request"),
        SystemCall(SYS_getpid, "getpid", "OpenSSL reseeds after a fork"),
        SystemCall(SYS_getrandom, "getrandom", "nonces, jitter"),
        SystemCall(SYS_restart_syscall, "restart_syscall", "a wait that was stopped and continued"),
    ]

    static let storage: [SystemCall] = [
        SystemCall(SYS_pread64, "pread64", "the partition granted"),
        SystemCall(SYS_pwrite64, "pwrite64", "the partition granted"),
        SystemCall(SYS_fdatasync, "fdatasync", "what was written is on the device before it counts"),
        SystemCall(SYS_lseek, "lseek", "size of the partition"),
        SystemCall(SYS_fadvise64, "fadvise64", "read back from the device, not from the cache"),
    ]

    static let lines: [SystemCall] = [
        SystemCall(
            SYS_ioctl, "ioctl", "read and drive GPIO lines by either version of the kernel's interface, nothing else",
            .oneOf(index: 1, [PK_GPIO_GET, PK_GPIO_SET, PK_GPIO_GET_2, PK_GPIO_SET_2])),
    ]

    static let analogues: [SystemCall] = [
        SystemCall(
            SYS_pread64, "pread64", "an analogue input is a file of sysfs, read anew from its beginning each time",
            .oneOf(index: 3, [0])),
    ]

    static let network: [SystemCall] = [
        SystemCall(SYS_socket, "socket", "TCP and UDP clients over IPv4 and IPv6", .oneOf(index: 0, [UInt32(AF_INET), UInt32(AF_INET6)])),
        SystemCall(SYS_connect, "connect", "to the declared endpoints; bind, listen and accept are not here"),
        SystemCall(SYS_setsockopt, "setsockopt", "TCP_NODELAY; nothing of the packet socket", .oneOf(index: 1, [UInt32(IPPROTO_TCP)])),
        SystemCall(SYS_getsockopt, "getsockopt", "the outcome of a connect"),
        SystemCall(SYS_getsockname, "getsockname", "the interface of the packet socket"),
        SystemCall(SYS_recvfrom, "recvfrom", "datagrams of DNS"),
        SystemCall(SYS_fcntl, "fcntl", "sockets do not block", .oneOf(index: 1, [UInt32(F_GETFL), UInt32(F_SETFL)])),
    ]
}
