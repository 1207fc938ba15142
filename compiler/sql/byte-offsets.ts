// The engine counts bytes of UTF-8, texts here count UTF-16 code units. Pure.

/** Turns byte offsets of a text into its own offsets; those beyond its end become its length. */
export function utf16Offsets(text: string): (byte: number) => number {
  if (/^[\0-\x7f]*$/.test(text)) return (byte) => Math.min(byte, text.length)
  const starts: number[] = []
  let byte = 0
  for (let i = 0; i < text.length; i++) {
    starts.push(byte)
    const code = text.codePointAt(i) ?? 0
    if (code > 0xffff) {
      starts.push(byte)
      i++
    }
    byte += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4
  }
  return (wanted) => {
    let low = 0
    let high = starts.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((starts[middle] ?? byte) < wanted) low = middle + 1
      else high = middle
    }
    return low
  }
}
