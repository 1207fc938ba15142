// Where Seeknal keeps what it writes: target/ of a project. Every path of it is made here or below this folder, and
// proven to be inside, through no link. Reports PROJECT_NOT_FOUND, STATE_INVALID, ENVIRONMENT_NAME.

import { readlinkSync, realpathSync } from 'node:fs'
import { basename, dirname, join, resolve, sep } from 'node:path'
import { Bug, RuntimeFailure } from '../contract/failures.ts'
import { type EnvironmentName, environmentName, type Fingerprint } from '../contract/ids.ts'
import { errno, ioFailure, kindAt, makeFolder } from './files.ts'

/** Folders directly below target/. */
export type StoreFolder =
  | 'generations'
  | 'snapshots'
  | 'index'
  | 'environments'
  | 'bundles'
  | 'journal'
  | 'locks'
  | 'tmp'
  | 'cache'

export interface Store {
  /** The project's folder, links resolved. */
  readonly project: string
  /** `<project>/target`; may not exist yet. */
  readonly target: string
}

/** Opens a project's store; makes nothing. Throws PROJECT_NOT_FOUND, or STATE_INVALID when target/ is no plain folder. */
export function openStore(projectDir: string): Store {
  const project = realProject(projectDir)
  const target = join(project, 'target')
  const kind = kindAt(target)
  if (kind !== 'absent' && kind !== 'folder') {
    const hints = ['Move it away; Seeknal makes target/ itself. To keep data on another disk, mount that disk there.']
    throw new RuntimeFailure('STATE_INVALID', `${target} is a ${kind}, not a folder`, { path: target }, { hints })
  }
  return { project, target }
}

function realProject(projectDir: string): string {
  try {
    return realpathSync(resolve(projectDir))
  } catch (error) {
    if (errno(error) === 'ENOENT')
      throw new RuntimeFailure(
        'PROJECT_NOT_FOUND',
        `there is no folder ${projectDir}`,
        { path: projectDir },
        { cause: error },
      )
    throw ioFailure(error, 'open', projectDir)
  }
}

/** What people write goes elsewhere: throws USAGE when `path` (absolute) would be in target/, also through a link. */
export function requireOutsideTarget({ target }: Store, path: string): void {
  let above = dirname(path)
  let below = basename(path)
  while (kindAt(above) === 'absent' && above !== dirname(above)) {
    below = join(basename(above), below)
    above = dirname(above)
  }
  if (!`${join(realProject(above), below)}${sep}`.startsWith(`${target}${sep}`)) return
  throw new RuntimeFailure(
    'USAGE',
    `'${path}' is in target/, which holds outputs and what Seeknal knows of them; nothing was written.`,
    { path },
    { hints: ['Name a file elsewhere.'] },
  )
}

/** A path below one of the folders of target/. `names` are single names, never paths. */
export function pathIn(store: Store, folder: StoreFolder, ...names: readonly string[]): string {
  for (const name of names)
    if (!/^[A-Za-z0-9_.-]+$/.test(name) || name === '.' || name === '..')
      throw new Bug(`'${name}' is no name for a file of the store`)
  return join(store.target, folder, ...names)
}

/** The same, made if missing; refused when it or the folder above it is a link or no folder. */
export function folderIn(store: Store, folder: StoreFolder, ...names: readonly string[]): string {
  const path = pathIn(store, folder, ...names)
  let above = store.target
  for (const part of [folder, ...names]) {
    above = join(above, part)
    requirePlainFolder(above)
  }
  makeFolder(path)
  return path
}

/** Throws STATE_INVALID when something that is no plain folder is at `path`. */
export function requirePlainFolder(path: string): void {
  const kind = kindAt(path)
  if (kind === 'absent' || kind === 'folder') return
  throw new RuntimeFailure(
    'STATE_INVALID',
    `${path} is a ${kind}, not a folder: nothing is read or written through it`,
    { path },
    { hints: ['Remove it, and run again.'] },
  )
}

export const snapshotPath = (store: Store, sha256: string): string => pathIn(store, 'snapshots', `${sha256}.parquet`)

export const indexPath = (store: Store, fingerprint: Fingerprint | string): string =>
  pathIn(store, 'index', `${fingerprint}.json`)

/** Where an environment is. The name is checked again, and the folder must not be a link. */
export function environmentPlace(store: Store, environment: EnvironmentName): string {
  if (environmentName(environment) === undefined)
    throw new RuntimeFailure('ENVIRONMENT_NAME', `'${environment}' is no name for an environment`, { environment })
  requirePlainFolder(join(store.target, 'environments'))
  const folder = pathIn(store, 'environments', environment)
  requirePlainFolder(folder)
  return folder
}

/** Where an environment waits while another folder takes its place. */
export const placeAside = (store: Store, environment: EnvironmentName): string =>
  pathIn(store, 'environments', `.${environment}.before`)

/** The folder of an environment as readers see it: the one aside while nothing is in its place. It may not exist. */
export function environmentFolder(store: Store, environment: EnvironmentName): string {
  const folder = environmentPlace(store, environment)
  const aside = placeAside(store, environment)
  return kindAt(folder) === 'absent' && kindAt(aside) === 'folder' ? aside : folder
}

/** `path` relative to the project, for messages and records. */
export const inProject = (store: Store, path: string): string =>
  path.startsWith(`${store.project}/`) ? path.slice(store.project.length + 1) : path

/** What `target/current` points to, relative to target/ (`generations/7`), or null when it is no link. */
export function currentLink(store: Store): string | null {
  try {
    return readlinkSync(join(store.target, 'current'))
  } catch {
    return null
  }
}

/** What `body` gives, or `otherwise` when a document of the store is damaged or missing. */
export function unlessDamaged<T, D>(body: () => T, otherwise: (damage: RuntimeFailure) => D): T | D {
  try {
    return body()
  } catch (error) {
    if (error instanceof RuntimeFailure && (error.code === 'STATE_INVALID' || error.code === 'STATE_NOT_FOUND'))
      return otherwise(error)
    throw error
  }
}
