// A column type as DuckDB spells it → the TypeScript type of its values, without loss: integers that a number cannot
// hold become bigint; decimals, dates, times and timestamps stay text; nested types become objects and arrays whose
// parts may be null. A type that is not known here is `unknown`.

const SCALARS: readonly (readonly [RegExp, string])[] = [
  [/^BOOLEAN$/, 'boolean'],
  [/^(?:U?TINYINT|U?SMALLINT|U?INTEGER|FLOAT|DOUBLE)$/, 'number'],
  [/^(?:U?BIGINT|U?HUGEINT|BIGNUM)$/, 'bigint'],
  [/^BLOB$/, 'Uint8Array'],
  [/^(?:VARCHAR|UUID|JSON|BIT|DATE|INTERVAL)$/, 'string'],
  [/^(?:TIME|TIMESTAMP)(?:_S|_MS|_NS)?(?: WITH TIME ZONE)?$/, 'string'],
  [/^DECIMAL(?:\(.*\))?$/, 'string'],
  [/^ENUM\(/, 'string'],
]

/** `null` is not part of the result: the caller adds it for columns that may be null. Pure. */
export function typescriptType(columnType: string): string {
  const type = columnType.trim()
  const element = /^(.*)\[\d*\]$/s.exec(type)?.[1]
  if (element !== undefined && isWhole(element)) return `readonly (${typescriptType(element)} | null)[]`
  const fields = argumentsOf('STRUCT', type)
  if (fields !== undefined)
    return object(fields.map(named).map(([name, inner]) => [name, `${typescriptType(inner)} | null`]))
  const [key, value] = argumentsOf('MAP', type) ?? []
  if (key !== undefined && value !== undefined) {
    return `readonly ${object([
      ['key', typescriptType(key)],
      ['value', `${typescriptType(value)} | null`],
    ])}[]`
  }
  return SCALARS.find(([pattern]) => pattern.test(type))?.[1] ?? 'unknown'
}

const PLAIN_PROPERTY = /^[A-Za-z_$][A-Za-z0-9_$]*$/

/** A property name, in quotes where TypeScript needs them. */
export const propertyName = (name: string): string => {
  if (PLAIN_PROPERTY.test(name)) return name
  return `'${JSON.stringify(name).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`
}

const object = (fields: readonly (readonly [string, string])[]): string =>
  `{ ${fields.map(([name, type]) => `readonly ${propertyName(name)}: ${type}`).join('; ')} }`

/** The parts of `NAME(a, b)` when that is the whole text. */
function argumentsOf(name: string, type: string): string[] | undefined {
  if (!type.startsWith(`${name}(`) || !type.endsWith(')') || !isWhole(type)) return undefined
  return splitTopLevel(type.slice(name.length + 1, -1))
}

/** Whether brackets outside of quotes are balanced, so that the text is one type. */
const isWhole = (text: string): boolean =>
  depths(text).every(({ depth }, i, all) => depth >= 0 && (i < all.length - 1 || depth === 0))

function splitTopLevel(text: string): string[] {
  const parts: string[] = []
  let from = 0
  for (const { at, char, depth } of depths(text)) {
    if (char !== ',' || depth !== 0) continue
    parts.push(text.slice(from, at).trim())
    from = at + 1
  }
  return [...parts, text.slice(from).trim()]
}

/** Every character outside of quotes, with the number of brackets that are open after it. */
function depths(text: string): { readonly at: number; readonly char: string; readonly depth: number }[] {
  const found: { at: number; char: string; depth: number }[] = []
  let depth = 0
  for (const match of text.matchAll(/"(?:[^"]|"")*"|'(?:[^']|'')*'|[\s\S]/g)) {
    const char = match[0]
    if (char === '(' || char === '[') depth++
    if (char === ')' || char === ']') depth--
    found.push({ at: match.index, char, depth })
  }
  return found
}

/** `"a b" INTEGER` → its name without quotes, and its type. */
function named(field: string): readonly [string, string] {
  const match = /^("(?:[^"]|"")*"|\S+)\s+([\s\S]+)$/.exec(field)
  const [, name = field, type = ''] = match ?? []
  return [name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name, type]
}
