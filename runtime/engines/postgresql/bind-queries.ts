// Queries → their columns, as the server that will execute them says, by preparing them over empty tables: schemas and tables
// are made in a transaction that is rolled back, so that nobody else ever sees them. Where the role may make no schema, they are
// temporary tables; where it may make neither, nothing is asked. One session for all questions.

import { RuntimeFailure } from '../../contract/failures.ts'
import { pgName } from '../../contract/postgresql-names.ts'
import { targetType } from '../../contract/target-types.ts'
import { capabilitiesOf } from './capabilities.ts'
import { type ServerColumn, serverColumns } from './columns.ts'
import type { PostgresqlConnection } from './connection.ts'
import { openSession, type Session } from './session.ts'
import { utf16OfPosition } from './utf16.ts'

export interface BoundRelation {
  readonly schema: string
  readonly name: string
  /** `type`: of DuckDB. */
  readonly columns: readonly { readonly name: string; readonly type: string }[]
}

export interface BindQuestion {
  readonly node: string
  readonly sql: (schemaOf: (kind: string) => string) => string
  /** What is executed before it, about temporary objects; absent: nothing. */
  readonly before?: (schemaOf: (kind: string) => string) => readonly string[]
  readonly relations: readonly BoundRelation[]
  /** The server's own types of columns, where they may be others: node → column → type. */
  readonly serverTypes: Readonly<Record<string, Readonly<Record<string, string>>>>
}

export type BindAnswer =
  | { readonly kind: 'columns'; readonly columns: readonly ServerColumn[] }
  | {
      readonly kind: 'error'
      readonly message: string
      /** In the statement with that number, of those before the query and the query. */
      readonly offset: number | null
      readonly statement: number
      readonly hints: readonly string[]
    }
  | { readonly kind: 'unreachable'; readonly message: string; readonly hints: readonly string[] }

const WHAT = 'Asking the server'
const BEFORE = 'SELECT * FROM (\n'

/** Answers in the order of the questions. Throws nothing that a server says. */
export async function bindQueries(
  connection: PostgresqlConnection,
  questions: readonly BindQuestion[],
): Promise<readonly BindAnswer[]> {
  const answers: BindAnswer[] = []
  try {
    const session = await openSession(connection)
    try {
      const { create_schema, temp_tables, ddl_in_transactions } = await capabilitiesOf(session)
      const areApart = create_schema && ddl_in_transactions
      if (!areApart && !temp_tables) return questions.map(() => MAY_NOT)
      const [own] = await session.rows(WHAT, 'SELECT pg_backend_pid() AS pid')
      // Nobody else uses these names: they hold the number of this very session.
      const schemaOf = (kind: string): string => (areApart ? pgName(`seeknal_bind_${own?.pid}_${kind}`) : 'pg_temp')
      const place = { schemaOf, areApart, isStepwise: !ddl_in_transactions }
      for (const question of questions) answers.push(await answer(session, question, place))
    } finally {
      await session.close()
    }
  } catch (error) {
    if (!(error instanceof RuntimeFailure)) throw error
    const lost: BindAnswer = { kind: 'unreachable', message: error.message, hints: error.hints }
    while (answers.length < questions.length) answers.push(lost)
  }
  return answers
}

const MAY_NOT: BindAnswer = {
  kind: 'unreachable',
  message: 'the role may make neither schemas nor temporary tables in this database',
  hints: ['Grant it CREATE or TEMPORARY on the database; the statements are only prepared then.'],
}

type SchemaOf = (kind: string) => string

interface Place {
  readonly schemaOf: SchemaOf
  /** Each kind of node has a schema of its own. */
  readonly areApart: boolean
  /** Nothing is made within a transaction. */
  readonly isStepwise: boolean
}

async function answer(session: Session, question: BindQuestion, place: Place): Promise<BindAnswer> {
  const { schemaOf, areApart, isStepwise } = place
  const names = new Set(question.relations.map(({ name }) => name.toLowerCase()))
  if (!areApart && names.size < question.relations.length)
    return {
      kind: 'unreachable',
      message: `the role may make no schema in this database, and two inputs of ${question.node} have one name`,
      hints: ['Grant it CREATE on the database; the statements are only prepared then.'],
    }
  try {
    // One message: each way to the server and back takes longer than what is asked.
    const tables = emptyTables(question, schemaOf, areApart)
    for (const message of isStepwise ? tables : [['BEGIN', ...tables].join(';\n')]) await session.rows(WHAT, message)
    const before = question.before?.(schemaOf) ?? []
    for (const [i, statement] of before.entries()) {
      const asked = { statement: i, text: statement, leading: 0 }
      const wrong = await mistakeOf(asked, () => session.rows(`Preparing ${question.node}`, statement))
      if (wrong.kind === 'error') return wrong
    }
    const text = `${BEFORE}${question.sql(schemaOf)}\n) AS q`
    const found = await mistakeOf({ statement: before.length, text, leading: BEFORE.length }, () =>
      serverColumns(session, `Preparing ${question.node}`, text),
    )
    return found.kind === 'error' ? found : { kind: 'columns', columns: found.value }
  } finally {
    await session.rows(WHAT, isStepwise ? 'DISCARD TEMP' : 'ROLLBACK').catch(() => [])
  }
}

function emptyTables(
  { relations, serverTypes }: BindQuestion,
  schemaOf: SchemaOf,
  areApart: boolean,
): readonly string[] {
  const kinds = new Set(relations.map(({ schema }) => schema))
  return [
    ...(areApart ? [...kinds].map((kind) => `CREATE SCHEMA ${schemaOf(kind)}`) : []),
    ...relations.map(({ schema, name, columns }) => {
      const own = serverTypes[`${schema}.${name}`]
      const items = columns.map(
        (column) => `${pgName(column.name)} ${own?.[column.name] ?? targetType(column.type) ?? 'text'}`,
      )
      return `CREATE TABLE ${schemaOf(schema)}.${pgName(name.toLowerCase())} (${items.join(', ')})`
    }),
  ]
}

/** What the server says of a statement's text, in front of which stand `leading` characters of ours. */
async function mistakeOf<T>(
  { statement, text, leading }: { readonly statement: number; readonly text: string; readonly leading: number },
  ask: () => Promise<T>,
): Promise<Extract<BindAnswer, { kind: 'error' }> | { readonly kind: 'value'; readonly value: T }> {
  try {
    return { kind: 'value', value: await ask() }
  } catch (error) {
    if (!(error instanceof RuntimeFailure) || error.code !== 'QUERY_FAILED') throw error
    const { position } = error.facts
    const offset = typeof position === 'number' ? utf16OfPosition(text, position) - leading : null
    return { kind: 'error', message: error.message, offset, statement, hints: error.hints }
  }
}
