// Tables that targets.json says hold an output, and that somebody dropped since: they hold nothing, and are to be written again.
// Each database is asked once; where it cannot be, what is recorded is believed.

import { asNodeId } from '../contract/ids.ts'
import type { ManifestNode } from '../contract/manifest.ts'
import type { TargetWrite } from '../contract/state.ts'
import type { PostgresqlConnection } from '../engines/postgresql/connection.ts'
import type { TargetRecord } from '../store/target-writes.ts'
import { placeIn } from './plan-targets.ts'
import type { World } from './world.ts'

/** What writes a target. */
export interface Writer {
  readonly step: string
  readonly node: ManifestNode
  readonly connection: string
}

/** To be called before anything is predicted. */
export async function noteLostTargets({ targets, nodes, targetRecord, connection }: World): Promise<void> {
  const writers = [...targets.values()].flat().flatMap(({ id, node: of, connection: by }): Writer[] => {
    const node = nodes.get(asNodeId(of))
    return node === undefined ? [] : [{ step: id, node, connection: by }]
  })
  await noteLost(targetRecord, writers, connection)
}

/** Notes in the record which tables are not there. */
export async function noteLost(
  record: TargetRecord,
  writers: readonly Writer[],
  connect: (name: string) => PostgresqlConnection,
): Promise<void> {
  const written = new Map<string, { readonly step: string; readonly write: TargetWrite }[]>()
  for (const { step, node, connection } of writers) {
    const write = record.of(step, node)
    if (write === undefined || write.content === null || write.place !== placeIn(connect, connection)) continue
    const same = written.get(connection)
    if (same === undefined) written.set(connection, [{ step, write }])
    else same.push({ step, write })
  }
  if (written.size === 0) return
  const { tablesThere } = await import('../engines/postgresql/tables-there.ts')
  for (const [connection, each] of written) {
    const there = await tablesThere(
      connect(connection),
      each.map(({ write }) => write),
    )
    each.forEach(({ step }, i) => {
      if (there?.[i] === false) record.lose(step)
    })
  }
}
