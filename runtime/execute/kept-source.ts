// A source whose rows a database keeps: those of another database, streamed from COPY to COPY in constant memory, or those of a
// query with values of the run. They are put into a table of the store, looked at there, and thrown away where the stored
// ones are the same. Reports what extract.ts and the step report.

import { type BuildStep, tableOf } from '../contract/bundle.ts'
import { COPIED_ROWS } from '../contract/extract.ts'
import { asNodeId } from '../contract/ids.ts'
import type { ManifestNode } from '../contract/manifest.ts'
import { pgName } from '../contract/postgresql-names.ts'
import { copiedItems } from '../contract/table-steps.ts'
import type { OutputFacts } from '../engine.ts'
import { openRows } from '../engines/postgresql/extract.ts'
import type { Session } from '../engines/postgresql/session.ts'
import { fillTable, sameColumns } from '../engines/postgresql/table-writer.ts'
import { askedRows } from './read-table.ts'
import { storedTable } from './table-views.ts'
import type { World } from './world.ts'

export interface KeptSource {
  readonly world: World
  readonly node: ManifestNode
  readonly step: BuildStep
  /** The table, as SQL spells it. */
  readonly table: string
  /** Begins every statement. */
  readonly comment: string
  readonly signal?: AbortSignal | undefined
}

/** The rows of another database. Within a transaction; throws also what the other server says. */
export async function copySource(
  session: Session,
  { world, node, step, table, comment, signal }: KeptSource,
): Promise<void> {
  const { values, connection } = world
  const asked = askedRows(world.bundle, step, node, { values, connection })
  const columns = node.columns ?? []
  const names = columns.map(({ name }) => pgName(name)).join(', ')
  const rows = await openRows(asked)
  signal?.addEventListener('abort', rows.cancel)
  try {
    await fillTable(
      session,
      {
        create: `${comment} DROP TABLE IF EXISTS ${table}; CREATE TABLE ${table} (${copiedItems(columns, step.extract?.types ?? {}).join(', ')})`,
        copy: `${comment} COPY ${table} (${names}) FROM STDIN ${COPIED_ROWS}`,
        what: `Reading ${node.id}`,
      },
      () => ({ stream: rows.stream, settled: Promise.resolve() }),
    )
  } finally {
    signal?.removeEventListener('abort', rows.cancel)
    await rows.close()
  }
}

export const isCopied = (step: BuildStep): boolean => tableOf(step)?.made === 'copy'

/** What names the stored table that holds the same rows in the same columns; null: there is none. */
export async function sameAsStored(
  session: Session,
  { world, node, table }: KeptSource,
  { digest }: Pick<OutputFacts, 'digest'>,
): Promise<string | null> {
  const own = world.own.get(asNodeId(node.id))
  if (own === undefined || world.full || !world.outputs.isThere(own)) return null
  const { snapshot } = own.state
  if (snapshot.digest !== digest || own.node.source_table?.kept !== true) return null
  const isSame = await sameColumns(session, table, storedTable(node.id, snapshot), `Looking at ${node.id}`)
  return isSame ? snapshot.sha256 : null
}
