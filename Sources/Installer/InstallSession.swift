// The installer's talk with uplink and supervisor around one installation: fetches and their retries,
// the permission to write, progress, the end. Pure but for the slot's storage.
// Trust: the uplink may be compromised; it can waste time, up to a bound, and nothing else.

import Authority
import Backoff
import Bytes
import Telemetry

/// What a session has to say, in order.
enum SessionOutput: Equatable {
    case uplink(InstallerToUplink)
    case supervisor(RoleMessage)
    /// Nothing more: the process may end.
    case over
}

/// One order from its first fetch to `installed` or `installFailed`.
struct InstallSession {
    /// Fetches in a row that brought nothing.
    static let retriesMaximum = 20
    /// An uplink that says nothing for so long, neither bytes nor a failure, does not do its work; its
    /// own limits are all shorter.
    static let stallMilliseconds: UInt64 = 300_000
    /// The TPM's answer takes a second or two; the keeper may have to start again.
    static let keyMilliseconds: UInt64 = 60_000
    static let progressMilliseconds: UInt64 = 2000
    /// Codes of the uplink that say: the file has no more bytes.
    private static let endCodes = ["http-file-too-short", "http-range-not-satisfiable"]
    /// How long the uplink may take to be up again when it has told so.
    private static let peerMilliseconds: UInt64 = 500

    private let path: String
    private var installation: Installation
    /// What the installation wants and was not yet begun, because a fetch has not closed.
    private var wanted: InstallRequest?
    /// The open fetch: the bytes of the bundle that are still to come.
    private var fetch: Range<Int>?
    private var isFlowing = false
    private var heardAt: UInt64 = 0
    private var retryAt: UInt64?
    /// Since when the content key of an encrypted bundle is awaited.
    private var keyAskedAt: UInt64?
    private var waitsForUplink = false
    private var retries = 0
    private var backoff = Backoff(firstMilliseconds: 1000, lastMilliseconds: 60_000)
    private var progressAt: UInt64 = 0
    private var reportedBytes = 0
    /// Since the blocks began.
    private var rate: TransferRate?
    private(set) var isOver = false
    private var outputs: [SessionOutput] = []

    init(path: String, installation: Installation) {
        self.path = path
        self.installation = installation
    }

    /// Whether `work` has something to do without waiting for a message.
    var hasWork: Bool { !isOver && wanted == .proceed && fetch == nil }

    mutating func begin<S: Store & ~Copyable>(now: UInt64, on slot: inout S) -> [SessionOutput] {
        feed(.begin, now, &slot)
        return taken()
    }

    mutating func heard<S: Store & ~Copyable>(
        _ message: UplinkToInstaller, now: UInt64, random: UInt64, on slot: inout S
    ) -> [SessionOutput] {
        guard !isOver else { return [] }
        if case .chunk = message { outputs.append(.uplink(.credit)) }
        guard let open = fetch else { return taken() }
        heardAt = now
        switch message {
        case .chunk(let offset, let bytes):
            // A chunk of a fetch that broke off may still be under way.
            guard offset == UInt64(open.lowerBound), !open.isEmpty, !bytes.isEmpty else { break }
            retries = 0
            if !isFlowing { backoff.up(nowMilliseconds: now) }
            isFlowing = true
            fetch = min(open.lowerBound + bytes.count, open.upperBound)..<open.upperBound
            feed(.received(bytes), now, &slot)
        case .fetched:
            fetch = nil
            if open.isEmpty { start(now, &slot) } else { feed(.ended, now, &slot) }
        case .failed(let code, let text, let again):
            fetch = nil
            if open.isEmpty {
                start(now, &slot)
            } else if Self.endCodes.contains(code) {
                feed(.ended, now, &slot)
            } else if again {
                retryLater(code, text, now, random)
            } else {
                fail(code, text)
            }
        }
        return taken()
    }

    mutating func heard<S: Store & ~Copyable>(_ message: SupervisorMessage, now: UInt64, on slot: inout S) -> [SessionOutput] {
        guard !isOver else { return [] }
        switch message {
        case .proceed: feed(.writingAllowed, now, &slot)
        case .contentKey(let key):
            keyAskedAt = nil
            feed(.contentKey(key), now, &slot)
        case .peer(.uplink, let alive):
            if alive, waitsForUplink || fetch != nil {
                retryAt = now + Self.peerMilliseconds
            } else if !alive, fetch != nil || retryAt != nil {
                retryAt = nil
            } else { break }
            fetch = nil
            waitsForUplink = !alive
        default: break
        }
        return taken()
    }

    /// A slice of work that needs no message.
    mutating func work<S: Store & ~Copyable>(now: UInt64, on slot: inout S) -> [SessionOutput] {
        if hasWork { feed(.proceed, now, &slot) }
        return taken()
    }

    mutating func tick<S: Store & ~Copyable>(now: UInt64, on slot: inout S) -> [SessionOutput] {
        guard !isOver else { return [] }
        if let at = retryAt, now >= at {
            retryAt = nil
            feed(.interrupted, now, &slot)
        }
        if let asked = keyAskedAt, now >= asked + Self.keyMilliseconds {
            fail("bundle-key-stalled", "the keeper has not answered for \(Self.keyMilliseconds) ms whether the bundle is for this device: order the update again")
        } else if fetch != nil, now >= heardAt + Self.stallMilliseconds {
            fail("fetch-stalled", "the uplink has sent nothing for \(Self.stallMilliseconds) ms: order the update again, it goes on where it ended")
        } else {
            reportProgress(now)
        }
        return taken()
    }

    // MARK: inside

    private mutating func taken() -> [SessionOutput] {
        let out = outputs
        outputs = []
        return out
    }

    private mutating func feed<S: Store & ~Copyable>(_ event: InstallEvent, _ now: UInt64, _ slot: inout S) {
        do throws(InstallError) {
            wanted = try installation.handle(event, on: &slot)
        } catch {
            tellNotices()
            return fail(error.code, error.text)
        }
        tellNotices()
        start(now, &slot)
    }

    private mutating func tellNotices() {
        for (code, text) in installation.notices { outputs.append(.supervisor(.event(code: code, text: clip(text, maximum: MessageLimit.text)))) }
        installation.notices = []
    }

    /// Begins what the installation wants, once no fetch is open.
    private mutating func start<S: Store & ~Copyable>(_ now: UInt64, _ slot: inout S) {
        guard fetch == nil, let request = wanted else { return }
        switch request {
        case .fetch(let offset, let length):
            fetch = offset..<offset + length
            heardAt = now
            isFlowing = false
            outputs.append(.uplink(.fetch(path: path, offset: UInt64(offset), length: UInt32(length))))
            wanted = nil
        case .allowWriting(let release):
            outputs.append(.supervisor(.installing(release: release)))
            wanted = nil
        case .findContentKey(let keys):
            keyAskedAt = now
            outputs.append(.supervisor(.findContentKey(keys: keys)))
            wanted = nil
        case .installed(let release):
            outputs.append(.supervisor(.installed(release: release)))
            outputs.append(.over)
            isOver = true
        case .receive: fail("bundle-truncated", "the uplink ended a fetch before its last byte: try again")
        case .proceed: break
        }
    }

    private mutating func retryLater(_ code: String, _ text: String, _ now: UInt64, _ random: UInt64) {
        retries += 1
        guard retries <= Self.retriesMaximum else { return fail(code, text) }
        retryAt = now + backoff.down(nowMilliseconds: now, random: random)
    }

    private mutating func reportProgress(_ now: UInt64) {
        let (done, total) = installation.progress
        guard total > 0, done != reportedBytes, now >= progressAt else { return }
        reportedBytes = done
        progressAt = now + Self.progressMilliseconds
        if rate == nil { rate = TransferRate(bytes: done, now: now) } else { rate!.note(bytes: done, now: now) }
        outputs.append(.supervisor(.progress(done: UInt64(done), total: UInt64(total), bytesPerSecond: rate!.bytesPerSecond)))
    }

    private mutating func fail(_ code: String, _ text: String) {
        isOver = true
        outputs.append(.supervisor(.installFailed(code: clip(code, maximum: 64), text: clip(text, maximum: MessageLimit.text))))
        outputs.append(.over)
    }
}
