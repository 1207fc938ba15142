// The folder of a test run, in which all is that its processes write outside of the repository. It is gone when the run ends.
// A run that was killed leaves it; the next run takes it away, when the process that made it is gone for certain: it names
// itself, by the start of the machine, the numbering of processes, its number and its own start, as only Linux tells them.

import {
  chmodSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'

const OWNER = 'owner'

/** Makes it below `root`. PostgreSQL, which runs as another user when the tests run as root, may go through it. */
export function newRunFolder(root: string): string {
  const folder = mkdtempSync(join(root, 'seeknal-'))
  chmodSync(folder, 0o711)
  const numbering = numberingOf()
  const started = startOf(process.pid)
  if (numbering !== null && started !== null)
    writeFileSync(join(folder, OWNER), `${numbering}\n${process.pid}\n${started}\n`)
  return folder
}

/** Takes away what runs have left that are no more. */
export function removeLeftFolders(root: string): void {
  const numbering = numberingOf()
  if (numbering === null) return
  for (const name of readdirSync(root).filter((entry) => /^seeknal-\w{6}$/.test(entry))) {
    const folder = join(root, name)
    try {
      if (isOurs(folder) && isLeft(folder, numbering)) rmSync(folder, { recursive: true, maxRetries: 10 })
    } catch {
      // It names nobody, or another run is taking it away.
    }
  }
}

function isOurs(folder: string): boolean {
  const found = lstatSync(folder)
  return found.isDirectory() && found.uid === process.getuid?.()
}

function isLeft(folder: string, numbering: string): boolean {
  const [boot, space, pid = '', started, end] = readFileSync(join(folder, OWNER), 'utf8').split('\n')
  return end === '' && `${boot}\n${space}` === numbering && startOf(Number(pid)) !== started
}

/** Where a number of a process means the same one; null where that is not told. */
function numberingOf(): string | null {
  try {
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}\n${readlinkSync('/proc/self/ns/pid')}`
  } catch {
    return null
  }
}

/** When a process began, in ticks; null when there is none. */
function startOf(pid: number): string | null {
  try {
    // Its name, in parentheses, may hold anything.
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[19] ?? null
  } catch {
    return null
  }
}
