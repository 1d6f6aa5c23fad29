// Whether a release is for this board, and not older than it may be. Asked before it is written, and
// again each time before it runs.
import Bytes

/// Why a release with valid signatures may not run here.
public enum ReleaseRefusal: Error, Equatable, Coded {
    case boardWrong(release: String, board: String)
    case hardwareRevisionWrong(release: ClosedRange<UInt16>, board: UInt16)
    case belowFloor(index: UInt64, floor: UInt64)

    public var code: String {
        switch self {
        case .boardWrong: "board-wrong"
        case .hardwareRevisionWrong: "hardware-revision-wrong"
        case .belowFloor: "below-floor"
        }
    }

    public var text: String {
        switch self {
        case .boardWrong(let release, let board): "the release is for board \(release), this is \(board): choose the bundle of this board"
        case .hardwareRevisionWrong(let release, let board):
            "the release is for hardware revisions \(release.lowerBound) to \(release.upperBound), this is \(board): choose the bundle of this revision"
        case .belowFloor(let index, let floor): "the release has rollback index \(index), this board takes none below \(floor): choose a newer release, a floor is never lowered"
        }
    }
}

extension Manifest {
    public func admit(board: String, hardwareRevision: UInt16, floor: UInt64) throws(ReleaseRefusal) {
        guard self.board == board else { throw .boardWrong(release: self.board, board: board) }
        guard hardwareRevisions.contains(hardwareRevision) else {
            throw .hardwareRevisionWrong(release: hardwareRevisions, board: hardwareRevision)
        }
        guard rollbackIndex >= floor else { throw .belowFloor(index: rollbackIndex, floor: floor) }
    }
}
