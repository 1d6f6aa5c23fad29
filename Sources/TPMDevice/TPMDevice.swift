// Duty: carries TPM commands over the kernel's resource-managed device (/dev/tpmrm0).
// Trust: who holds this descriptor commands the TPM; only init and the keeper do.
import System
import TPM

public struct TPMDevice: TPMTransport, ~Copyable {
    public static let path = "/dev/tpmrm0"
    private let descriptor: Descriptor

    public init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }

    public mutating func exchange(_ command: [UInt8]) throws(TPMError) -> [UInt8] {
        // The device takes a command in one write and gives the response in one read.
        do throws(SystemError) {
            guard try descriptor.write(command.span.bytes) == command.count else { throw SystemError("write", 5) }
            return try descriptor.read(maximum: tpmMessageByteMaximum)
        } catch { throw .read(errno: error.errno) }
    }

    public mutating func pause(milliseconds: Int) { sleep(milliseconds: UInt64(milliseconds)) }
}
