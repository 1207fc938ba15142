// Marks in generated text for the places where an environment's prefix may stand. A mark is a number between two
// characters that the author's text does not contain, so no text can be mistaken for one.

import { Bug } from '../../runtime/contract/failures.ts'

/** A prefix inserted at offset `start` (UTF-16 code units of the step's SQL text). */
export interface PrefixSpan {
  readonly start: number
  readonly text: string
  readonly identifier: string
  readonly role: 'read' | 'write' | 'root'
  readonly reason: string
}

export type Site = Pick<PrefixSpan, 'identifier' | 'role' | 'reason'>

const FIRST_PRIVATE_USE = 0xe000
const LAST_PRIVATE_USE = 0xf8ff

export class Marks {
  readonly #sites: Site[] = []
  readonly #prefix: string
  readonly #fence: string

  /** `text` is all that others have written and that will stand beside marks. Production has no prefix, and no marks. */
  constructor(prefix: string, text: string) {
    this.#prefix = prefix
    this.#fence = prefix === '' ? '' : fenceOf(text)
  }

  /** The mark to write directly before the identifier. */
  at(site: Site): string {
    return this.#prefix === '' ? '' : `${this.#fence}${this.#sites.push(site) - 1}${this.#fence}`
  }

  /** The text with each mark replaced by the prefix, and where that was. */
  resolve(text: string): { readonly sql: string; readonly spans: readonly PrefixSpan[] } {
    if (this.#prefix === '') return { sql: text, spans: [] }
    const parts = text.split(this.#fence)
    const spans: PrefixSpan[] = []
    let sql = ''
    for (const [i, part] of parts.entries()) {
      if (i % 2 === 0) sql += part
      else {
        const site = this.#sites[Number(part)]
        if (site !== undefined) spans.push({ start: sql.length, text: this.#prefix, ...site })
        sql += this.#prefix
      }
    }
    return { sql, spans }
  }
}

/** A character that is nowhere in the text. */
function fenceOf(text: string): string {
  let code = FIRST_PRIVATE_USE
  while (code <= LAST_PRIVATE_USE && text.includes(String.fromCharCode(code))) code++
  if (code > LAST_PRIVATE_USE) throw new Bug('a text that contains every private-use character cannot be rewritten')
  return String.fromCharCode(code)
}
