// The authority table against what the design promises of it, and who may tell the supervisor what.
import Authority
import Testing

var roleMessages: [RoleMessage] { [
    .checkIn, .event(code: "trip", text: "level-high"), .control(healthy: true, tripped: false), .connected(true),
    .lease(address: [10, 0, 2, 15], prefixLength: 24, router: [10, 0, 2, 2]), .leaseLost, .update(path: "2.bundle"), .reboot,
    .installing(release: "2"), .installed(release: "2"), .progress(done: 1, total: .max, bytesPerSecond: 7),
    .installFailed(code: "below-floor", text: "too old"), .inject(.kill, .uplink), .inject(.freeze, .keeper),
    .retained([1]), .calibration([2]), .keySet([4]), .findContentKey(keys: [5]), .contentKey([6]), .calibrationInForce(digest: [UInt8](repeating: 3, count: 32)),
] }

/// Who may send it, said a second time and by hand.
private func senders(_ message: RoleMessage) -> Set<RoleName> {
    switch message {
    case .checkIn, .event: Set(RoleName.allCases)
    case .control, .retained, .calibrationInForce: [.controller]
    case .connected, .lease, .leaseLost: [.uplink]
    case .update, .reboot, .inject, .calibration, .keySet, .contentKey: [.keeper]
    case .installing, .installed, .progress, .installFailed, .findContentKey: [.installer]
    }
}

private func channels(_ role: RoleAuthority) -> Set<RoleName> {
    Set(role.grants.compactMap { if case .channel(let other) = $0 { other } else { nil } })
}

@Suite struct TableTests {
    @Test("P-E2 a role may tell the supervisor what the table lists, and nothing else")
    func permits() {
        for message in roleMessages {
            for role in RoleName.allCases {
                #expect(Authority.permits(role, message) == senders(message).contains(role), "\(role.name): \(message)")
            }
        }
        // The one that speaks to the world can't order, install or inject.
        #expect(roleMessages.filter { Authority.permits(.uplink, $0) }.count == 5)
    }

    @Test("every role stands once, at the place of its name")
    func order() {
        #expect(Authority.table.map(\.role) == RoleName.allCases)
        for role in RoleName.allCases {
            #expect(Authority.of(role).role == role)
            #expect(RoleName(role.name) == role)
        }
        #expect(RoleName("init") == nil)
    }

    @Test("P-I1 no role but the uplink has a network, or a call that makes a socket")
    func network() {
        for role in Authority.table {
            #expect(role.hasNetwork == (role.role == .uplink))
            #expect(role.grants.contains(.packetSocket) == (role.role == .uplink))
            let names = role.systemCalls.joined().map { "\($0.name)" }
            #expect(names.contains("socket") == (role.role == .uplink))
            #expect(names.contains("connect") == (role.role == .uplink))
        }
    }

    @Test("P-E1 there is no channel between the uplink and the controller, and every channel is granted at both ends")
    func channelsAreSymmetric() {
        #expect(!channels(Authority.of(.uplink)).contains(.controller))
        #expect(!channels(Authority.of(.controller)).contains(.uplink))
        for role in Authority.table {
            #expect(role.grants.first == .supervisor)
            #expect(role.grants.filter { $0 == .supervisor }.count == 1)
            #expect(!channels(role).contains(role.role))
            for other in channels(role) { #expect(channels(Authority.of(other)).contains(role.role), "\(role.role.name) to \(other.name)") }
        }
    }

    @Test("P-E2 what one role holds no other holds: lines, TPM, journal, slot")
    func grantsAreSingle() {
        for grant in [Grant.lines, .analogues, .tpm, .journal, .inactiveSlot, .inactiveBoot, .runningSlot, .runningBoot, .packetSocket] {
            #expect(Authority.table.filter { $0.grants.contains(grant) }.count == 1)
        }
        #expect(Authority.of(.controller).grants.contains(.lines) && Authority.of(.controller).grants.contains(.analogues))
        #expect(Authority.of(.keeper).grants.contains(.tpm))
        #expect(Authority.of(.installer).grants.contains(.inactiveSlot))
    }

    @Test("P-E2 each role has a user of its own, and none is root")
    func users() {
        #expect(Set(Authority.table.map(\.user)).count == Authority.table.count)
        #expect(Authority.table.allSatisfy { $0.user > 0 })
    }

    @Test("each role and each call has a reason, each role limits, and no call stands twice")
    func reasons() {
        for role in Authority.table {
            #expect(role.reason.utf8CodeUnitCount > 0)
            #expect(role.limits.data > 0 && role.limits.descriptors > UInt64(Authority.firstGrant) + UInt64(role.grants.count))
            let calls = role.systemCalls.joined().filter { $0.number >= 0 }
            #expect(Set(calls.map(\.number)).count == calls.count, "\(role.role.name)")
            for call in calls { #expect(call.reason.utf8CodeUnitCount > 0 && call.name.utf8CodeUnitCount > 0) }
        }
        // The greatest board: all its lines and analogue inputs, one descriptor each.
        #expect(Authority.of(.controller).limits.descriptors > 64 + 16 + 2 + UInt64(Authority.firstGrant))
    }

    @Test("P-E2 only the controller has threads beside its first, and only it knows the chips")
    func threads() {
        for role in Authority.table {
            #expect(role.hasDriverThreads == (role.role == .controller))
            #expect(role.documents.contains(.chips) == role.hasDriverThreads)
            #expect(!role.systemCalls.joined().contains { "\($0.name)".hasPrefix("clone") })
        }
    }

    @Test("P-S2 only who verifies is given keys to verify with; only the keeper has the TPM's commissioning")
    func documents() {
        for role in Authority.table {
            #expect(Set(role.documents.map(\.rawValue)).count == role.documents.count)
            #expect(role.documents.contains(.keySet))
        }
        #expect(!Authority.of(.uplink).documents.contains(.calibration))
        #expect(Authority.of(.installer).documents.contains(.installOrder))
        #expect(!Authority.of(.controller).documents.contains(.commissioning))
        // What outlives the controller comes to it alone.
        #expect(Authority.table.filter { $0.documents.contains(.retained) }.map(\.role) == [.controller])
    }
}
