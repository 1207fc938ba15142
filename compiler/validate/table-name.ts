// The name of a table as YAML writes it → its parts: one to three, separated by dots; a part in double quotes may hold
// dots. Letter case is kept, as in SQL with quotes. Pure.

const PART = /\s*(?:"((?:[^"]|"")+)"|([^".\s](?:[^".]*[^".\s])?))\s*(\.|$)/y
/** No line and no other control character is part of a name. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is refused
const CONTROL = /[\u0000-\u001f\u007f]/

/** Null: it is no such name. */
export function tableParts(written: string): readonly string[] | null {
  if (CONTROL.test(written)) return null
  const parts: string[] = []
  PART.lastIndex = 0
  for (;;) {
    const found = PART.exec(written)
    if (found === null || parts.length === 3) return null
    parts.push(found[1]?.replaceAll('""', '"') ?? found[2] ?? '')
    if (found[3] === '') return parts
  }
}
