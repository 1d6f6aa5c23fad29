// Which key set a board believes: at the boot the newest that the chain on the disk leads to from that of
// the initramfs, never one below the floor; while the board runs, a successor that leaves nothing stranded.
// Trust: the initramfs and the floor. Key sets on the disk and from afar are anybody's until verified.
import Board
import Bytes
import Calibration
import Release
import Signed

/// Why a key set is not believed, or may not follow.
public enum KeySetRefusal: Error, Coded {
    /// The disk leads to an older set than was once in force. `broken` is why its chain ended, if it did.
    case belowFloor(version: UInt64, floor: UInt64, broken: SignedError?)
    case unverified(SignedError)
    /// More versions at once than the TPM's counter is counted up by.
    case tooFar(version: UInt64, floor: UInt64)
    /// What the board runs by is not signed as the new set demands.
    case stranded(Purpose, SignedError)
    /// The place on the disk has no room for another link.
    case chainFull
    /// The running release has not marked itself good, is about to restart, or another one is being installed.
    case notNow

    public var code: String {
        switch self {
        case .belowFloor: "key-set-below-floor"
        case .unverified(let error): "key-set-" + error.code
        case .tooFar: "key-set-version-too-far"
        case .stranded: "key-set-strands"
        case .chainFull: "key-set-chain-full"
        case .notNow: "key-set-not-now"
        }
    }

    public var text: String {
        switch self {
        case .belowFloor(let version, let floor, let broken):
            "the disk leads to key set version \(version), and version \(floor) was in force: write the key-set partition again"
                + (broken.map { " (its chain ends: " + $0.text + ")" } ?? "")
        case .unverified(let error): "the key set: " + error.text
        case .tooFar(let version, let floor):
            "key set version \(version) is more than \(KeySetTerms.versionStepMaximum) above \(floor): number it lower, the TPM counts every version"
        case .stranded(let purpose, let error):
            "the \(purpose.name) that this board runs by would be refused under the new key set: \(error.text). Bring one that the new keys have signed first"
        case .chainFull: "the place for key sets on the disk is full: flash an initramfs with a newer key set"
        case .notNow: "the running release is on trial or about to restart, or an update is under way: send it again later"
        }
    }
}

/// What a key set is held against.
public struct KeySetTerms {
    /// What the TPM is willing to be counted up by in one go (module TPM).
    public static let versionStepMaximum: UInt64 = 256

    let current: KeySet
    /// The lowest version that is still believed.
    let floor: UInt64

    public init(current: KeySet, floor: UInt64) {
        self.current = current
        self.floor = floor
    }

    /// The set to believe at this boot; `current` is the one that the board was made with.
    public func chosen(_ links: [[UInt8]]) throws(KeySetRefusal) -> KeySet {
        let (keys, broken) = current.newest(of: links)
        guard keys.version >= floor else { throw .belowFloor(version: keys.version, floor: floor, broken: broken) }
        return keys
    }

    /// The set of `object`, if it may follow on the current one, with what the board runs by.
    public func admitted(
        _ object: [UInt8], manifest: [UInt8], commissioning: [UInt8], calibration: [UInt8]
    ) throws(KeySetRefusal) -> KeySet {
        let next: KeySet
        do throws(SignedError) { next = try verifySuccessor(object.span.bytes, of: current).payload } catch { throw .unverified(error) }
        guard next.version - min(floor, next.version) <= Self.versionStepMaximum else { throw .tooFar(version: next.version, floor: floor) }
        try keeps(manifest, Manifest.self, next)
        try keeps(commissioning, Commissioning.self, next)
        try keeps(calibration, Calibration.self, next)
        return next
    }

    private func keeps<Payload: SignedPayload>(_ object: [UInt8], _: Payload.Type, _ next: KeySet) throws(KeySetRefusal) {
        do throws(SignedError) { _ = try verify(object.span.bytes, as: Payload.self, with: next) } catch { throw .stranded(Payload.purpose, error) }
    }
}
