// Which calibration a board acts by: at the boot that of the release or the one that took over while the
// board ran, whichever is newer; while it runs, a newer one. Never one below the floor.
// Trust: a calibration is verified here each time, wherever it comes from, and by the controller again.
import Board
import Bytes
import Calibration
import Cryptography
import Signed

/// What a calibration is held against.
public struct CalibrationTerms {
    let board: BoardDescription
    let keys: KeySet
    /// The least version that may come into force.
    let floor: UInt64

    public init(board: BoardDescription, keys: KeySet, floor: UInt64) {
        self.board = board
        self.keys = keys
        self.floor = floor
    }
}

/// Why a calibration may not come into force.
public enum CalibrationRefusal: Error, Coded {
    case unverified(SignedError)
    case otherBoard(String)
    /// It names a line or an analogue input that the board lacks, or uses a line the wrong way.
    case line(String)
    case rollback(version: UInt64, floor: UInt64)

    public var code: String {
        switch self {
        case .unverified(let error): error.code
        case .otherBoard: "calibration-other-board"
        case .line: "calibration-line"
        case .rollback: "calibration-rollback"
        }
    }

    public var text: String {
        switch self {
        case .unverified(let error): "the calibration: " + error.text
        case .otherBoard(let board): "the calibration is for board '" + board + "', which this is not"
        case .line(let name): "the calibration uses '" + name + "', which this board lacks or has in the other direction"
        case .rollback(let version, let floor):
            "calibration version \(version) may not come into force any more: \(floor) is the least; sign it with a higher version"
        }
    }
}

/// A calibration that may come into force; only `admitted` makes one.
public struct AdmittedCalibration {
    /// The signed object, for whoever verifies it again.
    public let object: [UInt8]
    public let verified: Verified<Calibration>

    public var version: UInt64 { verified.payload.version }
    /// Of its payload.
    public var digest: [UInt8] { verified.payloadDigest.bytes }

    fileprivate init(object: [UInt8], verified: Verified<Calibration>) {
        self.object = object
        self.verified = verified
    }
}

extension CalibrationTerms {
    public func admitted(_ object: [UInt8]) throws(CalibrationRefusal) -> AdmittedCalibration {
        let found: Verified<Calibration>
        do throws(SignedError) { found = try verify(object.span.bytes, as: Calibration.self, with: keys) } catch { throw .unverified(error) }
        let calibration = found.payload
        guard calibration.board.utf8.elementsEqual(board.name.utf8) else { throw .otherBoard(calibration.board) }
        for name in calibration.outputLines where board.line(named: name)?.isOutput != true { throw .line(name) }
        for name in calibration.inputLines where board.line(named: name)?.isOutput != false { throw .line(name) }
        for name in calibration.analogueChannels where !board.analogues.contains(where: { $0.name == name }) { throw .line(name) }
        guard calibration.version >= floor else { throw .rollback(version: calibration.version, floor: floor) }
        return AdmittedCalibration(object: object, verified: found)
    }

    /// The newest of both that may; of two with one version that of the release.
    /// - stored: what took over while the board ran; nil if nothing did, or it is not whole.
    public func chosen(release: [UInt8], stored: [UInt8]?) throws(CalibrationRefusal) -> AdmittedCalibration {
        var kept: AdmittedCalibration?
        // One that is not fit any more must not keep the release's own from being used.
        if let stored { do throws(CalibrationRefusal) { kept = try admitted(stored) } catch {} }
        do throws(CalibrationRefusal) {
            let own = try admitted(release)
            if let kept, kept.version > own.version { return kept }
            return own
        } catch {
            guard let kept else { throw error }
            return kept
        }
    }
}
