import Bytes

/// Why the journal could not do what was asked. After `store` the journal is as before the call:
/// nothing was taken, and the call may be repeated.
public enum JournalError: Error, Equatable {
    /// The partition is smaller than `journalByteMinimum`.
    case tooSmall(byteCount: Int)
    /// A record's payload is longer than `JournalRecord.payloadByteMaximum`.
    case payloadTooLong(byteCount: Int)
    case store(StoreError)
    /// A page could not be encrypted.
    case sealing
}

extension JournalError: Coded {
    public var code: String {
        switch self {
        case .tooSmall: "journal-too-small"
        case .payloadTooLong: "journal-payload-too-long"
        case .store(let error): "journal-" + error.code
        case .sealing: "journal-sealing"
        }
    }

    public var text: String {
        switch self {
        case .tooSmall(let count): "The journal's partition has \(count) bytes; it needs \(journalByteMinimum) at least."
        case .payloadTooLong(let count): "A record of \(count) bytes is longer than the journal's \(JournalRecord.payloadByteMaximum)."
        case .store(let error): "the journal's partition: \(error.text)"
        case .sealing: "A page of the journal could not be encrypted."
        }
    }
}
