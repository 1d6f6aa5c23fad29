import Authority
import Bytes
import Foundation
import System

/// The test's end of a channel: messages in the order of their arrival.
final class Peer<In: Message, Out: Message>: @unchecked Sendable {
    let channel: Int32
    private let condition = NSCondition()
    private var messages: [In] = []
    private var ended = false
    private let answer: (@Sendable (In) -> Out?)?

    /// `answer` is asked first, on the reading thread; what it answers is not kept.
    init(_ channel: Int32, answer: (@Sendable (In) -> Out?)? = nil) {
        self.channel = channel
        self.answer = answer
        Thread { [self] in read() }.start()
    }

    private func read() {
        var buffer = [UInt8](repeating: 0, count: Channel.packetMaximum), wait = WaitSet()
        wait.add(channel)
        while true {
            condition.lock()
            let over = ended
            condition.unlock()
            if over { return }
            try? wait.wait(timeoutMilliseconds: 50)
            while let count = try? receivePacket(into: &buffer, on: channel), count > 0 {
                guard let message = try? decode(In.self, buffer.span.bytes.extracting(0..<count)) else { continue }
                if let answer, let reply = answer(message) {
                    send(reply)
                    continue
                }
                condition.lock()
                messages.append(message)
                condition.broadcast()
                condition.unlock()
            }
        }
    }

    func end() {
        condition.lock()
        ended = true
        condition.unlock()
    }

    func send(_ message: Out) {
        var writer = CBORWriter()
        message.encode(into: &writer)
        let packet = writer.bytes
        for _ in 0..<5000 {
            if (try? sendPacket(packet.span.bytes, on: channel)) == true { return }
            Thread.sleep(forTimeInterval: 0.002)
        }
    }

    /// Takes the first message for which `matches` is true out of those that came.
    func wait(seconds: Double = 10, _ matches: (In) -> Bool) -> In? {
        let deadline = Date(timeIntervalSinceNow: seconds)
        condition.lock()
        defer { condition.unlock() }
        while true {
            if let index = messages.firstIndex(where: matches) { return messages.remove(at: index) }
            if !condition.wait(until: deadline) { return nil }
        }
    }

    var all: [In] {
        condition.lock()
        defer { condition.unlock() }
        return messages
    }
}
