import Authority
import Bytes
import Release
import SimulatedDisk
import SimulatedRelease
import Testing
@testable import Installer

/// An uplink with a server behind it and a supervisor, message by message.
private struct Peers {
    let bundle: [UInt8]
    /// Fetches that break off after so many chunks, in turn; then all go through.
    var breaks: [Int] = []
    var allows = true
    private var now: UInt64 = 0
    private(set) var fetches = 0
    private(set) var progress: [UInt64] = []

    init(_ bundle: [UInt8]) { self.bundle = bundle }

    mutating func run(_ session: inout InstallSession, _ store: inout SimulatedPartition) -> RoleMessage? {
        var last: RoleMessage?
        var queue = session.begin(now: now, on: &store)
        for _ in 0..<100_000 {
            if queue.isEmpty {
                now += 50
                queue = session.work(now: now, on: &store) + session.tick(now: now, on: &store)
                continue
            }
            switch queue.removeFirst() {
            case .uplink(.fetch(let path, let offset, let length)):
                #expect(path == "/release.bundle")
                queue += serve(Int(offset), Int(length), &session, &store)
            case .uplink(.credit): break
            case .supervisor(.installing(let release)):
                #expect(release == "2")
                if allows { queue += session.heard(.proceed, now: now, on: &store) }
            case .supervisor(.progress(let done, _, _)): progress.append(done)
            case .supervisor(let message): last = message
            case .over: return last
            }
        }
        Issue.record("does not end")
        return nil
    }

    private mutating func serve(
        _ offset: Int, _ length: Int, _ session: inout InstallSession, _ store: inout SimulatedPartition
    ) -> [SessionOutput] {
        fetches += 1
        var out: [SessionOutput] = []
        var at = offset, chunks = 0
        let limit = breaks.isEmpty ? Int.max : breaks.removeFirst()
        while at < offset + length {
            guard chunks < limit else {
                out += session.heard(.failed(code: "connection-lost", text: "reset", again: true), now: now, random: 9, on: &store)
                return out
            }
            let next = min(at + MessageLimit.chunk, offset + length, bundle.count)
            guard next > at else {
                return out + session.heard(.failed(code: "http-file-too-short", text: "short", again: false), now: now, random: 9, on: &store)
            }
            out += session.heard(.chunk(offset: UInt64(at), [UInt8](bundle[at..<next])), now: now, random: 9, on: &store)
            at = next
            chunks += 1
            now += 20
            out += session.tick(now: now, on: &store)
        }
        return out + session.heard(.fetched, now: now, random: 9, on: &store)
    }
}

@Suite struct InstallSessionTests {
    private let release: SimulatedRelease

    init() throws { release = try SimulatedRelease("2", dataBlocks: 140, seed: 9, signer: signer) }

    private func session(floor: UInt64 = 0) -> InstallSession {
        InstallSession(path: "/release.bundle", installation: Installation(terms: terms(floor: floor), slot: SlotLayout(size: slotSize)!))
    }

    private func emptySlot() -> SimulatedPartition { SimulatedPartition(SimulatedDisk(size: slotSize)) }

    @Test func installsAndReportsProgress() {
        var session = session(), peers = Peers(release.bundle()), store = emptySlot()
        #expect(peers.run(&session, &store) == .installed(release: "2"))
        #expect(store.disk.contents == release.slot(size: slotSize))
        #expect(peers.fetches == 2)
        #expect(peers.progress == peers.progress.sorted() && !peers.progress.isEmpty)
    }

    @Test("P-D1 a connection that breaks again and again only costs time")
    func breaks() {
        var session = session(), peers = Peers(release.bundle()), store = emptySlot()
        peers.breaks = [0, 2, 0, 0, 1, 5, 3, 0, 7, 1, 11]
        #expect(peers.run(&session, &store) == .installed(release: "2"))
        #expect(store.disk.contents == release.slot(size: slotSize))
        // All break off but the one of 7: the manifest takes 6 chunks.
        #expect(peers.fetches == 12)
    }

    @Test("C-D1 a server that never delivers is given up with its own reason")
    func givesUp() {
        var session = session(), peers = Peers(release.bundle()), store = emptySlot()
        peers.breaks = [Int](repeating: 0, count: 1000)
        #expect(peers.run(&session, &store) == .installFailed(code: "connection-lost", text: "reset"))
        #expect(peers.fetches == InstallSession.retriesMaximum + 1)
    }

    @Test("C-D1 an uplink that falls silent in a fetch is given up")
    func stalls() {
        var session = session(), store = emptySlot()
        #expect(session.begin(now: 0, on: &store) == [.uplink(.fetch(path: "/release.bundle", offset: 0, length: 65536))])
        #expect(session.tick(now: InstallSession.stallMilliseconds - 1, on: &store).isEmpty)
        guard case .supervisor(.installFailed("fetch-stalled", _)) = session.tick(now: InstallSession.stallMilliseconds, on: &store).first else {
            Issue.record("not given up")
            return
        }
        #expect(session.isOver)
    }

    @Test("P-T1 a bundle that ends too early is refused as truncated")
    func truncated() {
        for length in [100, 65536, 100_000] {
            var session = session(), peers = Peers([UInt8](release.bundle()[..<length])), store = emptySlot()
            guard case .installFailed("bundle-truncated", _) = peers.run(&session, &store) else {
                Issue.record("not refused at \(length)")
                continue
            }
        }
    }

    @Test func uplinkThatDiesIsWaitedFor() {
        var session = session(), store = emptySlot()
        _ = session.begin(now: 0, on: &store)
        #expect(session.heard(.peer(.uplink, alive: false), now: 10, on: &store).isEmpty)
        #expect(session.tick(now: 500_000, on: &store).isEmpty)
        #expect(session.heard(.chunk(offset: 0, [1]), now: 500_000, random: 0, on: &store) == [.uplink(.credit)], "of the time before")
        _ = session.heard(.peer(.uplink, alive: true), now: 500_000, on: &store)
        #expect(session.tick(now: 501_000, on: &store) == [.uplink(.fetch(path: "/release.bundle", offset: 0, length: 65536))])
    }

    @Test("P-T1 refusals reach the supervisor with their code, bounded, and nothing is written")
    func refusals() {
        var store = emptySlot()
        var low = session(floor: 6), peers = Peers(release.bundle())
        guard case .installFailed("below-floor", let text) = peers.run(&low, &store) else {
            Issue.record("not refused")
            return
        }
        #expect(text.utf8.count <= MessageLimit.text)
        #expect(store.disk.log.isEmpty)
    }

    @Test("P-E2 nothing is written while the supervisor has not marked the slot, whatever the uplink sends")
    func needsPermission() {
        var session = session(), store = emptySlot()
        let bundle = release.bundle()
        _ = session.begin(now: 0, on: &store)
        var out: [SessionOutput] = []
        for at in stride(from: 0, to: ObjectArea.size, by: MessageLimit.chunk) {
            let end = min(at + MessageLimit.chunk, ObjectArea.size)
            out += session.heard(.chunk(offset: UInt64(at), [UInt8](bundle[at..<end])), now: 1, random: 0, on: &store)
        }
        out += session.heard(.fetched, now: 1, random: 0, on: &store)
        #expect(out.last == .supervisor(.installing(release: "2")))
        #expect(session.heard(.chunk(offset: 65536, [UInt8](bundle[65536..<70000])), now: 2, random: 0, on: &store) == [.uplink(.credit)])
        #expect(session.heard(.fetched, now: 2, random: 0, on: &store).isEmpty)
        #expect(session.work(now: 3, on: &store).isEmpty && session.tick(now: 9_999_999, on: &store).isEmpty)
        #expect(store.disk.log.isEmpty)
    }

    @Test("P-E2 a permission that was not asked for ends the installation")
    func unaskedPermission() {
        var session = session(), store = emptySlot()
        _ = session.begin(now: 0, on: &store)
        let out = session.heard(.proceed, now: 1, on: &store)
        #expect(out.last == .over && store.disk.log.isEmpty)
    }

    @Test("G-T wrong, empty and overlong chunks never reach the slot")
    func wrongChunks() {
        var session = session(), store = emptySlot()
        _ = session.begin(now: 0, on: &store)
        #expect(session.heard(.chunk(offset: 4096, [1, 2]), now: 1, random: 0, on: &store) == [.uplink(.credit)])
        #expect(session.heard(.chunk(offset: 0, []), now: 1, random: 0, on: &store) == [.uplink(.credit)])
        for at in stride(from: 0, to: 60_000, by: 12_000) {
            _ = session.heard(.chunk(offset: UInt64(at), [UInt8](repeating: 0, count: 12_000)), now: 1, random: 0, on: &store)
        }
        let out = session.heard(.chunk(offset: 60_000, [UInt8](repeating: 0, count: 12_000)), now: 1, random: 0, on: &store)
        guard out.count == 3, case .supervisor(.installFailed("bundle-oversent", _)) = out[1] else {
            Issue.record("not refused: \(out)")
            return
        }
    }
}
