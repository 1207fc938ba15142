// The staged contents of an environment → its folder, complete and on disk, then put in the environment's place by one
// rename. Whoever calls holds the environment's lock. Reports STATE_MOVED, STATE_NOT_FOUND, STATE_IO.

import { join } from 'node:path'
import { writeBundle } from '../bundle/directory.ts'
import { BundleFile } from '../contract/bundle.ts'
import type { EnvironmentName } from '../contract/ids.ts'
import { parseDocument } from '../contract/schema.ts'
import { keepBundle } from '../execute/finish.ts'
import type { Faults } from '../execute/run.ts'
import { replaceEnvironment } from '../store/environments.ts'
import { linkOrCopy, makeFolder, syncPath, writeNew } from '../store/files.ts'
import { type Store, snapshotPath } from '../store/store.ts'
import { buildGeneration, type NewGeneration, type Requirement, requireMet } from './switch.ts'

/** An environment that is to be made, as documents and links. */
export interface NewEnvironment {
  /** Texts by path below the environment's folder. */
  readonly documents: Readonly<Record<string, string>>
  /** Texts of bundle/, by path below it. */
  readonly bundle: Readonly<Record<string, string>>
  /** File name below intermediate/ → SHA-256 of its snapshot. */
  readonly outputs: Readonly<Record<string, string>>
  /** promotion/generation. */
  readonly generation: NewGeneration | null
}

export interface StagedEnvironment {
  readonly kind: 'environment'
  readonly runId: string
  readonly requirements: readonly Requirement[]
  readonly updates: {
    readonly environment: EnvironmentName
    /** Null: the environment is so already. */
    readonly create: NewEnvironment | null
    /** Digests of the bundles that the environment was and is to be applied with. */
    readonly bundle: { readonly from: string | null; readonly to: string }
    /** Nodes whose output becomes another one for readers of the environment, sorted. */
    readonly changed: readonly string[]
    /** Nodes that the environment no longer has afterwards, sorted. */
    readonly removed: readonly string[]
    /** Nodes to which the environment has a change of its own that goes, sorted. */
    readonly lost: readonly string[]
  }
}

/** Makes the switch; `scratch` is a folder of the caller's on the same file system. */
export function commitEnvironment(
  store: Store,
  staged: StagedEnvironment,
  scratch: string,
  faults: Faults = () => {},
): void {
  requireMet(store, staged.requirements)
  const { environment, create } = staged.updates
  if (create === null) return
  const text = create.bundle['bundle.json'] ?? ''
  const contract = parseDocument(BundleFile, text, 'bundle.json', 'BUNDLE_INVALID')
  const bundle = { contract, files: new Map(Object.entries(create.bundle)) }
  keepBundle(store, bundle, faults)
  const made = join(scratch, 'environment')
  const [outputs, promotion] = [join(made, 'intermediate'), join(made, 'promotion')]
  for (const folder of [outputs, promotion]) makeFolder(folder)
  for (const [file, digest] of Object.entries(create.outputs))
    linkOrCopy(snapshotPath(store, digest), join(outputs, file))
  if (create.generation !== null) buildGeneration(store, create.generation, join(promotion, 'generation'))
  writeBundle(join(made, 'bundle'), bundle)
  for (const [path, document] of Object.entries(create.documents)) writeNew(join(made, path), document)
  for (const folder of [outputs, promotion, made]) syncPath(folder)
  faults('staged')
  replaceEnvironment(store, environment, made, faults)
}
