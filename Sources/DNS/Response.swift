// Reading of a response, of anybody's making.
import Bytes

/// What a response says about the question asked.
enum Response: Equatable {
    /// The addresses at the end of the chain of aliases, and the least time to live on the way.
    case addresses([IPAddress], seconds: UInt32)
    case noSuchName
    /// Refused, failed, cut short, malformed: ask another.
    case useless
    /// Not the answer to this question; perhaps forged. The right one may still come.
    case stray
}

struct Malformed: Error {}

extension Response {
    init(_ bytes: RawSpan, to name: Name, _ type: RecordType, identifier: UInt16) {
        guard bytes.byteCount <= Limit.datagramBytes else {
            self = .stray
            return
        }
        var cursor = Cursor(bytes: bytes.copied())
        guard (try? cursor.answers(name, type, identifier)) == true else {
            self = .stray
            return
        }
        do throws(Malformed) { self = try cursor.response(name, type) } catch { self = .useless }
    }
}

private struct Cursor {
    let bytes: [UInt8]
    var offset = 0
    var flags: UInt16 = 0
    var answerCount = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func u8() throws(Malformed) -> UInt8 {
        guard offset < bytes.count else { throw Malformed() }
        defer { offset += 1 }
        return bytes[offset]
    }

    mutating func u16() throws(Malformed) -> UInt16 { UInt16(try u8()) << 8 | UInt16(try u8()) }
    mutating func u32() throws(Malformed) -> UInt32 { UInt32(try u16()) << 16 | UInt32(try u16()) }

    /// A name, its pointers followed. Each pointer must lead before all that was read so far, so
    /// the walk ends.
    mutating func name() throws(Malformed) -> Name {
        var name = Name()
        var at = offset
        var lowest = offset
        var end: Int?
        var pointers = 0
        while true {
            guard at < bytes.count else { throw Malformed() }
            let length = Int(bytes[at])
            if length == 0 {
                offset = end ?? at + 1
                return name
            }
            if length >= 0xC0 {
                guard at + 1 < bytes.count else { throw Malformed() }
                let target = (length & 0x3F) << 8 | Int(bytes[at + 1])
                pointers += 1
                guard target < lowest, pointers <= Limit.pointers else { throw Malformed() }
                end = end ?? at + 2
                at = target
                lowest = target
            } else {
                guard length < 64, at + 1 + length <= bytes.count, name.labels.count + 1 + length <= 254 else { throw Malformed() }
                name.labels.append(UInt8(length))
                for byte in bytes[at + 1..<at + 1 + length] { name.labels.append((65...90).contains(byte) ? byte + 32 : byte) }
                at += 1 + length
            }
        }
    }

    /// Whether this is a response to our question: identifier, and the question repeated.
    mutating func answers(_ wanted: Name, _ type: RecordType, _ identifier: UInt16) throws(Malformed) -> Bool {
        guard try u16() == identifier else { return false }
        flags = try u16()
        // A response (QR), standard query (OPCODE 0), one question.
        guard flags & 0xF800 == 0x8000, try u16() == 1 else { return false }
        answerCount = Int(try u16())
        _ = try u32()
        let asked = try name(), askedType = try u16(), askedClass = try u16()
        return asked == wanted && askedType == type.rawValue && askedClass == 1
    }

    mutating func response(_ wanted: Name, _ type: RecordType) throws(Malformed) -> Response {
        let isCut = flags & 0x0200 != 0
        switch flags & 15 {
        case 0: break
        case 3: return .noSuchName
        default: return .useless
        }
        guard answerCount <= Limit.records else { return .useless }
        var records: [Record] = []
        for _ in 0..<answerCount {
            // What was cut off may be missing; what is whole counts.
            if isCut, offset == bytes.count { break }
            if let record = try record(type) { records.append(record) }
        }
        let (addresses, seconds) = Self.chase(wanted, records)
        if addresses.isEmpty, isCut { return .useless }
        return .addresses(addresses, seconds: max(Limit.leastSeconds, min(seconds, Limit.mostSeconds)))
    }

    private struct Record {
        enum Value { case alias(Name), address(IPAddress) }
        var owner: Name
        var seconds: UInt32
        var value: Value
    }

    /// The next record; nil if it is of no concern.
    private mutating func record(_ wanted: RecordType) throws(Malformed) -> Record? {
        let owner = try name()
        let type = try u16()
        let isInternet = try u16() == 1
        var seconds = try u32()
        if seconds > 0x7FFF_FFFF { seconds = 0 }
        let length = Int(try u16())
        guard length <= bytes.count - offset else { throw Malformed() }
        let end = offset + length
        defer { offset = end }
        guard isInternet else { return nil }
        if type == RecordType.cname.rawValue {
            let target = try name()
            guard offset == end else { throw Malformed() }
            return Record(owner: owner, seconds: seconds, value: .alias(target))
        }
        guard type == wanted.rawValue else { return nil }
        guard length == (wanted == .a ? 4 : 16), let address = IPAddress(Array(bytes[offset..<end])) else { throw Malformed() }
        return address.isUsable ? Record(owner: owner, seconds: seconds, value: .address(address)) : nil
    }

    private static func chase(_ wanted: Name, _ records: [Record]) -> ([IPAddress], UInt32) {
        var name = wanted
        var seconds = Limit.mostSeconds
        for _ in 0...Limit.aliases {
            var addresses: [IPAddress] = []
            var alias: Name?
            for record in records where record.owner == name {
                seconds = min(seconds, record.seconds)
                switch record.value {
                case .alias(let target): alias = target
                case .address(let address):
                    if addresses.count < Limit.addresses, !addresses.contains(address) { addresses.append(address) }
                }
            }
            guard addresses.isEmpty, let alias else { return (addresses, seconds) }
            name = alias
        }
        return ([], seconds)
    }
}

extension IPAddress {
    /// Whether one can connect to it at all: not unspecified, multicast or broadcast.
    var isUsable: Bool {
        switch self {
        case .v4(let value): value >> 24 != 0 && value >> 28 < 14
        case .v6(let high, let low): (high != 0 || low != 0) && high >> 56 != 0xFF
        }
    }
}
