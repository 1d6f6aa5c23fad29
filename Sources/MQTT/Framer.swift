// Cuts the stream into packets (section 2.1): the same packets however the bytes are split.
import Bytes

/// One packet as it came: the first byte and the body.
struct Frame: Equatable {
    var first: UInt8
    var body: [UInt8]

    var type: UInt8 { first >> 4 }
    var flags: UInt8 { first & 15 }
}

/// Collects one packet at a time, never more than `Limit.packetInBytes`.
struct Framer {
    private enum State {
        case first
        case length(first: UInt8, value: Int, shift: Int)
        case body(first: UInt8, missing: Int)
    }

    private var state = State.first
    private var body: [UInt8] = []

    /// Reads from `offset` on until a packet is whole or the bytes end.
    mutating func next(_ bytes: RawSpan, offset: inout Int) throws(MQTTError) -> Frame? {
        while offset < bytes.byteCount {
            switch state {
            case .first:
                let first = bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
                offset += 1
                guard Self.mayCome(first) else { throw .unexpected(packet: first >> 4) }
                state = .length(first: first, value: 0, shift: 0)
            case .length(let first, let value, let shift):
                let byte = bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
                offset += 1
                if let frame = try length(first, value | Int(byte & 127) << shift, shift, byte) { return frame }
            case .body(let first, let missing):
                let count = min(missing, bytes.byteCount - offset)
                body.append(contentsOf: bytes.copied(offset..<offset + count))
                offset += count
                state = .body(first: first, missing: missing - count)
                if missing == count { return finish(first) }
            }
        }
        return nil
    }

    /// Server to client only, with the reserved flags as they must be.
    private static func mayCome(_ first: UInt8) -> Bool {
        switch first >> 4 {
        case 3: true
        case 2, 4, 9, 11, 13, 14: first & 15 == 0
        default: false
        }
    }

    private mutating func length(_ first: UInt8, _ value: Int, _ shift: Int, _ byte: UInt8) throws(MQTTError) -> Frame? {
        if byte & 128 != 0 {
            guard shift < 21 else { throw .malformed(packet: first >> 4, at: 0) }
            state = .length(first: first, value: value, shift: shift + 7)
            return nil
        }
        // The shortest encoding is demanded (section 1.5.5).
        guard shift == 0 || byte != 0 else { throw .malformed(packet: first >> 4, at: 0) }
        let total = value + 2 + shift / 7
        guard total <= Limit.packetInBytes else { throw .packetTooLarge(bytes: total) }
        body.removeAll(keepingCapacity: true)
        state = .body(first: first, missing: value)
        return value == 0 ? finish(first) : nil
    }

    private mutating func finish(_ first: UInt8) -> Frame {
        state = .first
        return Frame(first: first, body: body)
    }
}
