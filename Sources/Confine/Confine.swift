// Duty: puts this process into the box that the authority table describes; then it can't leave.
// Trust: runs as root in a fresh process, before the first untrusted byte. Every step that fails is
// fatal. Order: descriptors, network, root, user and capabilities, limits, no new privileges, threads,
// filter. A thread takes user, capabilities and all else from the one that starts it, so each of them
// starts when all of that is dropped, and before there are no more to be had; the filter holds for all.
import Authority
import Bytes
import CKernel
import System

public struct ConfineError: Error, Coded {
    public let step: String
    public let errno: Int32
    public var code: String { "confine-failed" }
    public var text: String { "\(step): \(errorText(errno))" }
}

/// Where roles have their root: a directory of the image with nothing in it.
public let emptyRoot = "/empty"

/// Confines this process for good. `descriptorCount` is how many it was granted, from `firstGrant` on;
/// `root` is a directory with nothing in it; `startThreads` starts those that the role has beside its
/// first, and returns when they run.
public func confine(
    _ authority: RoleAuthority, descriptorCount: Int, root: String = emptyRoot,
    startThreads: (() throws(SystemError) -> Void)? = nil
) throws(ConfineError) {
    let own = Authority.firstGrant + Int32(descriptorCount)
    try step("close other descriptors", pk_close_from(own))
    try step("name", pk_set_name(authority.role.name))
    if !authority.hasNetwork { try step("network of its own", pk_unshare_network()) }
    try step("chdir \(root)", pk_chdir(root))
    try step("chroot \(root)", pk_chroot("."))
    try step("not dumpable", pk_not_dumpable())
    try step("capability bounding set", pk_drop_bounding_set())
    try step("user", pk_become(authority.user))
    try step("capabilities", pk_drop_capabilities())
    try step("limit core", pk_set_limit(PK_RLIMIT_CORE, 0))
    if !authority.grants.contains(where: { $0.isStorage }) {
        try step("limit file size", pk_set_limit(PK_RLIMIT_FSIZE, 0))
    }
    try step("limit data", pk_set_limit(PK_RLIMIT_DATA, authority.limits.data))
    try step("limit descriptors", pk_set_limit(PK_RLIMIT_NOFILE, authority.limits.descriptors))
    try step("no new privileges", pk_no_new_privileges())
    do throws(SystemError) { try startThreads?() } catch { throw ConfineError(step: error.step, errno: error.errno) }
    try step("limit processes", pk_set_limit(PK_RLIMIT_NPROC, 0))
    try installFilter(authority.systemCalls)
}

private func step(_ name: String, _ result: Int32) throws(ConfineError) {
    guard result >= 0 else { throw ConfineError(step: name, errno: -result) }
}

extension Grant {
    var isStorage: Bool {
        switch self {
        case .journal, .inactiveSlot, .inactiveBoot, .runningSlot, .runningBoot, .tpm: true
        default: false
        }
    }
}

/// Installs the allow-list for every thread (seccomp(2), TSYNC); from here on an unlisted call ends the process.
public func installFilter(_ lists: [[SystemCall]]) throws(ConfineError) {
    try step("handler of refused calls", pk_catch_refused_calls())
    var filter = Filter.program(lists)
    let count = UInt16(filter.count)
    try step("system call filter", filter.withUnsafeMutableBufferPointer { pk_install_filter($0.baseAddress, count) })
}
