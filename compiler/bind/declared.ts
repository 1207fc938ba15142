// What an author declares about a transform's columns, and what every output must keep to, against the columns that the
// engine gives. A declared type that is the engine's own says nothing new; another one is an error.

import { type Diagnostic, nearest, type Place } from '../../runtime/contract/diagnostics.ts'
import type { Column } from '../../runtime/contract/manifest.ts'
import {
  duplicateNames,
  foldCase,
  inexactPart,
  isStorable,
  KEPT,
  STORABLE_HINT,
} from '../../runtime/contract/stored-columns.ts'
import { errorAt, warningAt } from '../diagnostic-codes.ts'
import type { ResolvedTransform } from '../resolve.ts'
import { placeInSql } from '../sql/placed-text.ts'
import type { DeclaredColumn } from '../validate.ts'
import type { World } from './bound-node.ts'
import type { Described } from './outputs.ts'
import { knownTypes } from './types.ts'

/** Reports unknown types (error), types that are not the engine's (error) and columns that are not there (warning). */
export async function declaredMistakes(described: readonly Described[], world: World): Promise<readonly Diagnostic[]> {
  const pairs = described.flatMap(({ node, output: { columns } }) =>
    columns === null ? [] : node.node.columns.map((declared) => ({ node, columns, declared })),
  )
  const spelled = pairs.flatMap(({ columns, declared }) => {
    const found = columnNamed(declared.name, columns)
    return declared.type === null || declared.type === found?.type ? [] : [declared.type]
  })
  const types = await knownTypes(spelled, world)
  return pairs.flatMap(({ node, columns, declared }) => {
    const found = columnNamed(declared.name, columns)
    if (found === undefined) return [notInOutput(node, declared, columns)]
    if (declared.type === null || declared.type === found.type) return []
    const known = types.get(declared.type)
    if (known?.type === found.type) return []
    return [known ? otherType(node, declared, known.type, found) : unknownType(declared, node.id)]
  })
}

/** Types of columns that only data can tell, by node, as an output stores them: what it has is checked when it is made. */
export async function lateDeclared(
  described: readonly Described[],
  world: World,
): Promise<{ readonly declared: ReadonlyMap<string, readonly Column[]>; readonly diagnostics: readonly Diagnostic[] }> {
  const late = described.flatMap(({ node, output }) => (output.columns === null ? [node] : []))
  const types = await knownTypes(
    late.flatMap((node) => node.node.columns.flatMap((column) => column.type ?? [])),
    world,
  )
  const declared = new Map<string, readonly Column[]>()
  const diagnostics: Diagnostic[] = []
  for (const { id, node } of late) {
    const columns = node.columns.flatMap((column): Column[] => {
      if (column.type === null) return []
      const type = types.get(column.type)?.type
      if (type === undefined) diagnostics.push(unknownType(column, id))
      return type === undefined ? [] : [{ name: column.name, type }]
    })
    if (columns.length > 0) declared.set(id, columns)
  }
  return { declared, diagnostics }
}

const columnNamed = (name: string, columns: readonly Column[]): Column | undefined =>
  columns.find((column) => foldCase(column.name) === foldCase(name))

function notInOutput(node: ResolvedTransform, declared: DeclaredColumn, columns: readonly Column[]): Diagnostic {
  const near = nearest(
    declared.name,
    columns.map((column) => column.name),
  )
  return warningAt(
    'BIND_DECLARED_COLUMN_MISSING',
    declared.place,
    `The column '${declared.name}' is declared, but the SQL of '${node.id}' does not give it.`,
    {
      facts: { node: node.id, column: declared.name },
      hints: near === undefined ? [] : [`Did you mean '${near}'?`],
    },
  )
}

const otherType = (node: ResolvedTransform, declared: DeclaredColumn, type: string, found: Column): Diagnostic =>
  errorAt(
    'BIND_COLUMN_TYPE',
    declared.place,
    `The column '${declared.name}' of '${node.id}' is declared as ${type}; the SQL gives ${found.type}.`,
    {
      facts: { node: node.id, column: declared.name, declared: type, found: found.type },
      hints: [`Cast it in the SQL, or declare it as ${found.type}.`],
    },
  )

export const unknownType = (column: DeclaredColumn, node: string): Diagnostic =>
  errorAt(
    'BIND_UNKNOWN_TYPE',
    column.place,
    `The column '${column.name}' is declared as '${column.type}', which is no type of the engine.`,
    {
      facts: { node, column: column.name, type: column.type },
      hints: ['Types are written as in SQL, for example BIGINT, VARCHAR, DECIMAL(18,2), DATE, TIMESTAMP.'],
    },
  )

function placeOfQuery({ sql }: ResolvedTransform): Place {
  const query = sql.statements.at(-1)
  return placeInSql(sql, query?.start ?? 0, (query?.end ?? 0) - (query?.start ?? 0))
}

/** Warnings about values that come back as others: Parquet has no such type. */
export function inexactColumns({ node, output }: Described): readonly Diagnostic[] {
  return (output.columns ?? []).flatMap(({ name, type }) => {
    const part = inexactPart(type)
    if (part === null) return []
    const { kept, hint } = KEPT[part]
    const message = `The column '${name}' of '${node.id}' has the type ${type}: of each ${part} an output keeps ${kept}.`
    const facts = { node: node.id, column: name, type }
    return [warningAt('BIND_TYPE_INEXACT', placeOfQuery(node), message, { facts, hints: [hint] })]
  })
}

/** Two columns of one name, and types that a stored output cannot hold. */
export function outputMistakes(node: ResolvedTransform, columns: readonly Column[] | null): readonly Diagnostic[] {
  const duplicates = duplicateNames(columns ?? []).map((name) =>
    errorAt(
      'BIND_DUPLICATE_COLUMN',
      placeOfQuery(node),
      `The SQL of '${node.id}' gives two columns '${name}' (letter case does not count).`,
      {
        facts: { node: node.id, column: name },
        hints: ['Name one of the two with AS, or list the columns that you want.'],
      },
    ),
  )
  const unions = (columns ?? []).filter((column) => !isStorable(column.type))
  const unstorable = unions.map((column) =>
    errorAt(
      'BIND_TYPE_NOT_STORABLE',
      placeOfQuery(node),
      `The column '${column.name}' of '${node.id}' has the type ${column.type}, which an output cannot hold.`,
      {
        facts: { node: node.id, column: column.name, type: column.type },
        hints: [STORABLE_HINT],
      },
    ),
  )
  return [...duplicates, ...unstorable]
}
