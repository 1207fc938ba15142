// Production's generations, newest first, and whether their chain holds: each names the one before it by digest, the
// bundle that made it, and the digests of its own files. Reports STATE_INVALID; what does not hold is data.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { sha256 } from './contract/canonical-json.ts'
import { messageOf } from './contract/failures.ts'
import { asNodeId, outputStem } from './contract/ids.ts'
import type { GenerationRecord } from './contract/state.ts'
import { open } from './open.ts'
import { readIfThere } from './store/files.ts'
import {
  currentGeneration,
  generationFolder,
  generationNumbers,
  readGeneration,
  readRecord,
  switches,
} from './store/generations.ts'
import { digestFile, isOf } from './store/snapshots.ts'
import { openStore, pathIn, type Store } from './store/store.ts'

export interface HistoryEntry {
  readonly record: GenerationRecord
  readonly isCurrent: boolean
  /** When production became this generation, oldest first; more than once after going back. */
  readonly switches: readonly { readonly at: string; readonly kind: 'run' | 'promote' | 'rollback' | 'found' }[]
}

/** Numbers of generations whose generation.json is missing or damaged, newest first: nothing more is known of them. */
export function damagedGenerations(projectDir: string): number[] {
  const store = openStore(projectDir)
  return generationNumbers(store)
    .reverse()
    .filter((number) => readRecord(store, number) === null)
}

/** Generations that are kept, newest first. */
export function history(projectDir: string): HistoryEntry[] {
  const store = openStore(projectDir)
  const current = currentGeneration(store)
  const log = switches(store)
  return generationNumbers(store)
    .reverse()
    .flatMap((number) => {
      const found = readRecord(store, number)
      const made = log.filter((entry) => entry.to === number).map(({ at, kind }) => ({ at, kind }))
      return found === null ? [] : [{ record: found.record, isCurrent: number === current, switches: made }]
    })
}

export interface HistoryProblem {
  readonly generation: number
  readonly problem: string
}

/** Everything that does not fit, oldest generation first; empty when history holds from end to end. Reads every output. */
export async function verifyHistory(projectDir: string): Promise<HistoryProblem[]> {
  const store = openStore(projectDir)
  const problems: HistoryProblem[] = []
  for (const number of generationNumbers(store)) {
    for (const problem of await problemsOf(store, number)) problems.push({ generation: number, problem })
  }
  return problems
}

async function problemsOf(store: Store, number: number): Promise<string[]> {
  const folder = generationFolder(store, number)
  const found = readRecord(store, number)
  if (found === null) return ['generation.json is missing or damaged']
  const { record } = found
  const documents = (['manifest', 'run_state'] as const).filter(
    (name) => sha256(readIfThere(join(folder, `${name}.json`)) ?? '') !== record[name],
  )
  if (documents.length > 0) return documents.map((name) => `${name}.json was changed`)
  return [
    ...chainProblems(store, record, folder),
    ...(await bundleProblems(store, record)),
    ...(await outputProblems(store, number, folder)),
  ]
}

function chainProblems(store: Store, record: GenerationRecord, folder: string): string[] {
  const problems: string[] = []
  if (readIfThere(join(folder, 'bundle.digest'))?.trim() !== record.bundle)
    problems.push('bundle.digest is not the bundle that made it')
  const parent =
    record.parent === null
      ? null
      : generationNumbers(store).includes(record.parent)
        ? readRecord(store, record.parent)
        : null
  if (parent !== null && parent.digest !== record.parent_record)
    problems.push(`generation ${record.parent} is not the one that it was made on`)
  return problems
}

async function bundleProblems(store: Store, record: GenerationRecord): Promise<string[]> {
  const folder = pathIn(store, 'bundles', record.bundle)
  if (!existsSync(folder)) return [`the bundle ${record.bundle.slice(0, 12)} that made it is gone`]
  try {
    await open(folder)
    return []
  } catch (error) {
    return [`the bundle that made it: ${messageOf(error)}`]
  }
}

async function outputProblems(store: Store, number: number, folder: string): Promise<string[]> {
  const problems: string[] = []
  for (const [id, state] of Object.entries(readGeneration(store, number).state.nodes)) {
    const file = join(folder, 'intermediate', `${outputStem(asNodeId(id))}.parquet`)
    if (!existsSync(file)) problems.push(`the output of ${id} is missing`)
    else if (!isOf(store, state.snapshot, (await digestFile(file)).sha256))
      problems.push(`the output of ${id} was changed`)
  }
  return problems
}
