// target/ of a project whose state is in a ledger: a copy of its documents, made to say what the ledger says. What is only
// here goes. Whoever reads target/ afterwards sees one moment of the ledger. Reports STATE_INVALID, STATE_IO.

import { existsSync, readdirSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { isBundlePath } from '../bundle/verify.ts'
import { prettyJson, sha256 } from '../contract/canonical-json.ts'
import { RuntimeFailure } from '../contract/failures.ts'
import { type EnvironmentName, environmentName } from '../contract/ids.ts'
import { ENVIRONMENT_FILES, type LedgerGeneration, type LedgerReader, type LedgerState } from '../contract/ledger.ts'
import { besides, guarded, kindAt, makeFolder, readIfThere, removeTree, writeAtomic } from './files.ts'
import { currentGeneration, generationFolder, generationNumbers } from './generations.ts'
import { environmentPlace, folderIn, pathIn, type Store } from './store.ts'
import { TARGETS_FILE } from './target-writes.ts'

const MARK = 'ledger.json'

/** Where the ledger of which target/ is a copy is; null: the state is target/ itself. */
export const ledgerMark = (store: Store): string | null => readIfThere(join(store.target, MARK))

/** For an engine whose state is target/ itself. Throws STATE_INVALID when it is a copy of a ledger. */
export function requireOwnState(store: Store): void {
  if (ledgerMark(store) === null) return
  throw new RuntimeFailure(
    'STATE_INVALID',
    'target/ is a copy of the state that another engine keeps in its database',
    { path: store.target },
    { hints: ['Move target/ away: this engine keeps its own state there.'] },
  )
}

/** `place` stands for the database and the project. */
export async function refreshCache(store: Store, place: string, reader: LedgerReader): Promise<void> {
  requireCopy(store, place)
  const state = await reader.state()
  await refreshGenerations(store, state, reader)
  pointCurrent(store, state.current)
  refreshLog(store, state)
  await refreshEnvironments(store, state, reader)
  refreshTargets(store, state)
}

function requireCopy(store: Store, place: string): void {
  const mark = ledgerMark(store)
  if (mark === place) return
  const hasState =
    mark === null && (generationNumbers(store).length > 0 || kindAt(join(store.target, 'environments')) !== 'absent')
  if (hasState)
    throw new RuntimeFailure(
      'STATE_INVALID',
      'target/ holds the state of another engine, and this one keeps it in its database',
      { path: store.target },
      { hints: ['Move target/ away: what is in it is not looked at by this engine.'] },
    )
  for (const folder of ['generations', 'environments', 'bundles', 'index'] as const)
    removeTree(join(store.target, folder))
  rmSync(join(store.target, 'current'), { force: true })
  makeFolder(store.target)
  writeAtomic(join(store.target, MARK), place)
}

async function refreshGenerations(store: Store, state: LedgerState, reader: LedgerReader): Promise<void> {
  const present = generationNumbers(store)
  for (const number of present) if (!state.generations.has(number)) removeTree(generationFolder(store, number))
  const missing = [...state.generations].flatMap(([number, digest]) => {
    const record = readIfThere(join(generationFolder(store, number), 'generation.json'))
    return record !== null && sha256(record) === digest ? [] : [number]
  })
  for (const generation of await reader.generations(missing)) placeGeneration(store, generation)
}

/** It appears whole. */
function placeGeneration(store: Store, { number, manifest, run_state, record, bundle }: LedgerGeneration): void {
  folderIn(store, 'generations')
  const folder = generationFolder(store, number)
  const made = besides(folder)
  removeTree(made)
  makeFolder(made)
  const texts = {
    'manifest.json': manifest,
    'run_state.json': run_state,
    'generation.json': record,
    'bundle.digest': `${bundle}\n`,
  }
  for (const [name, text] of Object.entries(texts)) writeAtomic(join(made, name), text, false)
  removeTree(folder)
  guarded('place', folder, () => renameSync(made, folder))
}

function pointCurrent(store: Store, number: number | null): void {
  const current = join(store.target, 'current')
  if (number === null) rmSync(current, { force: true })
  else if (currentGeneration(store) !== number)
    guarded('switch', current, () => {
      const aside = besides(current)
      symlinkSync(`generations/${number}`, aside)
      renameSync(aside, current)
    })
}

function refreshLog(store: Store, { switches }: LedgerState): void {
  folderIn(store, 'journal')
  const path = pathIn(store, 'journal', 'production.jsonl')
  const text = switches.map((entry) => `${JSON.stringify(entry)}\n`).join('')
  if (readIfThere(path) !== text && (text !== '' || existsSync(path))) writeAtomic(path, text, false)
}

async function refreshEnvironments(store: Store, { environments }: LedgerState, reader: LedgerReader): Promise<void> {
  const folder = folderIn(store, 'environments')
  for (const name of readdirSync(folder)) if (!environments.has(name)) removeTree(join(folder, name))
  for (const [name, documents] of environments) {
    const environment = environmentName(name)
    if (environment !== undefined) refreshEnvironment(store, environment, documents)
  }
  await refreshBundles(store, environments, reader)
}

function refreshEnvironment(
  store: Store,
  environment: EnvironmentName,
  documents: Readonly<Record<string, string>>,
): void {
  const folder = environmentPlace(store, environment)
  for (const file of ENVIRONMENT_FILES) {
    const [path, text] = [join(folder, file), documents[file]]
    if (text === undefined) rmSync(path, { force: true })
    else if (readIfThere(path) !== text) {
      makeFolder(dirname(path))
      writeAtomic(path, text, false)
    }
  }
}

/** Of production, and of environments. */
function refreshTargets(store: Store, { environments, targets }: LedgerState): void {
  for (const name of ['', ...environments.keys()]) {
    const environment = environmentName(name)
    if (name !== '' && environment === undefined) continue
    const folder = environment === undefined ? store.target : environmentPlace(store, environment)
    const [path, writes] = [join(folder, TARGETS_FILE), targets.get(name)]
    if (writes === undefined) rmSync(path, { force: true })
    else if (readIfThere(path) !== prettyJson(writes)) writeAtomic(path, prettyJson(writes), false)
  }
}

/** Bundles of plans, and of what is applied. */
async function refreshBundles(
  store: Store,
  environments: LedgerState['environments'],
  reader: LedgerReader,
): Promise<void> {
  const bundleOf = (text: string | undefined): string | null =>
    text === undefined ? null : (/"bundle": "([0-9a-f]{64})"/.exec(text)?.[1] ?? null)
  const planned = [...environments].flatMap(([name, documents]) => {
    const digest = bundleOf(documents['plan.json'])
    return digest === null ? [] : [{ folder: join(pathIn(store, 'environments', name), 'bundle'), digest }]
  })
  const applied = [...environments.values()].flatMap((documents) => {
    const digest = bundleOf(documents['run_state.json'])
    return digest === null ? [] : [{ folder: pathIn(store, 'bundles', digest), digest }]
  })
  const missing = [...planned, ...applied].filter(
    ({ folder, digest }) => !(readIfThere(join(folder, 'bundle.json')) ?? '').includes(`"digest": "${digest}"`),
  )
  const found = await reader.bundles([...new Set(missing.map(({ digest }) => digest))])
  for (const { folder, digest } of missing) {
    const files = found.get(digest)
    if (files !== undefined) placeFiles(folder, files)
  }
}

function placeFiles(folder: string, files: ReadonlyMap<string, string>): void {
  const made = besides(folder)
  removeTree(made)
  for (const [path, text] of files) {
    if (!isBundlePath(path)) continue
    makeFolder(dirname(join(made, path)))
    writeAtomic(join(made, path), text, false)
  }
  removeTree(folder)
  makeFolder(dirname(folder))
  guarded('place', folder, () => renameSync(made, folder))
}
