// Every instant at which the power can go, and what the medium may hold then.

import SeededRandom

/// How much of what was not synced reached the medium.
public enum PowerCut: Equatable {
    /// Every write before the operation, in order.
    case before(operation: Int)
    /// Nothing since the last sync.
    case lost(operation: Int)
    /// Every write before the operation, and the first sectors of it.
    case tornAtEnd(operation: Int, sectors: Int)
    /// Every write before the operation, and the last sectors of it.
    case tornAtStart(operation: Int, sectors: Int)
    /// Each sector written since the last sync, the operation's own included, holds any one of
    /// what it held or was to hold: drawn from the seed.
    case reordered(operation: Int, seed: UInt64)
    /// Of the writes since the last sync those whose bit is set, each whole.
    case subset(operation: Int, kept: Int)

    public var operation: Int {
        switch self {
        case .before(let operation), .lost(let operation), .tornAtEnd(let operation, _),
            .tornAtStart(let operation, _), .reordered(let operation, _), .subset(let operation, _): operation
        }
    }
}

extension SimulatedDisk {
    /// Shows the medium at every cut of the recorded operations, in order.
    /// - reorderings: drawn per operation that has unsynced writes before or in it.
    /// - tornStride: every how many sectors a write is torn (1: at each).
    /// Returns the number of cuts.
    public func forEachCut(
        reorderings: Int, tornStride: Int = 1, seed: UInt64 = 1, _ body: (PowerCut, [UInt8]) throws -> Void
    ) rethrows -> Int {
        try forEachCut(reorderings: reorderings, tornStride: tornStride, seed: seed) { cut, medium, _ in try body(cut, medium) }
    }

    /// The same, with the cells beside the disk; and with every subset of the writes since the last sync, in the order in
    /// which they were made, while they are at most `subsetsMaximum`.
    public func forEachCut(
        reorderings: Int, tornStride: Int = 1, subsetsMaximum: Int = 0, seed: UInt64 = 1,
        _ body: (PowerCut, [UInt8], [String: [UInt8]]) throws -> Void
    ) rethrows -> Int {
        var cells = initialCells
        var durable = initial
        var written = initial
        var pending: [(offset: Int, bytes: [UInt8])] = []
        var cuts = 0
        func cut(_ cut: PowerCut, _ medium: [UInt8]) throws {
            cuts += 1
            try body(cut, medium, cells)
        }
        for (number, operation) in log.enumerated() {
            try cut(.before(operation: number), written)
            if !pending.isEmpty { try cut(.lost(operation: number), durable) }
            if case .cell(let name, let bytes) = operation {
                cells[name] = bytes
                continue
            }
            guard case .write(let offset, let bytes) = operation else {
                // Neither none of them nor all: those two stand above.
                if pending.count > 1, pending.count < 32, 1 << pending.count <= subsetsMaximum {
                    for kept in 1..<(1 << pending.count) - 1 {
                        var medium = durable
                        for (place, write) in pending.enumerated() where kept & 1 << place != 0 {
                            medium.overwrite(at: write.offset, with: write.bytes, from: 0, count: write.bytes.count)
                        }
                        try cut(.subset(operation: number, kept: kept), medium)
                    }
                }
                for draw in 0..<(pending.isEmpty ? 0 : reorderings) {
                    let seed = seed &+ UInt64(number) << 16 &+ UInt64(draw)
                    try cut(.reordered(operation: number, seed: seed), Self.drawn(durable, pending, seed))
                }
                durable = written
                pending = []
                continue
            }
            let sectors = bytes.count / Self.sectorSize
            for kept in stride(from: 1, to: sectors, by: tornStride) {
                let length = kept * Self.sectorSize
                var torn = written
                torn.overwrite(at: offset, with: bytes, from: 0, count: length)
                try cut(.tornAtEnd(operation: number, sectors: kept), torn)
                torn = written
                torn.overwrite(at: offset + bytes.count - length, with: bytes, from: bytes.count - length, count: length)
                try cut(.tornAtStart(operation: number, sectors: kept), torn)
            }
            pending.append((offset, bytes))
            for draw in 0..<reorderings {
                let seed = seed &+ UInt64(number) << 16 &+ UInt64(draw)
                try cut(.reordered(operation: number, seed: seed), Self.drawn(durable, pending, seed))
            }
            written.overwrite(at: offset, with: bytes, from: 0, count: bytes.count)
        }
        try cut(.before(operation: log.count), written)
        return cuts
    }

    private static func drawn(_ durable: [UInt8], _ pending: [(offset: Int, bytes: [UInt8])], _ seed: UInt64) -> [UInt8] {
        var random = Seeded(seed)
        var versions: [Int: [Int]] = [:]
        for (number, write) in pending.enumerated() {
            for sector in 0..<write.bytes.count / sectorSize {
                versions[write.offset / sectorSize + sector, default: []].append(number)
            }
        }
        // Some draws keep nearly all, some nearly nothing: both ends are where faults hide.
        let keptPermille = [30, 500, 970][Int(random.next() % 3)]
        var medium = durable
        for (sector, numbers) in versions.sorted(by: { $0.key < $1.key }) {
            guard Int(random.next() % 1000) < keptPermille else { continue }
            let write = pending[numbers[Int(random.next() % UInt64(numbers.count))]]
            let from = sector * sectorSize - write.offset
            medium.overwrite(at: sector * sectorSize, with: write.bytes, from: from, count: sectorSize)
        }
        return medium
    }
}
