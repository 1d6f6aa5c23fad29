// Duty: how every role starts: confined first, then given its documents by the supervisor, then at work.
// Trust: the supervisor alone speaks on the first channel, and nobody else is heard before `begin`.
import Authority
import Bytes
import System

/// What a role has after it began: its channel to the supervisor, its other descriptors, its documents.
public struct RoleStart: ~Copyable {
    public let authority: RoleAuthority
    /// The channel to the supervisor. It is a number, as all grants are: they live as long as the process.
    public var supervisor: Int32 { Authority.firstGrant }
    /// How many descriptors it was granted; the lines of the controller make it differ between boards.
    public let descriptorCount: Int
    private var documents: [(kind: Document, bytes: [UInt8])] = []

    /// Confines this process as `role`, then waits for the documents. Every failure ends the process:
    /// the supervisor sees it and starts the role again. `startThreads`: see `confine`.
    public init(_ role: RoleName, descriptorCount: Int, startThreads: (() throws(SystemError) -> Void)? = nil) {
        authority = Authority.of(role)
        self.descriptorCount = descriptorCount
        do throws(ConfineError) {
            try confine(authority, descriptorCount: descriptorCount, startThreads: startThreads)
        } catch { Self.end(role, error.text) }
        do throws(SystemError) {
            try takeDocuments()
        } catch { Self.end(role, error.text) }
    }

    /// The number of the grant at this index of the authority table's list; index 0 is the supervisor.
    public func descriptor(_ index: Int) -> Int32 {
        precondition(index < descriptorCount)
        return Authority.firstGrant + Int32(index)
    }

    /// A document that was given, or nothing.
    public func document(_ kind: Document) -> [UInt8] {
        for document in documents where document.kind == kind { return document.bytes }
        return []
    }

    private mutating func takeDocuments() throws(SystemError) {
        var buffer = [UInt8](repeating: 0, count: Channel.packetMaximum)
        var wait = WaitSet()
        wait.add(supervisor)
        while true {
            try wait.wait(timeoutMilliseconds: 10000)
            guard let count = try receivePacket(into: &buffer, on: supervisor) else { continue }
            guard count > 0 else { Self.end(authority.role, "the supervisor has gone") }
            let message: SupervisorMessage
            do throws(CBORError) {
                message = try decode(SupervisorMessage.self, buffer.span.bytes.extracting(0..<count))
            } catch { Self.end(authority.role, "the supervisor sent a malformed message") }
            switch message {
            case .document(let kind, let bytes): documents.append((kind, bytes))
            case .begin: return
            default: break // Of the time before this process; the supervisor says it again when it matters.
            }
        }
    }

    /// Ends this process with a word on the log.
    public static func end(_ role: RoleName, _ reason: String) -> Never {
        log("\(role.name): \(reason)")
        exitProcess(1)
    }
}

/// Sends messages with one encoder whose memory is kept: after the first message of each size,
/// messages without text or bytes allocate nothing.
public struct Sender: ~Copyable {
    private var writer = CBORWriter(capacity: Channel.packetMaximum)

    public init() {}

    /// False if the peer's queue is full: nothing was sent, and the caller decides what that means.
    public mutating func send<M: Message>(_ message: M, on channel: Int32) throws(SystemError) -> Bool {
        writer.reset()
        message.encode(into: &writer)
        return try sendPacket(writer.bytes.span.bytes, on: channel)
    }
}
