// Edges that nobody listened to.
import Foundation
import GPIO
import Testing

@Suite struct EdgeTests {
    @Test("P-E1 edges of before the start are thrown away; what comes after them is not")
    func drain() throws {
        var first: [Int32] = [-1, -1], second: [Int32] = [-1, -1]
        #expect(pipe(&first) == 0 && pipe(&second) == 0)
        defer { for descriptor in first + second { close(descriptor) } }
        /// As the kernel gives it: struct gpioevent_data, a time and 1 (rising) or 2 (falling).
        func edge(_ rising: Bool, to descriptor: Int32) {
            var event: (UInt64, UInt64) = (5, rising ? 1 : 2)
            #expect(write(descriptor, &event, 16) == 16)
        }
        for turn in 0..<16 { edge(turn % 2 == 0, to: first[1]) }
        edge(true, to: second[1])
        try drainEdges([first[0], second[0]])
        edge(false, to: first[1])
        edge(true, to: second[1])
        #expect(try !readEdge(first[0]).rising)
        #expect(try readEdge(second[0]).rising)
    }
}
