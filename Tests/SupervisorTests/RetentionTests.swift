// What the supervisor keeps for the next controller and the next boot, and how often it writes.
import BootState
import Bytes
import SimulatedDisk
@testable import Supervisor
import Testing

private func fresh() -> SimulatedPartition { SimulatedPartition(SimulatedDisk(contents: BootStateStore.image(of: .flashed(release: "1")))) }
private func bytes(_ number: Int) -> [UInt8] { [UInt8](repeating: UInt8(number & 0xFF), count: 64) + [UInt8(number >> 8)] }

@Suite struct RetentionTests {
    @Test("V-S1 what the controller left is there for the next one at once, and for the next boot")
    func kept() throws {
        var partition = fresh()
        var retention = try Retention(loading: &partition)
        #expect(retention.wasFound && retention.controller.isEmpty)
        retention.keep(bytes(1))
        #expect(retention.controller == bytes(1))
        #expect(try retention.write(to: &partition, now: 1000))
        #expect(try Retention(loading: &partition).controller == bytes(1))
        // Without a change nothing is written.
        let count = partition.disk.log.count
        #expect(try !retention.write(to: &partition, now: 2000))
        #expect(partition.disk.log.count == count)
    }

    @Test("V-S1 with both copies damaged a controller is given what it takes for every trip standing")
    func lost() throws {
        var partition = SimulatedPartition(SimulatedDisk(size: BootStateStore.partitionSize))
        var retention = try Retention(loading: &partition)
        #expect(!retention.wasFound)
        #expect(retention.controller == Retention.unreadable && !retention.controller.isEmpty)
        #expect(retention.calibrationFloor == 0)
        // It stays so over a boot, until a controller has said something better.
        _ = try retention.write(to: &partition, now: 0)
        #expect(try Retention(loading: &partition).controller == Retention.unreadable)
        retention.keep(bytes(2))
        #expect(try retention.write(to: &partition, now: 1))
        #expect(try Retention(loading: &partition).wasFound)
    }

    @Test("P-E2 a flood of changes is written a bounded number of times, and the latest of it in the end")
    func flood() throws {
        var partition = fresh()
        var retention = try Retention(loading: &partition)
        var written = 0
        // One change a millisecond for a minute.
        for now in 0..<60_000 as Range<UInt64> {
            retention.keep(bytes(Int(now)))
            if try retention.write(to: &partition, now: now) { written += 1 }
        }
        #expect(written <= 8 + 6, "\(written)")
        #expect(try retention.write(to: &partition, now: 80_000))
        #expect(try Retention(loading: &partition).controller == bytes(59_999))
    }

    @Test("before an orderly restart the latest is written, however much came before")
    func settled() throws {
        var partition = fresh()
        var retention = try Retention(loading: &partition)
        for number in 0..<100 {
            retention.keep(bytes(number))
            _ = try retention.write(to: &partition, now: 5)
        }
        try retention.settle(to: &partition)
        #expect(try Retention(loading: &partition).controller == bytes(99))
    }

    @Test("P-T4 the floor under calibrations only rises, and outlives a boot")
    func floor() throws {
        var partition = fresh()
        var retention = try Retention(loading: &partition)
        for (version, floor) in [(5, 5), (3, 5), (0, 5), (6, 6)] as [(UInt64, UInt64)] {
            retention.raiseFloor(to: version)
            _ = try retention.write(to: &partition, now: version * 100_000)
            #expect(retention.calibrationFloor == floor)
            #expect(try Retention(loading: &partition).calibrationFloor == floor)
        }
    }

    @Test("a medium that fails is told, and written again later")
    func failing() throws {
        let disk = SimulatedDisk(contents: BootStateStore.image(of: .flashed(release: "1")))
        var partition = SimulatedPartition(disk)
        var retention = try Retention(loading: &partition)
        retention.keep(bytes(1))
        disk.failsAtOperation = 0
        #expect(throws: BootStateError.self) { _ = try retention.write(to: &partition, now: 1000) }
        disk.failsAtOperation = nil
        #expect(try retention.write(to: &partition, now: 1100))
        #expect(try Retention(loading: &partition).controller == bytes(1))
    }
}
