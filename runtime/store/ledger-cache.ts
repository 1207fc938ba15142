// target/ of a project whose state is in a ledger: a copy of its documents, made to say what the ledger says. What is only
// here goes, but for outputs: where these are files, each machine has its own, and what is here of them is put in its place.
// Whoever reads target/ afterwards sees one moment of the ledger. Several processes may do so at once; what one of them is
// writing is left to it. Reports STATE_INVALID, STATE_IO.

import { existsSync, readdirSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { isBundlePath } from '../bundle/verify.ts'
import { prettyJson, sha256 } from '../contract/canonical-json.ts'
import { isDatabaseEngine } from '../contract/engines.ts'
import { RuntimeFailure } from '../contract/failures.ts'
import { type EnvironmentName, environmentName } from '../contract/ids.ts'
import { ENVIRONMENT_FILES, type LedgerGeneration, type LedgerReader, type LedgerState } from '../contract/ledger.ts'
import { readEnvState } from './environments.ts'
import { besides, errno, guarded, kindAt, makeFolder, readIfThere, removeTree, syncPath, writeAtomic } from './files.ts'
import {
  currentGeneration,
  generationFolder,
  generationNumbers,
  makeEntryLinks,
  readGeneration,
  statesIn,
} from './generations.ts'
import { acquireLock, isWrittenByOther } from './locks.ts'
import { linkOutputs } from './outputs-folder.ts'
import { environmentPlace, folderIn, pathIn, type Store, unlessDamaged } from './store.ts'
import { TARGETS_FILE } from './target-writes.ts'

const MARK = 'ledger.json'
/** At the end of the mark: outputs are files. */
const FILES = ' files'

/** Points of a refresh, each just after its effect: a test's hook may end the process there. */
export type CacheFaults = (point: 'placed' | 'switched') => void

export interface LedgerPlace {
  /** Stands for the database and the project. */
  readonly place: string
  /** Outputs are files below target/. */
  readonly inFiles: boolean
}

/** Where the ledger of which target/ is a copy is; null: the state is target/ itself. */
export const ledgerMark = (store: Store): string | null => readIfThere(join(store.target, MARK))

/** For a state that is target/ itself. Throws STATE_INVALID when it is a copy of a ledger. */
export function requireOwnState(store: Store): void {
  if (ledgerMark(store) === null) return
  throw new RuntimeFailure(
    'STATE_INVALID',
    'target/ is a copy of the state that a database keeps',
    { path: store.target },
    {
      hints: [
        "Where the state is, 'state_backend' or 'engine' says, in the profile or in the project.",
        'Or move target/ away: then the state is kept there.',
      ],
    },
  )
}

/** How long to wait for another process that refreshes. It may have been stopped: then this one goes on beside it. */
const REFRESH_TIMEOUT_MS = 10_000

/** One after the other, so that nobody brings back what another process has seen change. */
export async function refreshCache(
  store: Store,
  place: LedgerPlace,
  reader: LedgerReader,
  faults: CacheFaults = () => {},
): Promise<void> {
  requireCopy(store, place)
  const options = { command: 'refresh', timeoutMs: REFRESH_TIMEOUT_MS }
  const lock = await acquireLock(store, 'refresh', options).catch((error: unknown) => {
    if (error instanceof RuntimeFailure && error.code === 'STATE_LOCKED') return null
    throw error
  })
  try {
    await refreshAlone(store, place, reader, faults)
  } finally {
    lock?.release()
  }
}

async function refreshAlone(
  store: Store,
  { inFiles }: LedgerPlace,
  reader: LedgerReader,
  faults: CacheFaults,
): Promise<void> {
  const state = await reader.state()
  requireKind(state, inFiles)
  await refreshGenerations(store, state, reader, inFiles)
  faults('placed')
  pointCurrent(store, state.current)
  if (inFiles && state.current !== null) makeEntryLinks(store)
  faults('switched')
  refreshLog(store, state)
  await refreshEnvironments(store, state, reader, inFiles)
  if (!inFiles) refreshTargets(store, state)
  else if (!isWrittenByOther(store, 'production')) placeText(join(store.target, TARGETS_FILE), state.targetsText)
}

/** Null: there is none. */
function placeText(path: string, text: string | null): void {
  if (text === null) rmSync(path, { force: true })
  else if (readIfThere(path) !== text) {
    makeFolder(dirname(path))
    writeAtomic(path, text, false)
  }
}

function requireCopy(store: Store, { place, inFiles }: LedgerPlace): void {
  const mark = ledgerMark(store)
  const wanted = inFiles ? `${place}${FILES}` : place
  if (mark === wanted) return
  if (mark !== null && inFiles)
    throw new RuntimeFailure(
      'STATE_INVALID',
      'target/ is a copy of the state of another project, or in another database',
      { path: store.target },
      { hints: ["Correct the connection of 'state_backend', or move target/ away."] },
    )
  const hasState =
    mark === null && (generationNumbers(store).length > 0 || kindAt(join(store.target, 'environments')) !== 'absent')
  if (hasState && inFiles)
    throw new RuntimeFailure(
      'STATE_INVALID',
      'target/ holds the state itself, and from now on a database is to keep it',
      { path: store.target },
      {
        hints: [
          'Move target/current, target/generations and target/environments away. Outputs stay in target/snapshots: the next run takes them from there.',
        ],
      },
    )
  if (hasState)
    throw new RuntimeFailure(
      'STATE_INVALID',
      'target/ holds the state of another engine, and this one keeps it in its database',
      { path: store.target },
      { hints: ['Move target/ away: what is in it is not looked at by this engine.'] },
    )
  const copied = ['generations', 'environments', 'bundles', ...(inFiles ? [] : (['index'] as const))] as const
  for (const folder of copied) removeTree(join(store.target, folder))
  rmSync(join(store.target, 'current'), { force: true })
  makeFolder(store.target)
  writeAtomic(join(store.target, MARK), wanted)
}

/** Tables and files are not taken for each other. */
function requireKind({ engine: version }: LedgerState, inFiles: boolean): void {
  const [engine = ''] = (version ?? '').split(' ')
  if (version === null || isDatabaseEngine(engine) !== inFiles) return
  throw new RuntimeFailure(
    'STATE_INVALID',
    `the state in the database is of a project that the engine '${engine}' executes`,
    { engine },
    { hints: ["Give this project another name, or another connection below 'state_backend' or 'engine'."] },
  )
}

async function refreshGenerations(
  store: Store,
  state: LedgerState,
  reader: LedgerReader,
  inFiles: boolean,
): Promise<void> {
  const present = generationNumbers(store)
  for (const number of present) if (!state.generations.has(number)) removeTree(generationFolder(store, number))
  const missing = [...state.generations].flatMap(([number, digest]) =>
    isPlaced(store, number, digest) ? [] : [number],
  )
  for (const generation of await reader.generations(missing)) placeGeneration(store, generation, inFiles)
  const { current } = state
  if (!inFiles || current === null || missing.includes(current)) return
  // What was made again here since.
  const nodes = unlessDamaged(
    () => readGeneration(store, current).state.nodes,
    () => ({}),
  )
  linkOutputs(store, nodes, join(generationFolder(store, current), 'intermediate'))
}

const isPlaced = (store: Store, number: number, digest: string | undefined): boolean => {
  const record = readIfThere(join(generationFolder(store, number), 'generation.json'))
  return record !== null && sha256(record) === digest
}

/** It appears whole. */
function placeGeneration(store: Store, generation: LedgerGeneration, inFiles: boolean): void {
  const { number, manifest, run_state, record, bundle } = generation
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
  if (inFiles) linkOutputs(store, statesIn(run_state), join(made, 'intermediate'))
  syncPath(made)
  place(made, folder, () => isPlaced(store, number, sha256(record)))
}

/** Puts a folder in its place, unless another process was first. */
function place(made: string, folder: string, isThere: () => boolean): void {
  removeTree(folder)
  guarded('place', folder, () => {
    try {
      renameSync(made, folder)
    } catch (error) {
      if (!['ENOTEMPTY', 'EEXIST'].includes(errno(error)) || !isThere()) throw error
      removeTree(made)
    }
  })
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

async function refreshEnvironments(
  store: Store,
  { environments }: LedgerState,
  reader: LedgerReader,
  inFiles: boolean,
): Promise<void> {
  const folder = folderIn(store, 'environments')
  const isOurs = (name: string): boolean => !isWrittenByOther(store, `environment-${name}`)
  const written = new Map([...environments].filter(([name]) => isOurs(name)))
  for (const name of readdirSync(folder))
    if (!environments.has(name) && isOurs(name.replace(/^\.(.*)\.before$/, '$1'))) removeTree(join(folder, name))
  for (const [name, documents] of written) {
    const environment = environmentName(name)
    if (environment !== undefined) refreshEnvironment(store, environment, documents, inFiles)
  }
  await refreshBundles(store, written, reader)
}

function refreshEnvironment(
  store: Store,
  environment: EnvironmentName,
  documents: Readonly<Record<string, string>>,
  inFiles: boolean,
): void {
  const folder = environmentPlace(store, environment)
  const outputs = join(folder, 'intermediate')
  // Outputs are named by their nodes: those of an earlier state are taken for the new one's by nobody.
  if (inFiles && readIfThere(join(folder, 'run_state.json')) !== (documents['run_state.json'] ?? null))
    removeTree(outputs)
  for (const file of [...ENVIRONMENT_FILES, ...(inFiles ? [TARGETS_FILE] : [])])
    placeText(join(folder, file), documents[file] ?? null)
  if (!inFiles) return
  const state = unlessDamaged(
    () => readEnvState(store, environment),
    () => null,
  )
  if (state !== null) linkOutputs(store, state.nodes, outputs)
}

/** Of production, and of environments. */
function refreshTargets(store: Store, { environments, targets }: LedgerState): void {
  for (const name of ['', ...environments.keys()]) {
    const environment = environmentName(name)
    if (name !== '' && environment === undefined) continue
    const folder = environment === undefined ? store.target : environmentPlace(store, environment)
    const writes = targets.get(name)
    placeText(join(folder, TARGETS_FILE), writes === undefined ? null : prettyJson(writes))
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
  await placeBundles([...planned, ...applied], reader)
}

/** The bundles that made the generations that are kept, for whoever looks at them: no other command needs them here. */
export async function fetchBundles(store: Store, reader: LedgerReader): Promise<void> {
  const made = generationNumbers(store).flatMap((number) => {
    const digest = readIfThere(join(generationFolder(store, number), 'bundle.digest'))?.trim() ?? ''
    return /^[0-9a-f]{64}$/.test(digest) ? [{ folder: pathIn(store, 'bundles', digest), digest }] : []
  })
  await placeBundles(made, reader)
}

interface PlacedBundle {
  readonly folder: string
  readonly digest: string
}

async function placeBundles(wanted: readonly PlacedBundle[], reader: LedgerReader): Promise<void> {
  const isThere = ({ folder, digest }: PlacedBundle): boolean =>
    (readIfThere(join(folder, 'bundle.json')) ?? '').includes(`"digest": "${digest}"`)
  const missing = wanted.filter((one) => !isThere(one))
  const found = await reader.bundles([...new Set(missing.map(({ digest }) => digest))])
  for (const one of missing) {
    const files = found.get(one.digest)
    if (files !== undefined) placeFiles(one.folder, files, () => isThere(one))
  }
}

function placeFiles(folder: string, files: ReadonlyMap<string, string>, isThere: () => boolean): void {
  const made = besides(folder)
  removeTree(made)
  for (const [path, text] of files) {
    if (!isBundlePath(path)) continue
    makeFolder(dirname(join(made, path)))
    writeAtomic(join(made, path), text, false)
  }
  makeFolder(dirname(folder))
  place(made, folder, isThere)
}
