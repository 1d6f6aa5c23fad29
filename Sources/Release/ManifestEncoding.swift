// The manifest's bytes, both ways.

import Bytes
import Cryptography
import Signed
import Verity

extension Manifest {
    public func encoded() -> [UInt8] {
        var writer = CBORWriter(capacity: 512)
        writer.map(9 + optionalFields.count)
        writer.unsigned(1); writer.unsigned(Self.format)
        writer.unsigned(2); writer.text(board)
        writer.unsigned(3); writer.array(2)
        writer.unsigned(UInt64(hardwareRevisions.lowerBound)); writer.unsigned(UInt64(hardwareRevisions.upperBound))
        writer.unsigned(4); writer.text(release)
        writer.unsigned(5); writer.unsigned(rollbackIndex)
        writer.unsigned(6); writer.unsigned(UInt64(installerVersionMinimum))
        writer.unsigned(7); writer.array(components.count)
        for component in components { component.write(to: &writer) }
        writer.unsigned(8); writer.text(notes)
        writer.unsigned(9); healthGate.write(to: &writer)
        for field in optionalFields {
            writer.unsigned(field.key)
            writer.raw(field.item)
        }
        return writer.bytes
    }

    public init(decoding bytes: RawSpan) throws(PayloadError) {
        var fields = ManifestFields()
        do throws(CBORError) {
            var reader = CBORReader(bytes)
            try fields.read(&reader)
            try reader.end()
        } catch {
            if case .unknown(let key) = error {
                // Of the components the kind, of all else the field.
                throw key == 7 ? .unsupportedComponent : .unsupportedField(key)
            }
            throw PayloadError(error)
        }
        self = try fields.manifest()
    }
}

/// The fields as they are read, before it is known that all are there.
private struct ManifestFields {
    var format: UInt64?
    var board: String?
    var revisions: (UInt16, UInt16)?
    var release: String?
    var rollbackIndex: UInt64?
    var installerVersionMinimum: UInt32?
    var components: [Component]?
    var notes: String?
    var healthGate: (alive: UInt32, uplink: Bool, timeout: UInt32)?
    var optionalFields: [OptionalField] = []

    mutating func read(_ reader: inout CBORReader) throws(CBORError) {
        let count = try reader.map(maximum: 9 + OptionalField.countMaximum)
        var previous: UInt64?
        for _ in 0..<count {
            let key = try reader.key(after: &previous)
            switch key {
            case 1:
                format = try reader.unsigned()
                guard format == Manifest.format else { throw .unknown(key: 1) }
            case 2: board = try reader.text(maximum: Manifest.boardMaximum)
            case 3:
                try reader.array(exactly: 2)
                let least = try reader.u16()
                revisions = (least, try reader.u16())
            case 4: release = try reader.text(maximum: Manifest.releaseMaximum)
            case 5: rollbackIndex = try reader.unsigned()
            case 6: installerVersionMinimum = try reader.u32()
            case 7:
                var read: [Component] = []
                for _ in 0..<(try reader.array(maximum: Component.countMaximum)) { read.append(try Component(&reader)) }
                components = read
            case 8: notes = try reader.text(maximum: Manifest.notesMaximum)
            case 9: healthGate = try readHealthGate(&reader)
            default: try readOptional(key, &reader)
            }
        }
    }

    private mutating func readOptional(_ key: UInt64, _ reader: inout CBORReader) throws(CBORError) {
        guard key >= OptionalField.keyMinimum else { throw .unknown(key: key) }
        let at = reader.offset
        guard let field = OptionalField(key: key, item: reader.copied(try reader.skip())) else { throw .tooLong(at: at) }
        optionalFields.append(field)
    }

    private func readHealthGate(_ reader: inout CBORReader) throws(CBORError) -> (UInt32, Bool, UInt32) {
        try reader.fields(3)
        try reader.field(1)
        let alive = try reader.u32()
        try reader.field(2)
        let uplink = try reader.boolean()
        try reader.field(3)
        return (alive, uplink, try reader.u32())
    }

    func manifest() throws(PayloadError) -> Manifest {
        guard format != nil else { throw .missing(1) }
        guard let board else { throw .missing(2) }
        guard let revisions else { throw .missing(3) }
        guard let release else { throw .missing(4) }
        guard let rollbackIndex else { throw .missing(5) }
        guard let installerVersionMinimum else { throw .missing(6) }
        guard let components else { throw .missing(7) }
        guard let notes else { throw .missing(8) }
        guard let healthGate else { throw .missing(9) }
        guard revisions.0 <= revisions.1, let gate = HealthGate(
            aliveMilliseconds: healthGate.alive, uplinkDemanded: healthGate.uplink, timeoutMilliseconds: healthGate.timeout)
        else { throw PayloadError(.outOfRange(at: 0)) }
        return try Manifest(
            board: board, hardwareRevisions: revisions.0...revisions.1, release: release, rollbackIndex: rollbackIndex,
            installerVersionMinimum: installerVersionMinimum, components: components, notes: notes, healthGate: gate,
            optionalFields: optionalFields)
    }
}

extension PayloadError {
    fileprivate static func missing(_ key: UInt64) -> PayloadError { PayloadError(.missing(key: key)) }

    fileprivate static var unsupportedComponent: PayloadError {
        PayloadError(
            code: "unsupported",
            text: "the manifest names a component of a kind that is critical and not known to this version: install a release in between")
    }

    fileprivate static func unsupportedField(_ key: UInt64) -> PayloadError {
        PayloadError(
            code: "unsupported",
            text: "the manifest's field \(key) is critical and not known to this version: install a release in between")
    }
}

extension Component {
    fileprivate func write(to writer: inout CBORWriter) {
        writer.map(5)
        writer.unsigned(1); writer.unsigned(kind.number)
        writer.unsigned(2); writer.unsigned(byteCount)
        writer.unsigned(3); writer.bytes(identity.root.bytes)
        writer.unsigned(4); writer.bytes(identity.salt)
        writer.unsigned(5); writer.bytes(identity.uuid)
    }

    fileprivate init(_ reader: inout CBORReader) throws(CBORError) {
        try reader.fields(5)
        try reader.field(1)
        guard let kind = ComponentKind(number: try reader.unsigned()) else { throw .unknown(key: 7) }
        try reader.field(2)
        let at = reader.offset
        let byteCount = try reader.count(maximum: VerityGeometry.dataBlocksMaximum * blockSize)
        guard let geometry = Component.geometry(byteCount: byteCount) else { throw .outOfRange(at: at) }
        try reader.field(3)
        let root = Digest(try reader.bytes(exactly: 32))!
        try reader.field(4)
        let salt = try reader.bytes(exactly: Superblock.saltSize)
        try reader.field(5)
        let uuid = try reader.bytes(exactly: 16)
        self.init(kind: kind, byteCount: byteCount, identity: VerityIdentity(geometry: geometry, root: root, salt: salt, uuid: uuid))!
    }
}

extension HealthGate {
    fileprivate func write(to writer: inout CBORWriter) {
        writer.map(3)
        writer.unsigned(1); writer.unsigned(UInt64(aliveMilliseconds))
        writer.unsigned(2); writer.boolean(uplinkDemanded)
        writer.unsigned(3); writer.unsigned(UInt64(timeoutMilliseconds))
    }
}
