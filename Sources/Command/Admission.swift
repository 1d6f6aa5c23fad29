// Whether a command whose signatures hold is for this device, fresh, and in order.
// Pure: time and the challenge are passed in. Replay is impossible across restarts without storage,
// because each start of the keeper makes a new challenge that every later command must carry.
import Bytes
import Signed

/// Why a verified command was not admitted.
public enum AdmissionRefusal: Error, Equatable, Coded {
    case deviceWrong(String)
    case challengeStale
    case replayed(counter: UInt64, last: UInt64)
    case deadlinePassed(deadline: UInt64, now: UInt64)
    case tooManyIssuers

    public var code: String {
        switch self {
        case .deviceWrong: "command-device-wrong"
        case .challengeStale: "command-challenge-stale"
        case .replayed: "command-replayed"
        case .deadlinePassed: "command-deadline-passed"
        case .tooManyIssuers: "command-too-many-issuers"
        }
    }

    public var text: String {
        switch self {
        case .deviceWrong(let device): "the command is for '\(device)', not for this device"
        case .challengeStale: "the command answers an older challenge: take the one of the latest birth"
        case .replayed(let counter, let last): "counter \(counter) was used: the issuer's next is above \(last)"
        case .deadlinePassed(let deadline, let now): "the deadline of \(deadline) ms has passed: it is \(now) ms on the board's clock"
        case .tooManyIssuers: "more than \(Admission.issuerMaximum) issuers since the keeper started"
        }
    }
}

/// The keeper's memory of what it has admitted since it started.
public struct Admission: Sendable {
    /// As many as a key set has entries.
    public static let issuerMaximum = 16

    public let device: String
    public let challenge: [UInt8]
    private var last: [(issuer: String, counter: UInt64)] = []

    public init(device: String, challenge: [UInt8]) {
        self.device = device
        self.challenge = challenge
    }

    /// Admits a command once: its counter must be new to every one of its signers, so that leaving out a
    /// signature does not make it another command.
    public mutating func admit(_ command: Verified<Command>, nowMilliseconds: UInt64) throws(AdmissionRefusal) {
        let payload = command.payload
        guard payload.device == device else { throw .deviceWrong(payload.device) }
        guard payload.challenge == challenge else { throw .challengeStale }
        guard nowMilliseconds <= payload.deadlineMilliseconds else {
            throw .deadlinePassed(deadline: payload.deadlineMilliseconds, now: nowMilliseconds)
        }
        var next = last
        for signer in command.signers {
            if let index = next.firstIndex(where: { $0.issuer == signer }) {
                guard payload.counter > next[index].counter else {
                    throw .replayed(counter: payload.counter, last: next[index].counter)
                }
                next[index].counter = payload.counter
            } else {
                guard next.count < Self.issuerMaximum else { throw .tooManyIssuers }
                next.append((signer, payload.counter))
            }
        }
        last = next
    }
}
