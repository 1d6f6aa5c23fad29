// How often this process has asked for memory: who promises to allocate nothing is held to it by this.
import CAllocations

/// Calls of the allocator since the start, by all threads; nil in builds for the host, which don't count.
public func allocationCount() -> Int? {
    let count = allocations_so_far()
    return count < 0 ? nil : count
}
