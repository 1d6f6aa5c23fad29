// Asks for both address families of one name, server by server, until there is an answer.
import Bytes

public struct Resolver {
    /// What the caller does next.
    public enum Step: Equatable {
        /// Close the socket of before, connect a new one (the kernel picks a random port) to the
        /// server of this index, and send each datagram.
        case ask(server: Int, datagrams: [[UInt8]])
        /// Wait for a datagram, or for `deadlineMilliseconds`.
        case wait
        /// The addresses to try in this order, IPv6 and IPv4 in turn.
        case resolved([IPAddress], seconds: UInt32)
        case failed(DNSError)
    }

    private struct Question {
        var type: RecordType
        var identifier: UInt16 = 0
        var addresses: [IPAddress]?
        var seconds = Limit.mostSeconds
    }

    private let name: Name
    private let serverCount: Int
    private var questions = [Question(type: .aaaa), Question(type: .a)]
    private var attempt = -1
    private var strays = 0
    private var isOver = false
    public private(set) var deadlineMilliseconds: UInt64 = 0

    /// - Parameters:
    ///   - name: a host name; not an address.
    ///   - serverCount: how many name servers there are; at most `Limit.servers` are asked.
    public init(name: String, serverCount: Int) throws(DNSError) {
        guard let name = Name(name) else { throw .nameInvalid }
        guard serverCount > 0 else { throw .noServers }
        self.name = name
        self.serverCount = min(serverCount, Limit.servers)
    }

    /// Asks the next server, also in place of one that cannot be reached. The first call starts.
    /// - Parameter random: uniform over all 64 bits, from a source that cannot be guessed.
    public mutating func next(nowMilliseconds: UInt64, random: UInt64) -> Step {
        guard !isOver else { return .wait }
        attempt += 1
        guard attempt < Limit.rounds * serverCount else { return finish() ?? over(.failed(.noAnswer)) }
        strays = 0
        deadlineMilliseconds = nowMilliseconds + (attempt < serverCount ? 2000 : 4000)
        var datagrams: [[UInt8]] = []
        for i in questions.indices where questions[i].addresses == nil {
            questions[i].identifier = UInt16(truncatingIfNeeded: random >> UInt64(16 * i))
            datagrams.append(Message.question(name, questions[i].type, identifier: questions[i].identifier))
        }
        return .ask(server: attempt % serverCount, datagrams: datagrams)
    }

    private mutating func over(_ step: Step) -> Step {
        isOver = true
        return step
    }

    /// Ends the search if there is anything to show for it.
    private mutating func finish() -> Step? {
        var seconds = Limit.mostSeconds
        var sorted: [IPAddress] = []
        for i in 0..<Limit.addresses {
            for question in questions {
                if let addresses = question.addresses, i < addresses.count { sorted.append(addresses[i]) }
            }
        }
        for question in questions where question.addresses?.isEmpty == false { seconds = min(seconds, question.seconds) }
        if !sorted.isEmpty { return over(.resolved(sorted, seconds: seconds)) }
        return questions.allSatisfy { $0.addresses != nil } ? over(.failed(.noAddress)) : nil
    }

    public mutating func receive(_ datagram: RawSpan, nowMilliseconds: UInt64, random: UInt64) -> Step {
        guard !isOver else { return .wait }
        for i in questions.indices where questions[i].addresses == nil {
            let question = questions[i]
            switch Response(datagram, to: name, question.type, identifier: question.identifier) {
            case .stray: continue
            case .useless: return next(nowMilliseconds: nowMilliseconds, random: random)
            case .noSuchName: return over(.failed(.noSuchName))
            case .addresses(let addresses, let seconds):
                questions[i].addresses = addresses
                questions[i].seconds = seconds
                return questions.allSatisfy({ $0.addresses != nil }) ? finish()! : .wait
            }
        }
        strays += 1
        return strays > Limit.strays ? next(nowMilliseconds: nowMilliseconds, random: random) : .wait
    }

    /// To be called at the deadline. One family's answer is enough then.
    public mutating func tick(nowMilliseconds: UInt64, random: UInt64) -> Step {
        guard !isOver, nowMilliseconds >= deadlineMilliseconds else { return .wait }
        return finish() ?? next(nowMilliseconds: nowMilliseconds, random: random)
    }
}
