// intermediate/ of a generation or of an environment, of outputs of which some may be missing on this machine: what the store
// has is linked. What is there already stays. Reports STATE_IO.

import { join } from 'node:path'
import { asNodeId, outputStem } from '../contract/ids.ts'
import type { NodeState } from '../contract/state.ts'
import { besides, kindAt, linkOrCopy, makeFolder, moveFile, syncPath } from './files.ts'
import { hasSizeOf, hasSnapshot } from './snapshots.ts'
import { type Store, snapshotPath } from './store.ts'

export function linkOutputs(store: Store, nodes: Readonly<Record<string, NodeState>>, folder: string): void {
  if (kindAt(folder) === 'absent') makeFolder(folder)
  let isChanged = false
  for (const [id, { snapshot }] of Object.entries(nodes)) {
    const file = join(folder, `${outputStem(asNodeId(id))}.parquet`)
    if (hasSizeOf(store, snapshot, file) || !hasSnapshot(store, snapshot)) continue
    const aside = besides(file)
    linkOrCopy(snapshotPath(store, snapshot.sha256), aside)
    moveFile(aside, file)
    isChanged = true
  }
  if (isChanged) syncPath(folder)
}
