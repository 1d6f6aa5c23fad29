// Every refusal of an update, as the device says it: the article's table is made from the code.
import BootState
import Bytes
import Foundation
import Installer
import Release
import Signed
@testable import Supervisor
import Testing
import Verity

/// One of each case. A case that is added does not compile before it stands in its `number`, and is
/// missing from `all` until a sample is given.
private enum Samples {
    static let block = VerityBlock.data(index: 17)
    static let store = StoreError(.write, offset: 8192, errno: 5)

    static let install: [InstallError] = [
        .truncated(offset: 65536), .oversent, .malformed(.magic), .manifest(.signatureMissing),
        .refused(.belowFloor(index: 3, floor: 5)), .installerTooOld(needed: 2, present: 1),
        .layout(.slotTooSmall(neededBytes: 9_437_184, presentBytes: 8_323_072)), .keys(.noRecipient),
        .blockSealed(block, offset: 135_168), .blockAltered(block, offset: 135_168), .slot(store), .readBack(.altered(block)), .manifestReadBack,
        .downloadLimit(neededBytes: 28_131_328, allowedBytes: 1_000_000),
    ]
    static func number(_ error: InstallError) -> Int {
        switch error {
        case .truncated: 0
        case .oversent: 1
        case .malformed: 2
        case .manifest: 3
        case .refused: 4
        case .installerTooOld: 5
        case .layout: 6
        case .keys: 7
        case .blockSealed: 8
        case .blockAltered: 9
        case .slot: 10
        case .readBack: 11
        case .manifestReadBack: 12
        case .downloadLimit: 13
        }
    }

    static let release: [ReleaseRefusal] = [
        .boardWrong(release: "pump-b", board: "pump-a"), .hardwareRevisionWrong(release: 2...3, board: 1), .belowFloor(index: 3, floor: 5),
    ]
    static func number(_ refusal: ReleaseRefusal) -> Int {
        switch refusal {
        case .boardWrong: 0
        case .hardwareRevisionWrong: 1
        case .belowFloor: 2
        }
    }

    static let layout: [LayoutRefusal] = [
        .slotTooSmall(neededBytes: 9_437_184, presentBytes: 8_323_072), .bootTooSmall(neededBytes: 5_242_880, presentBytes: 4_194_304), .noBootPartition(.kernel),
    ]
    static func number(_ refusal: LayoutRefusal) -> Int {
        switch refusal {
        case .slotTooSmall: 0
        case .bootTooSmall: 1
        case .noBootPartition: 2
        }
    }

    static let keys: [BundleKeysError] = [.malformed(.truncated(at: 9)), .noRecipient, .unwrap]
    static func number(_ error: BundleKeysError) -> Int {
        switch error {
        case .malformed: 0
        case .noRecipient: 1
        case .unwrap: 2
        }
    }

    static let signed: [SignedError] = [
        .oversized(byteCount: 70_000), .malformed(.object, .truncated(at: 9)), .headerCritical(.bodyHeader),
        .purposeWrong(expected: .manifest, found: Purpose.command.contentType), .signatureMissing, .signaturesTooMany(9),
        .keyUnknown(index: 0, kid: [1, 2, 3, 4, 5, 6, 7, 8]), .keyPurpose(name: "ann", .manifest), .algorithmWrong(name: "ann", algorithm: -8),
        .signatureInvalid(name: "ann"), .thresholdUnmet(.manifest, signers: 1, needed: 2), .newThresholdUnmet(signers: 1, needed: 2),
        .payload(unsupported), .versionOld(current: 4, found: 3),
    ]
    static func number(_ error: SignedError) -> Int {
        switch error {
        case .oversized: 0
        case .malformed: 1
        case .headerCritical: 2
        case .purposeWrong: 3
        case .signatureMissing: 4
        case .signaturesTooMany: 5
        case .keyUnknown: 6
        case .keyPurpose: 7
        case .algorithmWrong: 8
        case .signatureInvalid: 9
        case .thresholdUnmet: 10
        case .newThresholdUnmet: 11
        case .payload: 12
        case .versionOld: 13
        }
    }

    /// Of a manifest with the unknown, critical field 63.
    static let unsupported: PayloadError = {
        do throws(PayloadError) {
            _ = try Manifest(decoding: unknownField.span.bytes)
            return PayloadError(code: "granted", text: "")
        } catch { return error }
    }()
    private static let unknownField: [UInt8] = {
        var writer = CBORWriter()
        writer.map(2); writer.unsigned(1); writer.unsigned(Manifest.format); writer.unsigned(63); writer.unsigned(0)
        return writer.bytes
    }()

    static let order: [UpdateRefusal] = [.slot(.runningNotGood), .underWay, .tripStands]
    static func number(_ refusal: UpdateRefusal) -> Int {
        switch refusal {
        case .slot: 0
        case .underWay: 1
        case .tripStands: 2
        }
    }

    static let slot: [SlotRefusal] = [.running, .runningNotGood, .notWriting, .notBootable]
    static func number(_ refusal: SlotRefusal) -> Int { Int(refusal.rawValue) }

    /// Whether the case hands on what another table says.
    private static func isNested(_ error: InstallError) -> Bool {
        switch error {
        case .manifest, .refused, .layout, .keys: true
        default: false
        }
    }

    private static func isOfKeySets(_ error: SignedError) -> Bool {
        switch error {
        case .newThresholdUnmet, .versionOld: true
        default: false
        }
    }

    /// What the device may say, in the article's order.
    static var all: [any Coded] {
        var all: [any Coded] = []
        for refusal in order { all.append(refusal) }
        for refusal in slot where refusal != .runningNotGood { all.append(refusal) }
        for error in install where !isNested(error) { all.append(error) }
        for error in signed where !isOfKeySets(error) { all.append(InstallError.manifest(error)) }
        for refusal in release { all.append(InstallError.refused(refusal)) }
        for refusal in layout { all.append(InstallError.layout(refusal)) }
        for error in keys { all.append(InstallError.keys(error)) }
        return all
    }
}

@Suite struct RefusalsTests {
    private static let article = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../Sources/penstock/penstock.docc/Refusals.md").standardizedFileURL

    @Test("every case has its sample")
    func complete() {
        #expect(Samples.install.map(Samples.number) == Array(0..<14))
        #expect(Samples.release.map(Samples.number) == Array(0..<3))
        #expect(Samples.layout.map(Samples.number) == Array(0..<3))
        #expect(Samples.keys.map(Samples.number) == Array(0..<3))
        #expect(Samples.signed.map(Samples.number) == Array(0..<14))
        #expect(Samples.order.map(Samples.number) == Array(0..<3))
        #expect(Samples.slot.map(Samples.number) == Array(0..<4))
    }

    @Test("the table of Refusals.md is what the code says, word for word")
    func table() throws {
        let rows = Samples.all.map { "| `\($0.code)` | \($0.text) |" }
        let article = try String(contentsOf: Self.article, encoding: .utf8)
        let present = article.split(separator: "\n").map(String.init).filter { $0.hasPrefix("| `") }
        #expect(present == rows, "Refusals.md must hold these lines:\n\(rows.joined(separator: "\n"))")
    }

    @Test("each says what to do, behind a colon, a semicolon or a question")
    func advice() {
        for refusal in Samples.all {
            let isCoded = refusal.code.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D }
            #expect(isCoded && !refusal.code.isEmpty, "\(refusal.code)")
            // Not the colon of who says it.
            let said = refusal.text.replacing("the bundle's manifest was refused: ", with: "").replacing("the slot: ", with: "")
            #expect(said.contains { $0 == ":" || $0 == ";" || $0 == "?" }, "\(refusal.code): \(refusal.text)")
            // It fits the packet between two roles, and the record of the journal, unclipped.
            #expect(refusal.text.utf8.count <= 300, "\(refusal.code): \(refusal.text.utf8.count) bytes")
        }
    }

    @Test("codes that the requirement names", arguments: [
        "board-wrong", "hardware-revision-wrong", "below-floor", "manifest-signature-invalid", "manifest-threshold-unmet", "bundle-truncated",
        "bundle-block-altered", "slot-too-small", "slot-busy", "unsupported",
    ])
    func named(_ code: String) { #expect(Samples.all.contains { $0.code == code }) }

    @Test("a bad signature names its key, a threshold its numbers, a block its number")
    func particulars() {
        #expect(SignedError.signatureInvalid(name: "ann").text.contains("'ann'"))
        #expect(SignedError.keyUnknown(index: 1, kid: [0xAB, 0xCD]).text.contains("signature 2 is by the key abcd"))
        #expect(SignedError.thresholdUnmet(.manifest, signers: 1, needed: 2).text.contains("1 of the 2 keys that a manifest needs"))
        #expect(InstallError.blockAltered(.data(index: 17), offset: 4096).text.hasPrefix("data block 17"))
        #expect(InstallError.blockSealed(.tree(level: 1, index: 2), offset: 4096).text.hasPrefix("tree block 2 of level 1"))
    }

    @Test("an order is refused while the release is on trial, while one runs, while a trip stands; else it begins")
    func orders() {
        #expect(UpdateRefusal(isMarkedGood: true, tripStands: false, isUnderWay: false) == nil)
        #expect(UpdateRefusal(isMarkedGood: false, tripStands: true, isUnderWay: true) == .slot(.runningNotGood))
        #expect(UpdateRefusal(isMarkedGood: true, tripStands: true, isUnderWay: true) == .underWay)
        #expect(UpdateRefusal(isMarkedGood: true, tripStands: true, isUnderWay: false) == .tripStands)
    }
}
