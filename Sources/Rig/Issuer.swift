// Somebody who signs orders for the board, with a key of the key set or with one that is in none.

import Board
import Bytes
import Command
import Compiler
import Cryptography
import Signed
import Telemetry

public final class Issuer: @unchecked Sendable {
    public let keyPath: String
    private var counter: UInt64 = 0

    /// - keyPath: a .key file of penstockctl.
    public init(keyPath: String) { self.keyPath = keyPath }

    /// The signed order, answering the challenge of the board's latest birth.
    /// - others: who signs it as well, for approvals by two.
    /// - counter: another one than the next, to show that it is refused.
    public func order(
        _ action: Action, _ reports: BoardReports, with others: [Issuer] = [], device: String? = nil, challenge: [UInt8]? = nil, counter given: UInt64? = nil,
        validMilliseconds: Int64 = 30_000
    ) throws -> [UInt8] {
        guard let birth = reports.birth, let now = reports.boardMilliseconds else {
            throw Unmet("the board has sent no birth: there is no challenge to answer")
        }
        // New to every one of its signers.
        counter = others.reduce(counter) { max($0, $1.counter) } + 1
        for other in others { other.counter = counter }
        let command = Command(
            device: device ?? birth.device, challenge: challenge ?? birth.challenge, counter: given ?? counter,
            deadlineMilliseconds: UInt64(max(0, Int64(now) + validMilliseconds)), action: action)
        var object = SignedObject(payload: command.encoded(), purpose: .command)
        for issuer in [self] + others { try object.sign(with: KeyFiles.privateKey(issuer.keyPath)) }
        return object.encoded()
    }
}
