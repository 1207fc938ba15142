// A run's own folder below target/tmp: outputs that are being written, spilled data, the generation that is being put
// together. It goes with the run; what a killed run left is removed by the next.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { RuntimeFailure } from '../contract/failures.ts'
import { kindAt, makeFolder, readIfThere, removeTree, writeAtomic } from '../store/files.ts'
import { onLeaving } from '../store/leaving.ts'
import { isGone, type ProcessIdentity, thisProcess } from '../store/process.ts'
import { folderIn, pathIn, type Store } from '../store/store.ts'

export interface Scratch {
  readonly folder: string
  readonly outputs: string
  /** Rows of databases, until they are in an output. */
  readonly extracts: string
  readonly spill: string
  remove(): void
}

export function makeScratch(store: Store, runId: string): Scratch {
  folderIn(store, 'tmp')
  const folder = pathIn(store, 'tmp', `run-${runId}-${process.pid}`)
  removeTree(folder)
  const [outputs, extracts, spill] = [join(folder, 'outputs'), join(folder, 'extracts'), join(folder, 'spill')]
  for (const part of [outputs, extracts, spill]) makeFolder(part)
  writeAtomic(join(folder, 'owner.json'), JSON.stringify(thisProcess()), false)
  const forget = onLeaving(() => removeTree(folder))
  const remove = (): void => {
    forget()
    removeLater(folder)
  }
  return { folder, outputs, extracts, spill, remove }
}

/** What cannot be removed now (the disk became read-only) must not hide why the run ended; the next run sweeps it. */
function removeLater(folder: string): void {
  try {
    removeTree(folder)
  } catch (error) {
    if (!(error instanceof RuntimeFailure)) throw error
  }
}

/** Removes folders of runs whose process is gone. */
export function sweepScratch(store: Store): void {
  for (const folder of abandonedScratch(store)) removeTree(folder)
}

/** Folders of runs whose process is gone. */
export function abandonedScratch(store: Store): string[] {
  const folder = pathIn(store, 'tmp')
  if (kindAt(folder) !== 'folder') return []
  return readdirSync(folder)
    .filter((name) => /^run-[A-Za-z0-9_.-]+$/.test(name))
    .map((name) => join(folder, name))
    .filter(isAbandoned)
}

function isAbandoned(folder: string): boolean {
  const text = readIfThere(join(folder, 'owner.json'))
  if (text === null) return true
  try {
    return isGone(JSON.parse(text) as ProcessIdentity)
  } catch {
    return true
  }
}
