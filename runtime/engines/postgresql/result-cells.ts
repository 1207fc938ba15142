// Types and values of a result as PostgreSQL gives them → how it spells the type, and JSON that loses nothing: whole numbers
// beyond 2^53 and numeric are text in JSON, as the interfaces in a bundle's types.ts say. Pure.

/** The server's types, by their number. */
export type TypeNames = ReadonlyMap<number, string>

/** Without row types of tables, of which there may be very many. */
export const TYPES_SQL = `SELECT t.oid, format_type(t.oid, NULL) AS name FROM pg_type t LEFT JOIN pg_type e ON e.oid = t.typelem
WHERE t.typtype <> 'c' AND coalesce(e.typtype, 'b') <> 'c'`

const NUMERIC = /^(smallint|integer|bigint|numeric|real|double precision|oid)(\(.*\))?$/

export const isNumeric = (type: string): boolean => NUMERIC.test(type)

/** `numeric(10,2)`, as format_type() says it. */
export function typeSpelled(types: TypeNames, oid: number, modifier: number): string {
  const name = types.get(oid) ?? 'record'
  if (modifier < 0) return name
  const [element, brackets] = name.endsWith('[]') ? [name.slice(0, -2), '[]'] : [name, '']
  return withModifier(element, modifier) + brackets
}

function withModifier(name: string, modifier: number): string {
  const precise = /^(timestamp|time)( .*)$/.exec(name)
  if (precise !== null) return `${precise[1]}(${modifier})${precise[2]}`
  switch (name) {
    case 'numeric': {
      const scale = (modifier - 4) & 0x7ff
      return `numeric(${((modifier - 4) >> 16) & 0xffff},${scale >= 0x400 ? scale - 0x800 : scale})`
    }
    case 'character':
    case 'character varying':
      return `${name}(${modifier - 4})`
    case 'bit':
    case 'bit varying':
      return `${name}(${modifier})`
    default:
      return name
  }
}

/** As PostgreSQL itself prints it, but for true and false. */
export function cellText(value: string | null, type: string): string | null {
  if (type !== 'boolean' || value === null) return value
  return value === 't' ? 'true' : 'false'
}

export function cellJson(value: string | null, type: string): unknown {
  if (value === null) return null
  if (type.endsWith('[]')) return arrayJson(value, type.slice(0, -2))
  switch (type) {
    case 'boolean':
      return value === 't'
    case 'smallint':
    case 'integer':
    case 'bigint':
    case 'oid':
      return Number.isSafeInteger(Number(value)) ? Number(value) : value
    case 'real':
    case 'double precision':
      return Number.isFinite(Number(value)) ? Number(value) : value
    default:
      return value
  }
}

/** A token of an array's text: a brace, a comma, a quoted element or one that is not. */
const TOKEN = /[{},]|"((?:[^"\\]|\\.)*)"|((?:[^{},"\\]|\\.)+)/gs

/** `{1,NULL,"a b"}` with lists inside; a text that is no such thing stays a text. */
function arrayJson(text: string, element: string): unknown {
  const lists: unknown[][] = [[]]
  for (const [token, quoted, plain] of text.replace(/^(\[[^\]]*\])+=/, '').matchAll(TOKEN)) {
    const last = lists.at(-1)
    if (token === '{') {
      const inner: unknown[] = []
      last?.push(inner)
      lists.push(inner)
    } else if (token === '}') lists.pop()
    else if (quoted !== undefined) last?.push(cellJson(quoted.replace(/\\(.)/gs, '$1'), element))
    else if (plain !== undefined)
      last?.push(plain === 'NULL' ? null : cellJson(plain.replace(/\\(.)/gs, '$1'), element))
  }
  return lists.length === 1 && Array.isArray(lists[0]?.[0]) ? lists[0][0] : text
}
