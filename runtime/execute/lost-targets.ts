// Tables that targets.json says hold an output, and that somebody dropped since: they hold nothing, and the run writes them again.
// Each database is asked once; where it cannot be, what is recorded is believed.

import { asNodeId } from '../contract/ids.ts'
import type { TargetWrite } from '../contract/state.ts'
import { placeNow } from './plan-targets.ts'
import type { World } from './world.ts'

/** To be called before anything is predicted. */
export async function noteLostTargets(world: World): Promise<void> {
  const byConnection = new Map<string, { readonly step: string; readonly write: TargetWrite }[]>()
  for (const { id: step, node: of, connection } of [...world.targets.values()].flat()) {
    const node = world.nodes.get(asNodeId(of))
    const write = node && world.targetRecord.of(step, node)
    if (write === undefined || write.content === null || write.place !== placeNow(world, connection)) continue
    const same = byConnection.get(connection)
    if (same === undefined) byConnection.set(connection, [{ step, write }])
    else same.push({ step, write })
  }
  if (byConnection.size === 0) return
  const { tablesThere } = await import('../engines/postgresql/tables-there.ts')
  for (const [connection, recorded] of byConnection) {
    const there = await tablesThere(
      world.connection(connection),
      recorded.map(({ write }) => write),
    )
    recorded.forEach(({ step }, i) => {
      if (there?.[i] === false) world.targetRecord.lose(step)
    })
  }
}
