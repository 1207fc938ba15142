// The text of a project file → what is wrong with its characters: bytes that are no UTF-8, UTF-16, the character NUL,
// which neither YAML nor SQL may hold. Reports LOAD_ENCODING, LOAD_NUL.

import type { Diagnostic, Place } from '../../runtime/contract/diagnostics.ts'
import { errorAt } from '../diagnostic-codes.ts'
import { fileFacts } from '../file-facts.ts'
import type { ProjectFile } from '../load.ts'

/** The first mistake, or undefined. Pure. */
export function encodingProblem(file: ProjectFile): Diagnostic | undefined {
  if (!fileFacts(file).isOdd) return undefined
  const { path, text } = file
  if (isUtf16(text))
    return errorAt(
      'LOAD_ENCODING',
      { file: path, line: 1, column: 1, length: 1 },
      'The file is not UTF-8: it looks like UTF-16.',
      {
        hints: ["Save it as UTF-8 in your editor, or: iconv -f UTF-16 -t UTF-8 'FILE'."],
      },
    )
  const strange = file.isUtf8 === false ? text.indexOf('\ufffd') : -1
  if (strange >= 0)
    return errorAt('LOAD_ENCODING', placeAt(file, strange), 'The file is not UTF-8: here is a byte of no character.', {
      hints: ["Save it as UTF-8 in your editor, or, if it is Latin-1: iconv -f LATIN1 -t UTF-8 'FILE'."],
    })
  const nul = text.indexOf('\0')
  return nul < 0 ? undefined : nulAt(placeAt(file, nul))
}

/** Read as UTF-8, its byte order mark is no characters, and of letters, digits and spaces every second byte is zero. */
function isUtf16(text: string): boolean {
  const head = text.slice(0, 1000)
  const zeros = head.split('\0').length - 1
  return text.startsWith('\ufffd\ufffd') || (zeros > 1 && zeros * 4 >= head.length)
}

/** The character NUL is at `place`. */
export const nulAt = (place: Place): Diagnostic =>
  errorAt('LOAD_NUL', place, 'This holds the character NUL, which no text of a project may hold.', {
    hints: ['Take it out; in SQL write chr(0).'],
  })

function placeAt({ path, text }: ProjectFile, offset: number): Place {
  const before = text.slice(0, offset).replace(/^\ufeff/, '')
  const lines = before.split('\n')
  return { file: path, line: lines.length, column: (lines.at(-1) ?? '').length + 1, length: 1 }
}
