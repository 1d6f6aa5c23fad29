import Bytes

func main() {
    var writer = CBORWriter()
    writer.map(1); writer.unsigned(1); writer.text("hi")
    let bytes = writer.bytes
    do throws(CBORError) {
        var reader = CBORReader(bytes.span.bytes)
        _ = try reader.map(maximum: 4)
        var previous: UInt64?
        let key = try reader.key(after: &previous)
        print("key \(key) \(try reader.text(maximum: 10)) \(hexadecimal(bytes))")
    } catch { print("bad") }
}
main()
