// One writer at a time for production and for each environment: locks/<name>.lock names its holder. It appears whole
// (written aside, then linked); it is taken over only when the holder is proven gone, by one process at a time, which
// holds a lock on taking over. Reports STATE_LOCKED.

import { randomUUID } from 'node:crypto'
import { linkSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import Type, { type Static } from 'typebox'
import { RuntimeFailure } from '../contract/failures.ts'
import { misfits } from '../contract/schema.ts'
import { besides, errno, guarded, ioFailure, readIfThere, removeTree } from './files.ts'
import { onLeaving } from './leaving.ts'
import { isGone, thisProcess } from './process.ts'
import { folderIn, pathIn, type Store } from './store.ts'

const Holder = Type.Object({
  id: Type.String(),
  pid: Type.Number(),
  start: Type.Union([Type.String(), Type.Null()]),
  host: Type.String(),
  boot: Type.Union([Type.String(), Type.Null()]),
  space: Type.Union([Type.String(), Type.Null()]),
  command: Type.String(),
  since: Type.String(),
})
/** Contents of a lock file. */
export type Holder = Static<typeof Holder>

export interface Lock {
  readonly name: string
  release(): void
}

export interface LockOptions {
  /** What the holder is doing, for whoever is refused: `seeknal run`. */
  readonly command: string
  /** Default 0: refuse at once. */
  readonly timeoutMs?: number
}

/** `production`, `environment-<name>`, `clean`, or `refresh`: target/ is made to say what a ledger says. */
export type LockName = 'production' | 'clean' | 'refresh' | `environment-${string}`

const RETRY_MS = 100
const OUTDATED_HOLDER = 'a lock file that cannot be read'

const lockPath = (store: Store, name: string): string => pathIn(store, 'locks', `${name}.lock`)

/** Takes the lock. Throws RuntimeFailure STATE_LOCKED (facts: lock, holder) when another process keeps it for longer than the timeout. */
export async function acquireLock(store: Store, name: LockName, options: LockOptions): Promise<Lock> {
  folderIn(store, 'locks')
  const deadline = Date.now() + (options.timeoutMs ?? 0)
  for (;;) {
    const taken = take(lockPath(store, name), options.command)
    if (typeof taken === 'string') return held(name, lockPath(store, name), taken)
    if (Date.now() >= deadline) throw refused(name, taken)
    await new Promise((resume) => setTimeout(resume, Math.min(RETRY_MS, Math.max(1, deadline - Date.now()))))
  }
}

function held(name: LockName, path: string, id: string): Lock {
  const forget = onLeaving(() => releaseLock(path, id))
  return {
    name,
    release: () => {
      forget()
      releaseLock(path, id)
    },
  }
}

/**
 * A lock for writing outputs: also refused while the store is being cleaned. Both sides take their own lock before they
 * look for the other's, so at least one of two sees the other.
 */
export async function acquireWriter(store: Store, name: LockName, options: LockOptions): Promise<Lock> {
  const deadline = Date.now() + (options.timeoutMs ?? 0)
  for (;;) {
    const lock = await acquireLock(store, name, { ...options, timeoutMs: Math.max(0, deadline - Date.now()) })
    const cleaner = lockHolder(store, 'clean')
    if (cleaner === null || isGone(cleaner)) return lock
    lock.release()
    if (Date.now() >= deadline) throw refused('clean', cleaner)
    await new Promise((resume) => setTimeout(resume, RETRY_MS))
  }
}

/** The id under which the lock is held now, or who holds it. */
function take(path: string, command: string, depth = 0): string | Holder {
  const mine: Holder = { id: randomUUID(), ...thisProcess(), command, since: new Date().toISOString() }
  const staged = besides(path)
  try {
    writeFileSync(staged, `${JSON.stringify(mine)}\n`, { flag: 'wx' })
    for (;;) {
      if (linked(staged, path)) return mine.id
      const holder = readHolder(path)
      if (holder === null) continue
      if (!isGone(holder) || depth > 8) return holder
      const claim = take(`${path}.takeover`, command, depth + 1)
      if (typeof claim !== 'string') return holder
      try {
        if (readHolder(path)?.id !== holder.id) continue
        renameSync(staged, path)
        return mine.id
      } finally {
        releaseLock(`${path}.takeover`, claim)
      }
    }
  } catch (error) {
    throw ioFailure(error, 'take the lock', path)
  } finally {
    removeTree(staged)
  }
}

function linked(staged: string, path: string): boolean {
  try {
    linkSync(staged, path)
    return true
  } catch (error) {
    if (errno(error) === 'EEXIST') return false
    throw error
  }
}

/** Null when nobody holds it. An unreadable file counts as held by a process that cannot be proven gone. */
function readHolder(path: string): Holder | null {
  const text = readIfThere(path)
  if (text === null) return null
  const foreign: Holder = {
    id: text,
    pid: 0,
    start: null,
    host: OUTDATED_HOLDER,
    boot: null,
    space: null,
    command: basename(path),
    since: '',
  }
  try {
    const value: unknown = JSON.parse(text)
    return misfits(Holder, value).length === 0 ? (value as Holder) : foreign
  } catch {
    return foreign
  }
}

/** Gives up a lock that is still held under this id. */
function releaseLock(path: string, id: string): void {
  if (readHolder(path)?.id === id) guarded('release the lock', path, () => rmSync(path, { force: true }))
}

function refused(name: string, holder: Holder): RuntimeFailure {
  const unlock = name.startsWith('environment-')
    ? `seeknal unlock ${name.slice('environment-'.length)} --force`
    : 'seeknal unlock --force'
  const what =
    name === 'production'
      ? 'production'
      : name === 'clean' || name === 'refresh'
        ? 'the store'
        : `environment '${name.slice('environment-'.length)}'`
  const message = `${what} is being written by '${holder.command}' (process ${holder.pid} on ${holder.host}, since ${holder.since})`
  const hints = ["Wait for it, or pass '--lock-timeout 60s'.", `If that process is gone for good, run '${unlock}'.`]
  return new RuntimeFailure('STATE_LOCKED', message, { lock: name, holder }, { hints })
}

/** Who holds the lock now, or null. */
export const lockHolder = (store: Store, name: LockName): Holder | null => readHolder(lockPath(store, name))

/** Whether another process, not proven gone, holds the lock now. */
export function isWrittenByOther(store: Store, name: LockName): boolean {
  const holder = lockHolder(store, name)
  if (holder === null || isGone(holder)) return false
  const { pid, host, space } = thisProcess()
  return holder.pid !== pid || holder.host !== host || holder.space !== space
}

/** Locks of writers that are held by a process not proven gone, by name. */
export function heldLocks(store: Store): { readonly name: string; readonly holder: Holder }[] {
  const folder = folderIn(store, 'locks')
  return readdirSync(folder)
    .filter((file) => file.endsWith('.lock') && !file.startsWith('.') && file !== 'refresh.lock')
    .flatMap((file) => {
      const holder = readHolder(pathIn(store, 'locks', file))
      return holder === null || isGone(holder) ? [] : [{ name: file.slice(0, -'.lock'.length), holder }]
    })
}

/** Removes a lock whoever holds it: for a holder on another machine that is known to be gone. Gives back who held it, or null. */
export function forceUnlock(store: Store, name: LockName): Holder | null {
  const path = lockPath(store, name)
  const holder = readHolder(path)
  removeTree(`${path}.takeover`)
  removeTree(path)
  return holder
}

/** For a command that must not run beside another: who refuses, as the failure to throw. */
export const lockedBy = refused
