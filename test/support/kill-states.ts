// What a command leaves below target/ when it is killed: what is on the disk at that moment, so that one run to the end shows
// it for each change, as a copy of the project. That a copy is what SIGKILL leaves is tried at one change of each command.

import { spawnSync } from 'node:child_process'
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import * as assert from 'uvu/assert'
import { copyOf } from './prepared.ts'
import { command } from './seeknal.ts'
import { tempFolder } from './temp.ts'

const program = pathToFileURL(fileURLToPath(new URL('../programs/kill-at.js', import.meta.url))).href

/** Runs the built command in a process of its own, watched by programs/kill-at.ts. */
function watched(folder: string, args: readonly string[], how: Readonly<Record<string, string>>) {
  const log = join(tempFolder('log'), 'changes.json')
  const env = { ...process.env, HOME: folder, KILL_PROJECT: folder, KILL_LOG: log, ...how }
  const child = spawnSync(process.execPath, ['--import', program, command, ...args], {
    cwd: folder,
    env,
    encoding: 'utf8',
  })
  const changes: string[] = existsSync(log) ? JSON.parse(readFileSync(log, 'utf8')) : []
  return { signal: child.signal, status: child.status, changes, all: child.stdout + child.stderr }
}

/** Runs the command, killed at its change `at` below target/; 0: to its end. */
export const killed = (folder: string, args: readonly string[], at: number) =>
  watched(folder, args, { KILL_AT: String(at) })

export interface KillState {
  /** The change that it was killed at. */
  readonly change: string
  /** A project that is as the killed command left it. */
  readonly folder: string
}

/**
 * The project after the command, and what it leaves when it is killed at one of the changes that `worth` takes, by their
 * numbers: none that match `passed`.
 */
export function killStates(
  project: string,
  args: readonly string[],
  passed: RegExp,
  worth: (changes: readonly string[]) => readonly number[],
): { readonly finished: string; readonly states: readonly KillState[] } {
  const [finished, copies] = [copyOf(project), tempFolder('killed')]
  const { status, changes, all } = watched(finished, args, { KILL_COPIES: copies, KILL_PASSED: passed.source })
  assert.is(status, 0, all)
  const points = worth(changes)
  const states = points.map((at) => ({ change: changes[at - 1] ?? '', folder: join(copies, String(at)) }))
  // Half of a text is not cut at the same place where a number in it has another length.
  const whole = points.filter((at) => !/^(append|write) /.test(changes[at - 1] ?? ''))
  requireKill(project, args, whole[Math.floor(whole.length / 2)] ?? 0, copies)
  return { finished, states }
}

/** Fails when a process that is killed leaves anything else than the copy. */
function requireKill(project: string, args: readonly string[], at: number, copies: string): void {
  const copy = copyOf(project)
  const what = `${args.join(' ')}, killed at ${at}`
  assert.is(killed(copy, args, at).signal, 'SIGKILL', what)
  requireAlike(copy, join(copies, String(at)), what)
}

/** Fails unless what a killed process left is what the copy holds. */
export function requireAlike(killed: string, copy: string, what: string): void {
  const [left, kept] = [likeness(killed), likeness(copy)]
  const differing = [...left.filter((line) => !kept.includes(line)), ...kept.filter((line) => !left.includes(line))]
  assert.equal(differing, [], `${what}, and its copy`)
}

/** Every file, folder and link below target/, without times, ids of runs and processes, and digests of what holds those. */
function likeness(folder: string): string[] {
  const plain = (text: string): string =>
    text.replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{6,}|\d+/g, '#')
  const target = join(folder, 'target')
  return readdirSync(target, { recursive: true, encoding: 'utf8' })
    .map((path) => {
      const full = join(target, path)
      const found = lstatSync(full)
      if (found.isSymbolicLink()) return plain(`${path} → ${readlinkSync(full)}`)
      if (!found.isFile()) return plain(`${path}/`)
      return plain(`${path} (${found.nlink} names): `) + plain(readFileSync(full, 'latin1'))
    })
    .sort()
}
