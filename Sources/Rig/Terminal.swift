// The terminal of the person who watches: raw keys in, whole frames out, and all as it was at the end.

import Foundation
import Glibc

public final class Terminal: @unchecked Sendable {
    private var before = termios()
    private let lock = NSLock()
    private var open = true

    /// Nil if standard input and output are no terminal.
    public init?() {
        guard isatty(0) == 1, isatty(1) == 1, tcgetattr(0, &before) == 0 else { return nil }
        var raw = before
        raw.c_lflag &= ~tcflag_t(ICANON | ECHO)
        // Ctrl-C stays a signal: it ends the rig as it would anywhere.
        raw.c_cc.6 = 0  // VMIN
        raw.c_cc.5 = 0  // VTIME
        tcsetattr(0, TCSANOW, &raw)
        // Its other screen, without a cursor and without wrapping.
        put("\u{1B}[?1049h\u{1B}[?25l\u{1B}[?7l\u{1B}[2J")
    }

    public var size: (width: Int, height: Int) {
        var size = winsize()
        guard ioctl(1, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else { return (100, 40) }
        return (Int(size.ws_col), Int(size.ws_row))
    }

    public func draw(_ lines: [String]) {
        var text = "\u{1B}[H"
        for (row, line) in lines.enumerated() { text += (row == 0 ? "" : "\r\n") + line + "\u{1B}[K" }
        put(text + "\u{1B}[J")
    }

    /// The next key, waited for no longer than that.
    public func key(timeoutMilliseconds: Int32) -> Character? {
        var descriptor = pollfd(fd: 0, events: Int16(POLLIN), revents: 0)
        guard poll(&descriptor, 1, timeoutMilliseconds) == 1 else { return nil }
        var byte: UInt8 = 0
        guard read(0, &byte, 1) == 1 else { return nil }
        return Character(Unicode.Scalar(byte))
    }

    /// Gives the terminal back as it was; does so once.
    public func restore() {
        lock.lock()
        defer { lock.unlock() }
        guard open else { return }
        open = false
        put("\u{1B}[?7h\u{1B}[?25h\u{1B}[?1049l")
        tcsetattr(0, TCSANOW, &before)
    }

    private func put(_ text: String) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(1, $0.baseAddress, $0.count) }
            guard count > 0 else { return }
            bytes.removeFirst(count)
        }
    }
}
