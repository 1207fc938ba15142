// SQL of PostgreSQL that reads tables which other nodes write → where an environment's prefix goes: before the schema of
// each table that the environment has of its own, and of each table that is written. What leads to such a table in a way
// that cannot be followed is refused. Formatting, comments, quotes and letter case stay. Pure.
// Rule: design of namespaces.

import type { SchemaUse } from '../ports.ts'

/** Tables that the environment writes, by schema and name; what decides that they are. */
export type OwnTables = (schema: string, name: string) => string | undefined

export interface NamespacePlace {
  /** Where the prefix goes: inside the quotes of a quoted identifier. */
  readonly at: number
  readonly identifier: string
  readonly role: 'read' | 'write'
  readonly reason: string
}

export interface NamespaceProblem {
  readonly start: number
  readonly message: string
  readonly hint: string
}

export interface Namespaces {
  /** In the order of the text. */
  readonly places: readonly NamespacePlace[]
  readonly problems: readonly NamespaceProblem[]
}

/** `own` tells which tables are the environment's; `schemas` are theirs; `fallback` is where unqualified names lead. */
export function namespacesIn(
  text: string,
  uses: readonly SchemaUse[],
  own: OwnTables,
  { schemas, fallback }: { readonly schemas: ReadonlySet<string>; readonly fallback: string },
): Namespaces {
  const places: NamespacePlace[] = []
  const problems: NamespaceProblem[] = []
  for (const use of uses) {
    const problem = problemOf(use, own, schemas, fallback)
    if (problem !== null) problems.push({ start: use.start, ...problem })
    if (problem !== null || use.schema === null || (use.what !== 'relation' && use.what !== 'column')) continue
    const writer = own(use.schema, use.name)
    if (writer === undefined && use.role !== 'write') continue
    const reason = use.role === 'write' ? 'what this statement writes' : `${writer} is a step of this bundle`
    const quoted = text[use.start] === '"' ? 1 : 0
    places.push({ at: use.start + quoted, identifier: use.schema, role: use.role, reason })
  }
  return { places, problems }
}

function problemOf(
  { what, role, schema, name }: SchemaUse,
  own: OwnTables,
  schemas: ReadonlySet<string>,
  fallback: string,
): { readonly message: string; readonly hint: string } | null {
  if (what === 'relation' && schema === null && (role === 'write' || own(fallback, name) !== undefined))
    return {
      message: `'${name}' is found by the search path, which an environment cannot change.`,
      hint: `Write ${fallback}.${name}.`,
    }
  if (what === 'literal' && own(schema ?? fallback, name) !== undefined)
    return {
      message: `The text names the table ${schema ?? fallback}.${name}, which an environment has of its own.`,
      hint: 'Read the table itself: a name in a text is not followed.',
    }
  if ((what === 'function' || what === 'type' || what === 'operator') && schema !== null && schemas.has(schema))
    return {
      message: `The ${what} ${schema}.${name} is in a schema that an environment has of its own, and may lead to production's tables.`,
      hint: 'Keep functions and types in a schema of their own, or write what it does into the query.',
    }
  return null
}

/** The text with the prefix at each place. */
export function withNamespaces(text: string, places: readonly NamespacePlace[], prefix: string): string {
  let [result, from] = ['', 0]
  for (const { at } of places) {
    result += text.slice(from, at) + prefix
    from = at
  }
  return result + text.slice(from)
}
