// Duty: monotonic time, timers and waiting for descriptors.
// Trust: none needed. Must never use the wall clock to decide anything.
import CKernel

/// Milliseconds of the monotonic clock since the kernel started (clock_gettime(2), CLOCK_MONOTONIC).
public func monotonicMilliseconds() -> UInt64 { UInt64(pk_clock_ns(CLOCK_MONOTONIC) / 1_000_000) }
public func monotonicNanoseconds() -> UInt64 { UInt64(pk_clock_ns(CLOCK_MONOTONIC)) }
/// What this thread has had of a processor; others' turns are not in it.
public func processorNanoseconds() -> UInt64 { UInt64(pk_clock_ns(CLOCK_THREAD_CPUTIME_ID)) }
/// Seconds since 1970 by the wall clock, which may be wrong: for lower bounds only.
public func wallSeconds() -> UInt64 { UInt64(max(0, pk_clock_ns(CLOCK_REALTIME) / 1_000_000_000)) }

public func sleep(milliseconds: UInt64) { pk_sleep_ms(Int64(milliseconds)) }

/// A descriptor that is readable once a period (timerfd_create(2)).
public struct Ticker: ~Copyable {
    public let descriptor: Descriptor

    public init(periodMilliseconds: UInt64) throws(SystemError) {
        descriptor = Descriptor(owning: try checked("timerfd", pk_timer(Int64(periodMilliseconds))))
    }

    /// The number of periods since the last call; 0 if none has passed.
    public func expirations() -> UInt64 {
        var count: UInt64 = 0
        return pk_read(descriptor.raw, &count, 8) == 8 ? count : 0
    }
}

/// The set of descriptors that an event loop waits for (poll(2)). Its memory is taken once.
public struct WaitSet: ~Copyable {
    private var entries: [pollfd] = []
    public static let maximum = 64

    public init() { entries.reserveCapacity(Self.maximum) }

    public var count: Int { entries.count }

    /// Adds a descriptor; the index tells it apart afterwards.
    @discardableResult
    public mutating func add(_ descriptor: Int32, read: Bool = true, write: Bool = false) -> Int {
        precondition(entries.count < Self.maximum)
        entries.append(pollfd(fd: descriptor, events: Self.events(read, write), revents: 0))
        return entries.count - 1
    }

    /// Changes what an entry waits for; a negative descriptor is passed over by the kernel.
    public mutating func set(_ index: Int, _ descriptor: Int32, read: Bool = true, write: Bool = false) {
        entries[index] = pollfd(fd: descriptor, events: Self.events(read, write), revents: 0)
    }

    private static func events(_ read: Bool, _ write: Bool) -> Int16 {
        Int16((read ? POLLIN : 0) | (write ? POLLOUT : 0))
    }

    /// Waits until one is ready or the time is over; a signal counts as nothing ready.
    public mutating func wait(timeoutMilliseconds: Int) throws(SystemError) {
        for i in entries.indices { entries[i].revents = 0 }
        let count = UInt32(entries.count)
        let result = entries.withUnsafeMutableBufferPointer { pk_poll($0.baseAddress, count, Int32(clamping: timeoutMilliseconds)) }
        if result != -EINTR { try checked("poll", result) }
    }

    public func isReadable(_ index: Int) -> Bool { entries[index].revents & Int16(POLLIN | POLLHUP | POLLERR) != 0 }
    public func isWritable(_ index: Int) -> Bool { entries[index].revents & Int16(POLLOUT | POLLHUP | POLLERR) != 0 }
}
