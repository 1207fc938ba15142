// Production: generations/<n> are complete states, target/current names the one that counts. A reader asks for it once
// and sees one generation. Switching is in promote.ts. Reports STATE_INVALID, STATE_NOT_FOUND.

import { readdirSync, readlinkSync, renameSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { Static, TSchema } from 'typebox'
import { prettyJson, sha256 } from '../contract/canonical-json.ts'
import { RuntimeFailure } from '../contract/failures.ts'
import type { Fingerprint } from '../contract/ids.ts'
import { Manifest } from '../contract/manifest.ts'
import { once } from '../contract/once.ts'
import { misfits, parseDocument } from '../contract/schema.ts'
import { GenerationRecord, RunState, SwitchEntry } from '../contract/state.ts'
import { appendLine, readLines } from '../journal.ts'
import { errno, guarded, ioFailure, kindAt, readIfThere, removeTree, sweepBesides } from './files.ts'
import { folderIn, inProject, pathIn, requirePlainFolder, type Store, unlessDamaged } from './store.ts'

/** A generation, read. */
export interface Generation {
  readonly number: number
  /** Absolute; outputs are in `intermediate/` below it. */
  readonly folder: string
  readonly manifest: Manifest
  readonly state: RunState
  readonly manifestText: string
  /** Whether the text of the manifest is known to be what `prettyJson` gives. */
  readonly isPretty: boolean
  /** Its SHA-256: what a bundle's `base` names. */
  readonly manifestDigest: Fingerprint
}

/** Texts of generations that were read and checked before, by the build that asks now: by SHA-256, whether one of a manifest is pretty. */
export interface KnownForms {
  get(digest: Fingerprint): boolean | undefined
  set(digest: Fingerprint, isPretty: boolean): void
}

const NO_FORMS: KnownForms = { get: () => undefined, set: () => undefined }

/** Number of the generation that production is, or null when there is no production yet. */
export function currentGeneration(store: Store): number | null {
  const link = join(store.target, 'current')
  try {
    const match = /^generations\/([1-9]\d{0,8})$/.exec(readlinkSync(link))
    if (match !== null) return Number(match[1])
  } catch (error) {
    if (errno(error) === 'ENOENT') return null
    if (errno(error) !== 'EINVAL') throw ioFailure(error, 'read', link)
  }
  throw new RuntimeFailure(
    'STATE_INVALID',
    `${link} is no link to generations/<number>`,
    { path: link },
    { hints: ['Move target/ away and run again, or point the link at a generation.'] },
  )
}

/** Production as it is now, or null. Throws STATE_INVALID when it is damaged. */
export function readProduction(store: Store, forms: KnownForms = NO_FORMS): Generation | null {
  const number = currentGeneration(store)
  if (number === null) return null
  return unlessDamaged(
    () => readGeneration(store, number, forms),
    (damage) => {
      const whole = wholeBefore(store, number)
      const back = whole === null ? [] : [`Go back to what is whole: 'seeknal rollback --to ${whole}'.`]
      const hints = [...back, "Or make all of production anew: 'seeknal run --full'."]
      throw new RuntimeFailure('STATE_INVALID', `production is damaged: ${damage.message}`, damage.facts, {
        cause: damage,
        hints,
      })
    },
  )
}

/** Production for a run that makes all of it anew: one that is damaged counts as one without outputs. */
export function readProductionToReplace(store: Store): Generation | null {
  return unlessDamaged(
    () => readProduction(store),
    () => {
      const number = currentGeneration(store)
      return number === null ? null : { ...NO_OUTPUTS, number, folder: generationFolder(store, number) }
    },
  )
}

const NO_OUTPUTS: Pick<Generation, 'manifest' | 'state' | 'manifestText' | 'isPretty' | 'manifestDigest'> = {
  manifest: {
    format: 'seeknal.manifest/1',
    project: { name: '', version: '' },
    engine: '',
    dialect: '',
    settings: {},
    nodes: [],
  },
  state: {
    format: 'seeknal.run_state/1',
    generation: null,
    environment: null,
    bundle: '0'.repeat(64),
    run_id: '',
    run_timestamp: '',
    engine: '',
    nodes: {},
  },
  manifestText: '',
  isPretty: false,
  manifestDigest: sha256(''),
}

/** The newest generation before this one that can be read, or else the newest of all others; null: there is none. */
export function wholeBefore(store: Store, number: number): number | null {
  const others = generationNumbers(store).reverse()
  const isWhole = (other: number) =>
    unlessDamaged(
      () => readGeneration(store, other),
      () => null,
    ) !== null
  const [before, after] = [others.filter((other) => other < number), others.filter((other) => other > number)]
  return [...before, ...after].find(isWhole) ?? null
}

/** Throws STATE_NOT_FOUND when there is no such generation, STATE_INVALID when it cannot be read. */
export function readGeneration(store: Store, number: number, forms: KnownForms = NO_FORMS): Generation {
  const folder = generationFolder(store, number)
  if (kindAt(folder) === 'absent') {
    throw new RuntimeFailure(
      'STATE_NOT_FOUND',
      `there is no generation ${number}`,
      { generation: number, present: generationNumbers(store) },
      { hints: ["'seeknal history' lists those that are kept."] },
    )
  }
  const text = (name: string): string => {
    const path = inProject(store, join(folder, name))
    const found = readIfThere(join(folder, name))
    if (found === null) throw new RuntimeFailure('STATE_INVALID', `${path} is missing`, { file: path })
    return found
  }
  const version = versionOf(folder)
  const known = last?.version === version ? last.generation.deref() : undefined
  if (known !== undefined) return known
  const read = <S extends TSchema>(schema: S, name: string) =>
    documentOf(schema, text(name), inProject(store, join(folder, name)), forms)
  const manifest = read(Manifest, 'manifest.json')
  const state = read(RunState, 'run_state.json')
  const generation: Generation = {
    number,
    folder,
    get manifest() {
      return manifest.value()
    },
    get state() {
      return state.value()
    },
    manifestText: manifest.text,
    isPretty: manifest.isPretty,
    manifestDigest: manifest.digest,
  }
  last = { version, generation: new WeakRef(generation) }
  return generation
}

interface GenerationDocument<T> {
  readonly text: string
  readonly digest: Fingerprint
  readonly isPretty: boolean
  readonly value: () => T
}

/**
 * A document of a generation. One that this build has read before has the form that it should have, and is parsed when it is
 * asked for: there are megabytes of it. Throws STATE_INVALID when another one has not.
 */
function documentOf<S extends TSchema>(
  schema: S,
  text: string,
  path: string,
  forms: KnownForms,
): GenerationDocument<Static<S>> {
  const digest = sha256(text)
  const known = forms.get(digest)
  if (known !== undefined) return { text, digest, isPretty: known, value: once((): Static<S> => JSON.parse(text)) }
  const value = parseDocument(schema, text, path, 'STATE_INVALID')
  const isPretty = forms !== NO_FORMS && path.endsWith('manifest.json') && prettyJson(value) === text
  forms.set(digest, isPretty)
  return { text, digest, isPretty, value: () => value }
}

/** Outputs in the text of a run_state.json; none when it is damaged. */
export const statesIn = (text: string): RunState['nodes'] =>
  unlessDamaged(
    () => parseDocument(RunState, text, 'run_state.json', 'STATE_INVALID').nodes,
    () => ({}),
  )

/** What was read last: a command asks for production again and again, and a generation never changes. */
let last: { readonly version: string; readonly generation: WeakRef<Generation> } | undefined

/** The documents of a generation as the file system has them; another when somebody touched them all the same. */
function versionOf(folder: string): string {
  const versions = ['manifest.json', 'run_state.json'].map((name) => {
    const path = join(folder, name)
    const found = guarded('look at', path, () => statSync(path, { bigint: true, throwIfNoEntry: false }))
    return found === undefined ? 'absent' : [found.dev, found.ino, found.size, found.mtimeNs, found.ctimeNs].join(':')
  })
  return [folder, ...versions].join(' ')
}

export function generationFolder(store: Store, number: number): string {
  const folder = pathIn(store, 'generations', String(number))
  requirePlainFolder(folder)
  return folder
}

/** Ascending. Complete ones and those that a killed run placed without switching to them. */
export function generationNumbers(store: Store): number[] {
  try {
    return readdirSync(join(store.target, 'generations'))
      .filter((name) => /^[1-9]\d*$/.test(name))
      .map(Number)
      .sort((a, b) => a - b)
  } catch (error) {
    if (errno(error) === 'ENOENT') return []
    throw ioFailure(error, 'list', join(store.target, 'generations'))
  }
}

/** generation.json with its text's digest, or null when it is missing or damaged. */
export function readRecord(
  store: Store,
  number: number,
): { readonly record: GenerationRecord; readonly digest: Fingerprint } | null {
  const text = readIfThere(join(generationFolder(store, number), 'generation.json'))
  if (text === null) return null
  const path = `target/generations/${number}/generation.json`
  const parsed = () => parseDocument(GenerationRecord, text, path, 'STATE_INVALID')
  return unlessDamaged(
    () => ({ record: parsed(), digest: sha256(text) }),
    () => null,
  )
}

/** Whether what was compiled against this manifest (by digest; null: none) took over nothing but the compiler's own words. */
export const isProvenBase = (store: Store, manifest: string | null): boolean =>
  manifest === null ||
  generationNumbers(store).some(
    (number) =>
      readRecord(store, number)?.record.manifest === manifest &&
      unlessDamaged(
        () => readGeneration(store, number).state.unproven !== true,
        () => false,
      ),
  )

/** The manifest of the newest generation whose fingerprints are all the compiler's own words; null: none is kept. */
export function lastProven(store: Store): Manifest | null {
  for (const number of generationNumbers(store).reverse()) {
    const found = unlessDamaged(
      () => readGeneration(store, number),
      () => null,
    )
    if (found !== null && found.state.unproven !== true) return found.manifest
  }
  return null
}

const logPath = (store: Store): string => pathIn(store, 'journal', 'production.jsonl')

/** Every switch of production, oldest first. */
export const switches = (store: Store): SwitchEntry[] =>
  readLines(logPath(store)).flatMap((line) => (misfits(SwitchEntry, line).length === 0 ? [line as SwitchEntry] : []))

export function recordSwitch(store: Store, entry: SwitchEntry): void {
  folderIn(store, 'journal')
  appendLine(logPath(store), entry)
}

/**
 * For a writer that holds production's lock: notes a switch that was made but not recorded (by a script, or by a run
 * that was killed just after), and removes what a killed run made without switching to it.
 */
export function settleProduction(store: Store): void {
  const current = currentGeneration(store)
  if (current !== null && !isLogWhole(store)) noteGenerations(store, current)
  const log = switches(store)
  const last = log.at(-1)?.to ?? null
  if (current !== null && last !== current) {
    recordSwitch(store, {
      at: new Date().toISOString(),
      kind: 'found',
      from: last,
      to: current,
      run_id: readRecord(store, current)?.record.run_id ?? '',
    })
  }
  sweepBesides(store.target)
  const used = new Set([...log.map((entry) => entry.to), current])
  for (const number of generationNumbers(store)) if (!used.has(number)) removeTree(generationFolder(store, number))
}

/** False when the log is missing, or when a line of it cannot be read: it does not name every generation then. */
const isLogWhole = (store: Store): boolean => {
  const lines =
    readIfThere(logPath(store))
      ?.split('\n')
      .filter((line) => line !== '') ?? []
  return lines.length > 0 && lines.length === switches(store).length
}

/** Whatever may have been production once stays: nobody can tell any more which generation a killed run has left. */
function noteGenerations(store: Store, current: number): void {
  const known = new Set(switches(store).map((entry) => entry.to))
  for (const to of generationNumbers(store)) {
    const run_id = readRecord(store, to)?.record.run_id ?? ''
    if (to !== current && !known.has(to))
      recordSwitch(store, { at: new Date().toISOString(), kind: 'found', from: null, to, run_id })
  }
}

/** target/{manifest.json,run_state.json,intermediate} lead into the current generation. What another tool left there is moved aside. */
export function makeEntryLinks(store: Store): void {
  for (const name of ['manifest.json', 'run_state.json', 'intermediate']) {
    const path = join(store.target, name)
    const kind = kindAt(path)
    if (kind === 'link') continue
    guarded('make the link', path, () => {
      if (kind !== 'absent') {
        let number = 1
        while (kindAt(`${path}.before-${number}`) !== 'absent') number += 1
        renameSync(path, `${path}.before-${number}`)
      }
      symlinkSync(`current/${name}`, path)
    })
  }
}

/** A number that no generation has or had. */
export const nextGeneration = (store: Store): number =>
  Math.max(0, ...generationNumbers(store), ...switches(store).map((entry) => entry.to)) + 1
