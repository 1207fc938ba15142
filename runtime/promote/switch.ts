// The one way in which production changes: a staged change (requirements, updates) is checked, its generation is placed
// complete and on disk, then `target/current` is replaced by one rename. Whoever calls holds production's lock.
// Reports STATE_MOVED, STATE_NOT_FOUND, STATE_IO.

import { renameSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { prettyJson } from '../contract/canonical-json.ts'
import { assertNever, RuntimeFailure } from '../contract/failures.ts'
import type { BaseRequirement, GenerationRecord } from '../contract/state.ts'
import type { Faults } from '../execute/run.ts'
import { besides, guarded, linkOrCopy, makeFolder, removeTree, syncPath, writeNew } from '../store/files.ts'
import {
  currentGeneration,
  generationNumbers,
  makeEntryLinks,
  readProduction,
  recordSwitch,
} from '../store/generations.ts'
import { hasSnapshot } from '../store/snapshots.ts'
import { folderIn, type Store, snapshotPath } from '../store/store.ts'
import { versionIn } from './base.ts'

/** What must hold for the switch to be made. */
export type Requirement =
  | { readonly kind: 'current'; readonly generation: number | null }
  | { readonly kind: 'generation'; readonly generation: number }
  | { readonly kind: 'snapshot'; readonly node: string; readonly sha256: string; readonly size_bytes: number }
  | BaseRequirement

/** A generation that is to be made, as documents and links. */
export interface NewGeneration {
  readonly number: number
  /** Texts by file name: manifest.json, run_state.json, generation.json, bundle.digest. */
  readonly documents: Readonly<Record<string, string>>
  /** File name below intermediate/ → SHA-256 of its snapshot. */
  readonly outputs: Readonly<Record<string, string>>
}

export interface StagedSwitch {
  readonly kind: 'run' | 'promote' | 'rollback'
  readonly runId: string
  readonly requirements: readonly Requirement[]
  readonly updates: {
    /** Null: the generation is there already. */
    readonly create: NewGeneration | null
    readonly current: { readonly from: number | null; readonly to: number }
    /** Nodes whose output becomes another one, sorted. */
    readonly changed: readonly string[]
    /** Nodes that production no longer has afterwards, sorted. */
    readonly removed: readonly string[]
  }
}

/** The requirements that do not hold now. */
export function unmetRequirements(store: Store, requirements: readonly Requirement[]): Requirement[] {
  const current = currentGeneration(store)
  const production = requirements.some((r) => r.kind === 'base') ? readProduction(store) : null
  return requirements.filter((requirement) => {
    switch (requirement.kind) {
      case 'current':
        return current !== requirement.generation
      case 'generation':
        return !generationNumbers(store).includes(requirement.generation)
      case 'snapshot':
        return !hasSnapshot(store, requirement)
      case 'base': {
        const { definition, execution } = versionIn(production, requirement.node)
        return definition !== requirement.definition || execution !== requirement.execution
      }
      default:
        return assertNever(requirement)
    }
  })
}

/** Throws STATE_MOVED (facts: nodes) or STATE_NOT_FOUND when a requirement does not hold. */
export function requireMet(store: Store, requirements: readonly Requirement[]): void {
  const unmet = unmetRequirements(store, requirements)
  if (unmet.length > 0) throw refusal(unmet)
}

/** Makes the switch; `scratch` is a folder of the caller's on the same file system. Throws STATE_MOVED or STATE_NOT_FOUND when a requirement does not hold. */
export function commitSwitch(store: Store, staged: StagedSwitch, scratch: string, faults: Faults = () => {}): void {
  requireMet(store, staged.requirements)
  const { create, current } = staged.updates
  if (create === null && current.from === current.to) return
  if (create !== null) {
    const made = join(scratch, 'generation')
    buildGeneration(store, create, made)
    faults('staged')
    const generations = folderIn(store, 'generations')
    guarded('place', join(generations, String(create.number)), () =>
      renameSync(made, join(generations, String(create.number))),
    )
    syncPath(generations)
    faults('placed')
  }
  makeEntryLinks(store)
  pointCurrentAt(store, current.to)
  faults('switched')
  recordSwitch(store, {
    at: new Date().toISOString(),
    kind: staged.kind,
    from: current.from,
    to: current.to,
    run_id: staged.runId,
  })
  faults('recorded')
}

/** Makes the complete folder of a generation, on disk: documents, and a link to each output's snapshot. */
export function buildGeneration(store: Store, generation: NewGeneration, folder: string): void {
  removeTree(folder)
  makeFolder(join(folder, 'intermediate'))
  for (const [file, digest] of Object.entries(generation.outputs))
    linkOrCopy(snapshotPath(store, digest), join(folder, 'intermediate', file))
  for (const [name, text] of Object.entries(generation.documents)) writeNew(join(folder, name), text)
  syncPath(join(folder, 'intermediate'))
  syncPath(folder)
}

/** The texts of a generation, by file name. Pure. */
export function generationDocuments(
  texts: { readonly manifest: string; readonly runState: string; readonly bundle: string },
  record: GenerationRecord,
): Readonly<Record<string, string>> {
  return {
    'manifest.json': texts.manifest,
    'run_state.json': texts.runState,
    'generation.json': prettyJson(record),
    'bundle.digest': `${texts.bundle}\n`,
  }
}

function pointCurrentAt(store: Store, generation: number): void {
  const current = join(store.target, 'current')
  const aside = besides(current)
  guarded('switch', current, () => {
    symlinkSync(`generations/${generation}`, aside)
    // Commit point. A rename replaces the link itself; readers see the old generation or the new one.
    renameSync(aside, current)
  })
  syncPath(store.target)
}

function refusal(unmet: readonly Requirement[]): RuntimeFailure {
  const missing = unmet.find((r) => r.kind === 'generation' || r.kind === 'snapshot')
  if (missing?.kind === 'generation')
    return new RuntimeFailure(
      'STATE_NOT_FOUND',
      `there is no generation ${missing.generation}`,
      { unmet },
      { hints: ["'seeknal history' lists those that are kept."] },
    )
  if (missing?.kind === 'snapshot')
    return new RuntimeFailure(
      'STATE_NOT_FOUND',
      `the stored output of ${missing.node} is missing`,
      { unmet },
      { hints: ['Run it again; what is missing is executed.'] },
    )
  const nodes = unmet.flatMap((r) => (r.kind === 'base' ? [r.node] : []))
  const what =
    nodes.length > 0
      ? `production moved: ${nodes.join(', ')} ${nodes.length === 1 ? 'is' : 'are'} not what this was made on`
      : 'production moved in between'
  return new RuntimeFailure(
    'STATE_MOVED',
    what,
    { unmet, nodes },
    { hints: ['Plan and apply again; what is still right is not executed again.'] },
  )
}
