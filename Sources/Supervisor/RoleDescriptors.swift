// What the authority table grants, as open descriptors. The supervisor holds both ends of every channel,
// so a channel outlives the roles at its ends; a role that starts again finds it empty.
import Authority
import Board
import Boot
import BootState
import System
import TPMDevice

struct RoleDescriptors {
    /// Of each role in the order of `RoleName`: our end, its end.
    private var supervisorEnds: [Int32] = []
    private var roleEnds: [Int32] = []
    /// Between two roles: first and second as named.
    private var channels: [(first: RoleName, second: RoleName, firstEnd: Int32, secondEnd: Int32)] = []
    private let lines: [Int32]
    private let analogues: [Int32]
    private let hasTPM: Bool
    private let journal: Int32
    private let inactiveSlot: Int32
    private let inactiveBoot: Int32
    private let runningSlot: Int32
    private let runningBoot: Int32
    private let packetSocket: Int32
    /// Of the interface; empty where DHCP is not spoken.
    let hardwareAddress: [UInt8]

    init(board: BoardDescription, lines: [Int32], analogues: [Int32], inactive: SlotName, usesDHCP: Bool) throws(SystemError) {
        self.lines = lines
        // One that was not found is a file that is always at its end: it reads as unreadable.
        var present = analogues
        for index in present.indices where present[index] < 0 { present[index] = try Descriptor(opening: "/dev/null", .read).release() }
        self.analogues = present
        hasTPM = board.tpm == .required
        journal = try Descriptor(opening: board.devicePath(of: .journal), .readWrite).release()
        inactiveSlot = try Descriptor(opening: board.devicePath(of: inactive.partition), .readWrite).release()
        func boot(_ slot: SlotName) -> String { board.size(of: slot.bootPartition) > 0 ? board.devicePath(of: slot.bootPartition) : "/dev/null" }
        inactiveBoot = try Descriptor(opening: boot(inactive), .readWrite).release()
        runningSlot = try Descriptor(opening: board.devicePath(of: inactive.other.partition), .read).release()
        runningBoot = try Descriptor(opening: boot(inactive.other), .read).release()
        if usesDHCP {
            let socket = try PacketSocket.open(interface: board.network.name)
            packetSocket = socket.descriptor
            hardwareAddress = socket.hardwareAddress
        } else {
            // Where there is no such thing, the role gets a descriptor that is always at its end.
            packetSocket = try Descriptor(opening: "/dev/null", .readWrite).release()
            hardwareAddress = []
        }
        for role in RoleName.allCases {
            let ends = try Channel.raw()
            supervisorEnds.append(ends.0)
            roleEnds.append(ends.1)
            for case .channel(let other) in Authority.of(role).grants where role.rawValue < other.rawValue {
                let ends = try Channel.raw()
                channels.append((role, other, ends.0, ends.1))
            }
        }
    }

    func supervisorEnd(_ role: RoleName) -> Int32 { supervisorEnds[Int(role.rawValue)] }

    /// In the order of the table. The TPM is opened anew for each start: what a role that was ended left
    /// in its session with the TPM goes with the old descriptor, which `closeOwn` closes.
    func granted(_ authority: RoleAuthority) throws(SystemError) -> [Int32] {
        var out: [Int32] = []
        for grant in authority.grants {
            switch grant {
            case .supervisor: out.append(roleEnds[Int(authority.role.rawValue)])
            case .channel(let other): out.append(end(authority.role, other))
            case .lines: out += lines
            case .analogues: out += analogues
            case .tpm: out.append(try Descriptor(opening: hasTPM ? TPMDevice.path : "/dev/null", .readWrite).release())
            case .journal: out.append(journal)
            case .inactiveSlot: out.append(inactiveSlot)
            case .inactiveBoot: out.append(inactiveBoot)
            case .runningSlot: out.append(runningSlot)
            case .runningBoot: out.append(runningBoot)
            case .packetSocket: out.append(packetSocket)
            }
        }
        return out
    }

    /// Closes what `granted` opened for this one start.
    func closeOwn(_ authority: RoleAuthority, _ granted: [Int32]) {
        for (grant, descriptor) in zip(authority.grants, granted) where grant == .tpm { _ = Descriptor(owning: descriptor) }
    }

    private func end(_ role: RoleName, _ other: RoleName) -> Int32 {
        for channel in channels {
            if channel.first == role, channel.second == other { return channel.firstEnd }
            if channel.second == role, channel.first == other { return channel.secondEnd }
        }
        preconditionFailure("a channel that only one side is granted")
    }

    /// Empties what waits for a role, before it starts; and what its predecessor had said.
    func drain(_ role: RoleName) {
        drainPackets(roleEnds[Int(role.rawValue)])
        drainPackets(supervisorEnds[Int(role.rawValue)])
        for case .channel(let other) in Authority.of(role).grants { drainPackets(end(role, other)) }
    }
}
