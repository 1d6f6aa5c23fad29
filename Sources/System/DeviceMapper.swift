// Duty: one dm-verity device, made by the ioctls of the device-mapper (linux/dm-ioctl.h).
// Trust: the table is made by module Verity from a verified manifest.
import Bytes
import CKernel

/// Makes a read-only mapped device with one target and resumes it; its device number.
/// The steps are those of libdevmapper: create, load, resume.
public func mapVerity(name: String, sectors: UInt64, table: String) throws(SystemError) -> (major: UInt32, minor: UInt32) {
    let control = try Descriptor(opening: "/dev/mapper/control", .readWrite)
    let created = try command(control, PK_DM_DEV_CREATE, "create", name, readOnly: true)
    _ = try command(control, PK_DM_TABLE_LOAD, "load the table of", name, readOnly: true, target: (sectors, table))
    _ = try command(control, PK_DM_DEV_SUSPEND, "resume", name)
    return (pk_major(created), pk_minor(created))
}

/// One ioctl: a struct dm_ioctl, then (for a load) a struct dm_target_spec and its table.
/// Returns the device number.
private func command(
    _ control: borrowing Descriptor, _ request: UInt, _ step: String, _ name: String, readOnly: Bool = false,
    target: (sectors: UInt64, table: String)? = nil
) throws(SystemError) -> UInt64 {
    let head = MemoryLayout<dm_ioctl>.size
    let specification = MemoryLayout<dm_target_spec>.size
    var buffer = [UInt8](repeating: 0, count: 16384)
    let raw = control.raw
    let outcome = buffer.withUnsafeMutableBytes { b -> (Int32, UInt64) in
        var header = dm_ioctl()
        header.version = (4, 0, 0)
        header.data_size = UInt32(b.count)
        header.data_start = UInt32(head)
        header.flags = readOnly ? PK_DM_READONLY_FLAG : 0
        header.target_count = target == nil ? 0 : 1
        withUnsafeMutableBytes(of: &header.name) { field in
            for (i, byte) in name.utf8.enumerated() where i < field.count - 1 { field[i] = byte }
        }
        b.storeBytes(of: header, as: dm_ioctl.self)
        if let target {
            var spec = dm_target_spec()
            spec.length = target.sectors
            spec.next = UInt32(specification + (target.table.utf8.count + 8) / 8 * 8)
            withUnsafeMutableBytes(of: &spec.target_type) { field in
                for (i, byte) in "verity".utf8.enumerated() { field[i] = byte }
            }
            b.storeBytes(of: spec, toByteOffset: head, as: dm_target_spec.self)
            for (i, byte) in target.table.utf8.enumerated() { b[head + specification + i] = byte }
        }
        let result = pk_dm(raw, request, b.baseAddress)
        return (result, b.load(as: dm_ioctl.self).dev)
    }
    try checked("device-mapper: \(step) \(name)", outcome.0)
    return outcome.1
}

/// A device node; one that is there already is as good.
public func makeBlockNode(_ path: String, major: UInt32, minor: UInt32) throws(SystemError) {
    let result = pk_mknod(path, 0o060600, major, minor)
    if result != -EEXIST { try checked("mknod \(path)", result) }
}
