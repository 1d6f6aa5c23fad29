// The channel to the keeper, shared by both connections: records down, deliveries and objects up, and
// one question that is waited for, since OpenSSL wants the handshake's signature within its call.
import Authority
import Bytes
import Confine
import Cryptography
import System

final class KeeperLink {
    /// The keeper answers a `sign` by then, or the handshake fails. Less than what counts as frozen.
    static let signMilliseconds: UInt64 = 2000
    /// Records that came while a signature was waited for.
    static let heldMaximum = 64
    /// Deliveries and objects that the keeper has not taken yet.
    static let outputMaximum = 64

    let channel: Int32
    private var held: [KeeperToUplink] = []
    private var output: [UplinkToKeeper] = []
    private var sender = Sender()
    private var buffer = [UInt8](repeating: 0, count: Channel.packetMaximum)
    /// Answers to signature requests that nobody waits for any more.
    private var late = 0

    init(_ channel: Int32) { self.channel = channel }

    var hasOutput: Bool { !output.isEmpty }
    /// Whether so many more messages may be queued.
    func hasRoom(for count: Int = 1) -> Bool { output.count + count <= Self.outputMaximum }

    /// Queues a message and sends what the keeper takes. Keep to `hasRoom`.
    func send(_ message: UplinkToKeeper) { output.append(message) }

    func flush() throws(LinkFailure) {
        var sent = 0
        do throws(SystemError) {
            while sent < output.count, try sender.send(output[sent], on: channel) { sent += 1 }
        } catch { throw LinkFailure(error) }
        output.removeFirst(sent)
    }

    /// Forgets what was meant for, or came from, a keeper that is gone.
    func reset() {
        held = []
        output = []
        late = 0
    }

    /// The next message that is no signature; nil if none is there.
    func next() throws(LinkFailure) -> KeeperToUplink? {
        if !held.isEmpty { return held.removeFirst() }
        while let message = try receive() {
            guard case .signature = message else { return message }
            late = max(0, late - 1)
        }
        return nil
    }

    private func receive() throws(LinkFailure) -> KeeperToUplink? {
        let count: Int
        do throws(SystemError) {
            guard let received = try receivePacket(into: &buffer, on: channel) else { return nil }
            count = received
        } catch { throw LinkFailure(error) }
        guard count > 0 else { throw LinkFailure(code: "uplink-channel-ended", text: "the channel to the keeper has ended") }
        let packet = Array(buffer[..<count])
        do throws(CBORError) { return try decode(KeeperToUplink.self, packet.span.bytes) } catch {
            throw LinkFailure(code: "uplink-message-malformed", text: "the keeper sent a message that is not in the table")
        }
    }

    /// The device's signature of a digest, 64 bytes; nil if the keeper refuses or is silent.
    func sign(_ digest: Digest) -> [UInt8]? {
        let deadline = monotonicMilliseconds() + Self.signMilliseconds
        var wait = WaitSet()
        wait.add(channel)
        do throws(LinkFailure) {
            try flush()
            guard output.isEmpty else { return nil }
            send(.sign(digest: digest.bytes))
            try flush()
            guard output.isEmpty else {
                output = []
                return nil
            }
            while held.count < Self.heldMaximum {
                let now = monotonicMilliseconds()
                if now >= deadline { break }
                if let message = try receive() {
                    guard case .signature(let signature) = message else {
                        held.append(message)
                        continue
                    }
                    guard late == 0 else {
                        late -= 1
                        continue
                    }
                    return signature.count == 64 ? signature : nil
                }
                do throws(SystemError) { try wait.wait(timeoutMilliseconds: Int(deadline - now)) } catch { throw LinkFailure(error) }
            }
        } catch { return nil }
        late += 1
        return nil
    }
}
