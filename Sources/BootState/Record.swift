// A record of a fixed size: magic, sequence, length, CBOR, zeros, SHA-256 of all that stands before.
// Trust: anybody's bytes. The checksum finds torn writes; it keeps nobody from forging.

import Bytes
import Cryptography

/// Where records of one kind lie in their partition, and how they begin.
public struct RecordPlace: Sendable {
    /// Eight ASCII characters.
    public let magic: StaticString
    /// Bytes of a copy, a multiple of 512.
    public let size: Int
    /// Of both copies: far apart, so that they lie in different erase blocks of most media.
    public let offsets: [Int]

    static let bodyOffset = 20
    static let checksumBytes = 32

    var bodyMaximum: Int { size - Self.bodyOffset - Self.checksumBytes }
    var magicBytes: [UInt8] { magic.withUTF8Buffer { [UInt8]($0) } }
}

/// What can be kept in two copies.
public protocol Recorded: Equatable, Sendable {
    static var place: RecordPlace { get }
    /// At most what the place has room for.
    func write(to writer: inout CBORWriter)
    init(from reader: inout CBORReader) throws(CBORError)
}

/// Why a copy is not one.
public enum RecordError: Error, Equatable {
    case size
    case magic
    /// Torn, or never written whole.
    case checksum
    case content(CBORError)
    case padding
    /// Beyond `recordSequenceMaximum`: no board has written that often.
    case sequence
}

/// Leaves room for every write to come, so that a forged copy can't make the sequence overflow.
public let recordSequenceMaximum: UInt64 = 1 << 62

/// A content and how new it is.
public struct Record<Content: Recorded>: Equatable, Sendable {
    public static var size: Int { Content.place.size }

    public let sequence: UInt64
    public let content: Content

    public init(sequence: UInt64, content: Content) {
        self.sequence = sequence
        self.content = content
    }

    public func encoded() -> [UInt8] {
        let place = Content.place
        var body = CBORWriter()
        content.write(to: &body)
        precondition(body.bytes.count <= place.bodyMaximum)
        var writer = ByteWriter(capacity: place.size)
        writer.append(place.magicBytes)
        writer.u64(sequence)
        writer.u32(UInt32(body.bytes.count))
        writer.append(body.bytes)
        writer.zeros(place.size - RecordPlace.checksumBytes - writer.bytes.count)
        let checksum = SHA256.hash(writer.bytes.span.bytes)
        writer.append(checksum.bytes)
        return writer.bytes
    }

    public init(decoding bytes: RawSpan) throws(RecordError) {
        let place = Content.place
        guard bytes.byteCount == place.size else { throw .size }
        guard bytes.copied(0..<8) == place.magicBytes else { throw .magic }
        let end = place.size - RecordPlace.checksumBytes
        guard SHA256.hash(bytes.extracting(0..<end)).bytes == bytes.copied(end..<place.size) else { throw .checksum }
        var sequence: UInt64 = 0
        for byte in bytes.copied(8..<16) { sequence = sequence << 8 | UInt64(byte) }
        guard sequence <= recordSequenceMaximum else { throw .sequence }
        var length = 0
        for byte in bytes.copied(16..<20) { length = length << 8 | Int(byte) }
        guard length <= place.bodyMaximum else { throw .size }
        let body = RecordPlace.bodyOffset..<RecordPlace.bodyOffset + length
        guard bytes.isZero(body.upperBound..<end) else { throw .padding }
        do throws(CBORError) {
            var reader = CBORReader(bytes.extracting(body))
            let content = try Content(from: &reader)
            try reader.end()
            self.init(sequence: sequence, content: content)
        } catch { throw .content(error) }
    }
}
