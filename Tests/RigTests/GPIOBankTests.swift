// The GPIO device must answer as virtio 1.2, 5.16 says, or the board is tested against a fiction.
import Plant
import Testing

@testable import Rig

private func request(_ type: UInt16, _ line: UInt16, _ value: UInt32 = 0) -> [UInt8] {
    [UInt8(type), 0, UInt8(truncatingIfNeeded: line), UInt8(line >> 8)] + (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
}

@Suite final class GPIOBankTests {
    private var bank = GPIOBank(lines: [.inletOpen, .levelHigh])
    private let buffer = EventBuffer(head: 3, address: 0x1000, length: 1)

    @discardableResult
    private func answer(_ bytes: [UInt8]) -> [UInt8] { bank.answer(bytes) }
    private func lend(_ line: Int) -> Bool { bank.lend(buffer, line: line) }
    private func completions() -> [(EventBuffer, UInt8)] { bank.takeCompletions() }
    private func changes() -> [LineEvent.Change] { bank.takeChanges() }

    @Test func namesAndConfiguration() {
        #expect(answer(request(1, 0)) == [0] + Array("inlet-open\0level-high\0".utf8))
        #expect(bank.configuration == [2, 0, 0, 0, 22, 0, 0, 0])
    }

    @Test func outputsAreSeenOnlyWhenDriven() {
        #expect(bank.signal(.inletOpen) == .floating)
        #expect(answer(request(5, 0, 1)) == [0, 0])
        #expect(bank.signal(.inletOpen) == .floating)
        #expect(answer(request(3, 0, 1)) == [0, 0])
        #expect(bank.signal(.inletOpen) == .high)
        #expect(changes() == [.output(.inletOpen, true)])
        #expect(answer(request(5, 0, 0)) == [0, 0])
        #expect(bank.signal(.inletOpen) == .low && answer(request(4, 0)) == [0, 0])
        bank.float()
        #expect(bank.signal(.inletOpen) == .floating)
        #expect(changes() == [.output(.inletOpen, false), .released(.inletOpen)])
    }

    @Test func aShortedOutputReadsBackWhatTheWireHas() {
        #expect(answer(request(3, 0, 1)) == [0, 0] && answer(request(5, 0, 1)) == [0, 0])
        bank.short(.inletOpen, to: false)
        #expect(answer(request(4, 0)) == [0, 0] && bank.signal(.inletOpen) == .high)
        bank.short(.inletOpen, to: nil)
        #expect(answer(request(4, 0)) == [0, 1])
    }

    @Test func edgesComeOnceEachAndAreKeptUntilABufferIsLent() {
        #expect(answer(request(3, 1, 2)) == [0, 0])
        #expect(answer(request(6, 1, 3)) == [0, 0])
        #expect(lend(1))
        #expect(completions().isEmpty)
        bank.drive(.levelHigh, true)
        #expect(completions().map(\.1) == [1])
        bank.drive(.levelHigh, false)
        #expect(completions().isEmpty)
        #expect(lend(1))
        #expect(completions().map(\.1) == [1])
        #expect(lend(1))
        #expect(answer(request(6, 1, 0)) == [0, 0])
        #expect(completions().map(\.1) == [0])
    }

    @Test func onlyTheEdgeAskedForCounts() {
        answer(request(6, 1, 1))
        #expect(lend(1))
        bank.drive(.levelHigh, true)
        #expect(completions().count == 1)
        #expect(lend(1))
        bank.drive(.levelHigh, false)
        #expect(completions().isEmpty)
    }

    @Test func levelTriggersFireAtOnce() {
        bank.drive(.levelHigh, true)
        answer(request(6, 1, 4))
        #expect(lend(1))
        #expect(completions().count == 1)
    }

    @Test func nonsenseIsRefused() {
        for bad in [[], request(9, 0), request(5, 2, 1), request(3, 0, 7), request(5, 0, 2), request(6, 0, 5), request(4, 999)] {
            #expect(answer(bad) == [1, 0])
        }
        #expect(!lend(2))
    }
}
