// A story with an end that must be so: told by the tests, and told again with a check taken out.

/// What an observer of a scenario objects to.
public struct Objection: Error {
    public let text: String
}

public struct Scenario: Sendable {
    public let name: String
    public let run: @Sendable () throws(Objection) -> Void

    public static let all: [Scenario] = []
}
