// Who may sign what, and how many must. The root of a device's trust; it is itself a signed payload,
// so that the keys of today name the keys of tomorrow.
import Bytes
import Cryptography

/// A set of public keys with names, the purposes of each, and a threshold for each purpose.
///
///     {1: version, 2: [{1: name, 2: COSE_Key, 3: [purpose, ...]}, ...], 3: {purpose: threshold, ...}}
///
/// Valid by construction: names and keys differ, and every threshold can be reached by the keys
/// that may sign its purpose. A purpose without a threshold can't be signed by anybody.
public struct KeySet: SignedPayload, Sendable, Equatable {
    public static let purpose = Purpose.keySet
    public static let entryMaximum = 16
    /// Bytes of a name; lower-case letters, digits, hyphens.
    public static let nameMaximum = 32

    public struct Entry: Sendable, Equatable {
        public let name: String
        public let key: PublicKey
        public let keyIdentifier: [UInt8]
        /// Ascending.
        public let purposes: [Purpose]

        public init(name: String, key: PublicKey, purposes: [Purpose]) {
            self.name = name
            self.key = key
            keyIdentifier = key.keyIdentifier
            self.purposes = purposes.sorted { $0.rawValue < $1.rawValue }
        }
    }

    /// Ascends with each change; an older set never replaces a newer one.
    public let version: UInt64
    public let entries: [Entry]
    // By the raw value of the purpose; 0 is none.
    private let thresholds: [UInt8]

    public init(version: UInt64, entries: [Entry], thresholds: [(Purpose, Int)]) throws(PayloadError) {
        guard (1...Self.entryMaximum).contains(entries.count) else {
            throw Self.invalid("it has \(entries.count) keys; 1 to \(Self.entryMaximum) are allowed")
        }
        for (index, entry) in entries.enumerated() {
            guard Self.isName(entry.name) else {
                throw Self.invalid("key \(index + 1) has an unfit name: 1 to \(Self.nameMaximum) lower-case letters, digits and hyphens are allowed")
            }
            for other in entries[..<index] {
                guard !entry.name.utf8.elementsEqual(other.name.utf8) else { throw Self.invalid("the name '" + entry.name + "' stands twice") }
                guard entry.keyIdentifier != other.keyIdentifier else {
                    throw Self.invalid("'" + other.name + "' and '" + entry.name + "' are the same key; a threshold would count it once")
                }
            }
        }
        var table = [UInt8](repeating: 0, count: Purpose.allCases.count)
        for (purpose, threshold) in thresholds {
            let able = entries.filter { $0.purposes.contains(purpose) }.count
            guard threshold >= 1, threshold <= able, threshold <= SignedObject.signatureMaximum else {
                throw Self.invalid("a " + purpose.name + " needs \(threshold) signatures, and \(able) keys may sign one (at most \(SignedObject.signatureMaximum) signatures are read)")
            }
            table[Int(purpose.rawValue)] = UInt8(threshold)
        }
        self.version = version
        self.entries = entries
        self.thresholds = table
    }

    /// How many different keys must sign; nil where nobody can.
    public func threshold(_ purpose: Purpose) -> Int? {
        let threshold = Int(thresholds[Int(purpose.rawValue)])
        return threshold > 0 ? threshold : nil
    }

    public func entry(keyIdentifier: [UInt8]) -> Entry? {
        for entry in entries where entry.keyIdentifier == keyIdentifier { return entry }
        return nil
    }

    private static func isName(_ name: String) -> Bool {
        guard (1...nameMaximum).contains(name.utf8.count) else { return false }
        for byte in name.utf8 {
            switch byte {
            case 0x61...0x7A, 0x30...0x39, 0x2D: break
            default: return false
            }
        }
        return true
    }

    private static func invalid(_ text: String) -> PayloadError {
        PayloadError(code: "key-set-invalid", text: "the key set can't be used: " + text)
    }
}

// Its encoding.
extension KeySet {
    public func encoded() -> [UInt8] {
        var writer = CBORWriter(capacity: 128 * entries.count)
        writer.map(3)
        writer.unsigned(1); writer.unsigned(version)
        writer.unsigned(2); writer.array(entries.count)
        for entry in entries {
            writer.map(3)
            writer.unsigned(1); writer.text(entry.name)
            writer.unsigned(2); writer.raw(entry.key.coseKey)
            writer.unsigned(3); writer.array(entry.purposes.count)
            for purpose in entry.purposes { writer.unsigned(UInt64(purpose.rawValue)) }
        }
        let assigned = Purpose.allCases.filter { threshold($0) != nil }
        writer.unsigned(3); writer.map(assigned.count)
        for purpose in assigned {
            writer.unsigned(UInt64(purpose.rawValue))
            writer.unsigned(UInt64(thresholds[Int(purpose.rawValue)]))
        }
        return writer.bytes
    }

    public init(decoding bytes: RawSpan) throws(PayloadError) {
        var reader = CBORReader(bytes)
        let version: UInt64
        var entries: [Entry] = []
        var thresholds: [(Purpose, Int)] = []
        do throws(CBORError) {
            try reader.fields(3)
            try reader.field(1)
            version = try reader.unsigned()
            try reader.field(2)
        } catch { throw PayloadError(error) }
        for _ in 0..<(try count(&reader)) { entries.append(try Self.entry(&reader)) }
        do throws(CBORError) {
            try reader.field(3)
            var previous: UInt64?
            for _ in 0..<(try reader.map(maximum: Purpose.allCases.count)) {
                let at = reader.offset
                guard let purpose = Purpose(number: try reader.key(after: &previous)) else { throw .outOfRange(at: at) }
                thresholds.append((purpose, try reader.count(maximum: SignedObject.signatureMaximum)))
            }
            try reader.end()
        } catch { throw PayloadError(error) }
        try self.init(version: version, entries: entries, thresholds: thresholds)
    }

    private static func entry(_ reader: inout CBORReader) throws(PayloadError) -> Entry {
        let name: String
        do throws(CBORError) {
            try reader.fields(3)
            try reader.field(1)
            name = try reader.text(maximum: nameMaximum)
            try reader.field(2)
        } catch { throw PayloadError(error) }
        let key = try PublicKey(&reader)
        var purposes: [Purpose] = []
        do throws(CBORError) {
            try reader.field(3)
            var previous: UInt64?
            for _ in 0..<(try reader.array(maximum: Purpose.allCases.count)) {
                let at = reader.offset
                guard let purpose = Purpose(number: try reader.key(after: &previous)) else { throw .outOfRange(at: at) }
                purposes.append(purpose)
            }
        } catch { throw PayloadError(error) }
        return Entry(name: name, key: key, purposes: purposes)
    }
}

private func count(_ reader: inout CBORReader) throws(PayloadError) -> Int {
    do throws(CBORError) { return try reader.array(maximum: KeySet.entryMaximum) } catch { throw PayloadError(error) }
}

extension Purpose {
    fileprivate init?(number: UInt64) {
        guard number <= 0xFF else { return nil }
        self.init(rawValue: UInt8(number))
    }
}
