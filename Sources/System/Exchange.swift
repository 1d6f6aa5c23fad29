// Duty: a thread, and the fixed memory by which its owner asks and it answers, without either ever
// waiting for the other to do something that may not end.
// Trust: both sides are ours. Must never allocate after `init`, or make the owner wait.
import CKernel

/// Starts a thread that runs `body` for good, with a stack of its own (pthread_create(3)). It holds no
/// signal and shares all else: user, capabilities, filter and root are what the starting thread has then.
public func startThread(_ body: @escaping @Sendable () -> Void) throws(SystemError) {
    let context = Unmanaged.passRetained(ThreadBody(body))
    let result = pk_thread(
        { context in
            Unmanaged<ThreadBody>.fromOpaque(context!).takeUnretainedValue().run()
            return nil
        }, context.toOpaque(), threadStackBytes)
    guard result >= 0 else {
        context.release()
        throw SystemError("thread", -result)
    }
}

/// Address space; what is not touched costs nothing.
private let threadStackBytes = 64 << 10

private final class ThreadBody {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}

/// The last of a row of values; no value at all while its number is 0.
public struct Sample: Sendable {
    public let number: UInt32
    public let value: Int32

    init(_ word: UInt64) {
        number = UInt32(truncatingIfNeeded: word >> 32)
        value = Int32(truncatingIfNeeded: word)
    }
}

/// The memory shared by an owner and its thread; it lives as long as the process, as the thread does.
public struct Exchange: @unchecked Sendable {
    /// Places that have a bit of `wanted` and a reading each.
    public static let placesMaximum = Int(PK_PLACES)

    /// Places that have samples.
    public static let samplesMaximum = Int(PK_SAMPLES)

    private let shared: UnsafeMutablePointer<pk_exchange>

    /// - Parameter reading: what every place reads before the thread's first word.
    public init(reading: UInt8) {
        shared = .allocate(capacity: 1)
        shared.initialize(to: pk_exchange())
        for place in 0..<Self.placesMaximum { publish(reading, at: place) }
    }

    // MARK: the owner's side

    /// Asks for these levels of these outputs, a bit a place, and for new readings; the number of the
    /// request. It takes the place of one that was not taken up yet. `again`: also what was driven already.
    public func ask(outputs: UInt64, wanted: UInt64, again: Bool) -> UInt32 { pk_ask(shared, outputs, wanted, again ? 1 : 0) }
    /// The last request that was carried out.
    public var answered: UInt32 { pk_answered(shared) }
    /// How many calls of the thread have returned: whether it goes on, however slowly.
    public var calls: UInt32 { pk_calls(shared) }
    public func reading(at place: Int) -> UInt8 { pk_reading(shared, Int32(place)) }
    public func sample(at place: Int) -> Sample { Sample(pk_sample(shared, Int32(place))) }
    /// Returns when the thread runs and has made every system call that its start needs.
    public func awaitStart() { pk_await_start(shared) }

    // MARK: the thread's side

    public func sayStarted() { pk_say_started(shared) }
    /// Sleeps until there is a request other than this.
    public func awaitRequest(after number: UInt32) { pk_await_request(shared, number) }
    public var asked: UInt32 { pk_asked(shared) }
    /// Look it up before `wanted`.
    public var outputs: UInt64 { pk_outputs(shared) }
    public var wanted: UInt64 { pk_wanted(shared) }
    /// Whether what was driven already is to be driven again; true once.
    public func takeAgain() -> Bool { pk_take_again(shared) != 0 }
    public func publish(_ reading: UInt8, at place: Int) { pk_publish(shared, Int32(place), reading) }
    /// Its number is one more than that of the last.
    public func publish(sample value: Int32, at place: Int) { pk_publish_sample(shared, Int32(place), UInt32(bitPattern: value)) }
    public func countCall() { pk_count_call(shared) }
    public func answer(_ number: UInt32) { pk_answer(shared, number) }
}
