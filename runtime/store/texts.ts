// Texts of megabytes from and to files, in a fraction of the time that Node takes for UTF-8 and without a second copy of the
// whole in memory.

import { isAscii } from 'node:buffer'
import { writeSync } from 'node:fs'

/** What the bytes say in UTF-8. Most files are plain ASCII: that needs no decoding, and half the memory. */
export const textOf = (bytes: Buffer): string => bytes.toString(isAscii(bytes) ? 'latin1' : 'utf8')

const PART_LENGTH = 1 << 16
/** A UTF-16 code unit is three bytes at most. */
const buffer = Buffer.allocUnsafeSlow((PART_LENGTH + 1) * 3)

/** Writes at the end of an open file, part by part; `seen` gets the bytes of each, which are gone when it returns. */
export function writeText(file: number, text: string, seen: (bytes: Uint8Array) => void = () => undefined): void {
  for (let at = 0; at < text.length; ) {
    // The two halves of a character beyond U+FFFF stay together.
    const last = text.charCodeAt(at + PART_LENGTH - 1)
    const end = at + PART_LENGTH + (last >= 0xd800 && last <= 0xdbff ? 1 : 0)
    const length = buffer.write(text.slice(at, end))
    seen(buffer.subarray(0, length))
    for (let done = 0; done < length; ) done += writeSync(file, buffer, done, length - done)
    at = end
  }
}
