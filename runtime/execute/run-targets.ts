// Writes a stored output to the targets of its node, one after the other, at its turn. What a target holds is recorded
// before it is touched (nobody knows) and after (this output), so that a run that was killed in between writes it again.
// Reports TARGET_FAILED, CONNECTION_FAILED, PROFILE_INVALID, INTERRUPTED.

import { join } from 'node:path'
import { fingerprintOf } from '../contract/canonical-json.ts'
import { Bug, RuntimeFailure } from '../contract/failures.ts'
import type { Column, ManifestNode } from '../contract/manifest.ts'
import type { Snapshot, TargetWrite } from '../contract/state.ts'
import { contentOf, type Target } from '../contract/targets.ts'
import type { Engine } from '../engine.ts'
import type { PostgresqlConnection } from '../engines/postgresql/connection.ts'
import type { TargetRecord } from '../store/target-writes.ts'
import { placeOfConnection } from './plan-targets.ts'
import { makeRowPipe } from './row-pipe.ts'

/** What writing a target needs besides the target. */
export interface TargetContext {
  readonly engine: () => Promise<Engine>
  readonly connection: (name: string) => PostgresqlConnection
  readonly record: TargetRecord
  /** Where the pipe is made. */
  readonly folder: string
  readonly runId: string
  readonly signal?: AbortSignal | undefined
  readonly faults?:
    | ((point: 'target_begun' | 'target_copied' | 'target_changed' | 'target_committed') => void)
    | undefined
}

export interface TargetOrder {
  /** Of the step: its record. */
  readonly id: string
  readonly node: ManifestNode
  readonly target: Target
  readonly prefix: string
  /** The table as it is there. */
  readonly relation: string
  /** Where the engine is its database: the server's own types of columns. */
  readonly types?: Readonly<Record<string, string>> | undefined
  /** The output's file, where the engine may read it. */
  readonly file: string
  readonly output: { readonly data: string; readonly snapshot: Snapshot }
}

/** Writes one target; resolves when it is recorded. */
export async function writeOneTarget(context: TargetContext, order: TargetOrder): Promise<void> {
  const { id, node, target, prefix, relation, output } = order
  const { record, faults } = context
  const connection = connectionOf(context, order)
  const columns = node.columns
  if (columns === null) throw new Bug(`${node.id} has a target and no columns`)
  await requireKeys(context, order)
  const written = beginning(context, order, connection)
  const content = contentOf(target, { data: output.data, digest: output.snapshot.digest })
  const { writeTarget } = await import('../engines/postgresql/target-writer.ts')
  let begun = written
  const pipe = await makeRowPipe(join(context.folder, `${fingerprintOf([id, context.runId]).slice(0, 16)}.rows`))
  try {
    const answer = await writeTarget(connection, {
      written: { node: node.id, target, columns, prefix },
      nodes: [node.id, ...(node.renamed_from === undefined ? [] : [node.renamed_from])],
      what: `writing ${node.id} to ${relation}`,
      batch: content,
      begin: async (found) => {
        const { place, schema } = written
        if (!found.schema) await record.addSchema({ connection: target.connection, place, schema })
        begun = {
          ...written,
          created: written.created || !found.table,
          ...(target.mode === 'append' && !found.batches ? { created_batches: true } : {}),
        }
        await record.set(id, begun)
        faults?.('target_begun')
      },
      rows: (spelling) => ({ stream: pipe.stream, settled: exported(context, order, columns, pipe.path, spelling) }),
      signal: context.signal,
      faults: (point) => faults?.(`target_${point}`),
    })
    faults?.('target_committed')
    const rows = answer.known ? 0 : output.snapshot.rows
    await record.set(id, { ...begun, content, rows, written_at: new Date().toISOString() })
  } catch (error) {
    throw located(error, order)
  } finally {
    pipe.remove()
  }
}

function connectionOf(context: TargetContext, order: TargetOrder): PostgresqlConnection {
  try {
    return context.connection(order.target.connection)
  } catch (error) {
    throw located(error, order)
  }
}

/** The record while nobody knows what the table holds. */
function beginning(
  { record, runId }: TargetContext,
  { id, node, target, prefix, relation }: TargetOrder,
  connection: PostgresqlConnection,
): TargetWrite {
  const place = placeOfConnection(connection)
  const before = record.of(id, node)
  const same = before?.place === place && before.relation === relation ? before : undefined
  return {
    node: node.id,
    relation,
    schema: `${prefix}${target.schema}`,
    table: target.table,
    connection: target.connection,
    place,
    content: null,
    created: same?.created === true,
    ...(same?.created_batches === true ? { created_batches: true } : {}),
    rows: 0,
    run_id: runId,
    written_at: new Date().toISOString(),
  }
}

async function exported(
  { engine }: TargetContext,
  { file }: TargetOrder,
  columns: readonly Column[],
  path: string,
  spelling: 'csv' | 'wire',
): Promise<void> {
  await (await engine()).exportRows(file, columns, path, spelling)
}

/** What would make a key or a range of time mean something else is an error before the target is touched. */
async function requireKeys({ engine }: TargetContext, order: TargetOrder): Promise<void> {
  const { target, file } = order
  const { unique_keys: keys = [], time_column: time = null, null_keys: nulls } = target
  if (keys.length === 0 && time === null) return
  const facts = await (await engine()).keyFacts(file, { keys, time })
  const refuse = (message: string, hint: string): never => {
    throw located(new RuntimeFailure('TARGET_FAILED', message, {}, { hints: [hint] }), order)
  }
  const named = keys.map((key) => `'${key}'`).join(', ')
  const rows = (count: number): string => `${count} ${count === 1 ? 'row' : 'rows'}`
  if (facts.nullKeys > 0 && nulls !== 'match')
    refuse(
      `${rows(facts.nullKeys)} of the output with a NULL in the key ${named}`,
      "Leave these rows out, or let NULL be a key like any other: 'null_keys: match'.",
    )
  if (facts.duplicates > 0)
    refuse(
      `${facts.duplicates === 1 ? 'one key' : `${facts.duplicates} keys`} ${named} of the output ${facts.duplicates === 1 ? 'has' : 'have'} more than one row`,
      'Give one row a key, for example with QUALIFY row_number() OVER (PARTITION BY … ORDER BY …) = 1.',
    )
  if (facts.nullTimes > 0)
    refuse(
      `${rows(facts.nullTimes)} of the output without a time: '${time}' is NULL`,
      'Leave them out: no range of time holds them.',
    )
  if (facts.infiniteTimes > 0)
    refuse(
      `${rows(facts.infiniteTimes)} of the output with an infinite '${time}'`,
      'Leave them out: a range that has no end would take rows away that the output does not have.',
    )
}

const OF_TARGET: readonly string[] = ['TARGET_FAILED', 'CONNECTION_FAILED', 'PROFILE_INVALID']

/** What went wrong, with the target. */
export function located(error: unknown, { id, node, relation, target }: Omit<TargetOrder, 'file'>): unknown {
  if (!(error instanceof RuntimeFailure) || !OF_TARGET.includes(error.code)) return error
  const own = error.message.includes(relation) ? error.message : `${relation}: ${error.message}`
  const facts = { ...error.facts, node: node.id, step: id, relation, connection: target.connection }
  return new RuntimeFailure(error.code, own, facts, { cause: error.cause, hints: error.hints })
}
