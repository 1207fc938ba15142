// Further looks at source files → columns and keys that are in the data and not among those that are read: DuckDB takes the
// columns from the first file, or of JSON from the first rows, and leaves out what others have besides. What cannot be looked at
// is said when it is read.

import type { Column } from '../../contract/manifest.ts'
import { foldCase } from '../../contract/stored-columns.ts'

export interface FurtherLooks {
  /** A call that sees the columns of all files at once; null: there is none that costs little. */
  readonly whole: string | null
  /** In which order files are looked at for what is left out; `file` is relative to the project. */
  readonly each: readonly { readonly file: string; readonly call: string }[]
}

export interface Unread {
  readonly file: string
  /** Of a key within a column, `column.key`. */
  readonly column: string
}

/** Names of the engine, where CSV has no header. */
const INVENTED = /^column\d+$/

type ColumnsOf = (call: string) => Promise<readonly Column[]>

export async function unreadColumns(
  columns: readonly Column[],
  { whole, each }: FurtherLooks,
  columnsOf: ColumnsOf,
): Promise<readonly Unread[]> {
  if (columns.every(({ name }) => INVENTED.test(name))) return []
  const left = async (call: string): Promise<readonly string[]> => {
    try {
      return leftOut(columns, await columnsOf(call))
    } catch {
      return []
    }
  }
  const all = whole === null ? null : new Set((await left(whole)).map(foldCase))
  const unread = new Map<string, Unread>()
  for (const { file, call } of each) {
    if (all !== null && unread.size >= all.size) break
    for (const column of await left(call)) {
      const key = foldCase(column)
      if (all?.has(key) !== false && !unread.has(key)) unread.set(key, { file, column })
    }
  }
  return [...unread.values()]
}

function leftOut(columns: readonly Column[], others: readonly Column[]): readonly string[] {
  const types = new Map(columns.map(({ name, type }) => [foldCase(name), type]))
  return others.flatMap(({ name, type }) => {
    const own = types.get(foldCase(name))
    if (own === undefined) return INVENTED.test(name) ? [] : [name]
    const keys = keysOf(own)
    return own === type || keys.size === 0
      ? []
      : [...keysOf(type)].filter((k) => !keys.has(k)).map((k) => `${name}.${k}`)
  })
}

/** Names of fields, wherever in a type. */
const keysOf = (type: string): ReadonlySet<string> =>
  new Set([...type.matchAll(/[(,]\s?("(?:[^"]|"")*"|\w+) /g)].map(([, name = '']) => name))
