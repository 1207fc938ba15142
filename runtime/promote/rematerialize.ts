// A promotion's tables of other databases: production's targets of the nodes that it replaces are written with the outputs
// that it brings, in the order of the bundle, before production is switched. What is written is recorded, so that the
// promotion can be made again after a failure; what is not is due, and the next run writes it.
// Reports TARGET_FAILED, CONNECTION_FAILED, PROFILE_INVALID, STATE_NOT_FOUND.

import type { MaterializeStep, OpenedBundle } from '../contract/bundle.ts'
import { materializeSteps } from '../contract/bundle.ts'
import { RuntimeFailure } from '../contract/failures.ts'
import { asNodeId } from '../contract/ids.ts'
import type { RunState } from '../contract/state.ts'
import { contentOf, relationOf } from '../contract/targets.ts'
import type { Engine } from '../engine.ts'
import type { PostgresqlConnection } from '../engines/postgresql/connection.ts'
import { noteLost } from '../execute/lost-targets.ts'
import { placeIn } from '../execute/plan-targets.ts'
import type { Faults } from '../execute/run.ts'
import { type TargetOrder, writeOneTarget } from '../execute/run-targets.ts'
import type { Scratch } from '../execute/scratch.ts'
import { outputFile } from '../execute/step.ts'
import { linkOrCopy, removeTree } from '../store/files.ts'
import { hasSnapshot } from '../store/snapshots.ts'
import { type Store, snapshotPath } from '../store/store.ts'
import { type NoteTargets, TargetRecord } from '../store/target-writes.ts'

/** A table of production that does not hold what the promotion brings. */
export interface PromotedTarget {
  readonly node: string
  readonly relation: string
  readonly connection: string
  readonly mode: string
}

interface Promoted {
  readonly bundle: OpenedBundle
  /** The environment's. */
  readonly state: RunState
}

/** Null: no profile says where a connection leads to, and what was written there counts. */
type Connection = ((name: string) => PostgresqlConnection) | null

/** In the order of the bundle. Only reads. */
export async function dueTargets(
  store: Store,
  promoted: Promoted,
  connection: Connection,
): Promise<readonly PromotedTarget[]> {
  const due = await dueOrders(new TargetRecord(store, null), promoted, connection)
  return due.map(({ node, relation, target }) => ({
    node: node.id,
    relation,
    connection: target.connection,
    mode: target.mode,
  }))
}

async function dueOrders(record: TargetRecord, promoted: Promoted, connection: Connection): Promise<readonly Order[]> {
  const orders = ordersOf(promoted)
  if (connection !== null)
    await noteLost(
      record,
      orders.map(({ id, node, target }) => ({ step: id, node, connection: target.connection })),
      connection,
    )
  return orders.filter((order) => !isHeld(record, order, connection))
}

type Order = Omit<TargetOrder, 'file'>

function ordersOf({ bundle, state }: Promoted): readonly Order[] {
  return materializeSteps(bundle.contract).flatMap((step: MaterializeStep): Order[] => {
    const node = bundle.manifest.nodes.find(({ id }) => id === step.node)
    const [target, output] = [node?.targets?.[step.target], state.nodes[step.node]]
    if (node === undefined || target === undefined || output === undefined) return []
    return [{ id: step.id, node, target, prefix: '', relation: relationOf(target, ''), output }]
  })
}

function isHeld(record: TargetRecord, order: Order, connection: Connection): boolean {
  const { id, node, target, relation, output } = order
  const written = record.isLost(id) ? undefined : record.of(id, node)
  const content = contentOf(target, { data: output.data, digest: output.snapshot.digest })
  if (written === undefined || written.content !== content || written.relation !== relation) return false
  return connection === null || written.place === placeIn(connection, target.connection)
}

export interface Rematerialization {
  readonly connection: (name: string) => PostgresqlConnection
  readonly scratch: Scratch
  readonly runId: string
  readonly note?: NoteTargets | undefined
  readonly signal?: AbortSignal | undefined
  readonly faults?: Faults | undefined
  readonly onWriting?: ((target: PromotedTarget) => void) | undefined
}

/** Writes what is due; gives the tables. The caller holds production's lock. */
export async function rematerialize(
  store: Store,
  promoted: Promoted,
  { connection, scratch, runId, note, signal, faults, onWriting }: Rematerialization,
): Promise<readonly PromotedTarget[]> {
  const record = new TargetRecord(store, null, note)
  const due = await dueOrders(record, promoted, connection)
  if (due.length === 0) return []
  const { startDuckDB } = await import('../engines/duckdb/engine.ts')
  const engine = await startDuckDB({
    allowedDirectories: [scratch.outputs, scratch.spill],
    allowedPaths: [],
    spillDirectory: scratch.spill,
    settings: promoted.bundle.contract.settings,
  })
  const written: PromotedTarget[] = []
  try {
    for (const order of due) {
      const { relation, target } = order
      const said = { node: order.node.id, relation, connection: target.connection, mode: target.mode }
      onWriting?.(said)
      await writeOneTarget(
        {
          engine: async (): Promise<Engine> => engine,
          connection,
          record,
          folder: scratch.outputs,
          runId,
          signal,
          faults,
        },
        { ...order, file: providedFile(store, scratch, order) },
      )
      written.push(said)
    }
  } finally {
    await engine.close()
  }
  return written
}

/** The stored output, where the engine may read it. */
function providedFile(store: Store, scratch: Scratch, { node, output }: Order): string {
  if (!hasSnapshot(store, output.snapshot))
    throw new RuntimeFailure('STATE_NOT_FOUND', `the stored output of ${node.id} is missing`, { node: node.id })
  const file = outputFile(scratch, asNodeId(node.id))
  removeTree(file)
  linkOrCopy(snapshotPath(store, output.snapshot.sha256), file)
  return file
}
