// Duty: random numbers from the kernel (getrandom(2)).
import CKernel

public func randomNumber() -> UInt64 {
    var value: UInt64 = 0
    precondition(pk_random(&value, 8) == 8, "getrandom failed")
    return value
}
