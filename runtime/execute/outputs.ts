// Where outputs are, as a run sees them: files below target/, or tables of a database. What is looked at here was read before;
// only the last question reads.

import type { Fingerprint, NodeId } from '../contract/ids.ts'
import type { Snapshot } from '../contract/state.ts'
import { findOutput, hasSizeOf, isWhole, type StoredOutput, sizeOf, standIn } from '../store/snapshots.ts'
import type { Store } from '../store/store.ts'
import type { Entry } from './world.ts'

export interface Outputs {
  /** Whether the output is where its readers look, as it was put there. */
  isThere(entry: Entry): boolean
  /** There is something, and it is another than was put there. */
  isDamaged(entry: Entry): boolean
  /**
   * The output that is stored for an execution fingerprint, or null. One that needs a proof is found by it only. Files are
   * whoever's; a table is its node's.
   */
  find(node: NodeId, fingerprint: Fingerprint, proof: () => Fingerprint | null): StoredOutput | null
  /** Looks at all of it. */
  isWhole(snapshot: Snapshot): Promise<boolean>
  /** Of a database: whether its store has a table of that name, whoever reads it. */
  hasTable?(name: string): boolean
  /** For outputs that other machines make too: what was made again here takes the place of one that is not here. */
  takeFor?(entry: Entry, made: Snapshot): void
}

export const filesBelow = (store: Store): Outputs => ({
  isThere,
  isDamaged: (entry) => !isThere(entry) && sizeOf(entry.file) !== null,
  find: (_, fingerprint, proof) => findOutput(store, fingerprint, proof),
  isWhole: (snapshot) => isWhole(store, snapshot),
})

const isThere = ({ file, state }: Entry): boolean => sizeOf(file) === state.snapshot.size_bytes

/** The same where the state is shared, and outputs of other machines may be missing here. */
export const sharedFilesBelow = (store: Store): Outputs => {
  const isHere = ({ file, state }: Entry): boolean => hasSizeOf(store, state.snapshot, file)
  return {
    ...filesBelow(store),
    isThere: isHere,
    isDamaged: (entry) => !isHere(entry) && sizeOf(entry.file) !== null,
    takeFor: ({ state }, made) => standIn(store, state.snapshot, made),
  }
}
