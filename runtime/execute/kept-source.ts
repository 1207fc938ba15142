// A source whose rows a database keeps: those of another database, streamed from COPY to COPY in constant memory, or those of a
// query with values of the run. They are put into a table of the store, looked at there, and thrown away where the same ones
// are stored. Reports what extract.ts and the step report.

import { type BuildStep, tableOf } from '../contract/bundle.ts'
import { fingerprintOf } from '../contract/canonical-json.ts'
import { COPIED_ROWS } from '../contract/extract.ts'
import { RuntimeFailure } from '../contract/failures.ts'
import type { Fingerprint } from '../contract/ids.ts'
import type { ManifestNode } from '../contract/manifest.ts'
import { pgName } from '../contract/postgresql-names.ts'
import { copiedItems, tableNameOf } from '../contract/table-steps.ts'
import type { OutputFacts } from '../engine.ts'
import { openRows } from '../engines/postgresql/extract.ts'
import type { Session } from '../engines/postgresql/session.ts'
import { exactColumns, fillTable } from '../engines/postgresql/table-writer.ts'
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

/**
 * Ends the transaction in which the rows were put into a table: it is kept under a name that says what is in it, or thrown away
 * where that one is there. Resolves with what names it; a full run keeps a table of its own.
 */
export async function keepRows(
  session: Session,
  { world, node, table }: KeptSource,
  { digest }: Pick<OutputFacts, 'digest'>,
): Promise<Fingerprint> {
  const what = `Reading ${node.id}`
  const columns = await exactColumns(session, table, what)
  const own = world.full ? { run: world.values.runId } : {}
  const sha256 = fingerprintOf({ node: node.id, digest, columns, ...own })
  const isThere = 'SELECT to_regclass($1) IS NOT NULL AS there'
  const [found] = await session.rows(what, isThere, [storedTable(node.id, { sha256 })])
  if (found?.there === 't') await session.rows(what, 'ROLLBACK')
  else
    await session
      .rows(what, `ALTER TABLE ${table} RENAME TO ${pgName(tableNameOf(node.id, sha256))}; COMMIT`)
      .catch(async (error: unknown) => {
        // Another session has just kept the same rows.
        if (!(error instanceof RuntimeFailure) || error.facts.sqlstate !== '42P07') throw error
        await session.rows(what, 'ROLLBACK')
      })
  return sha256
}
