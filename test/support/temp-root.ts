// Where temporary folders of the tests are: in memory, where that is a file system with room in which programs can be
// started, since tests wait for disks (every write is synced) longer than they compute; else where the system has them.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const IN_MEMORY = '/dev/shm'
const ENOUGH_BYTES = 4 * 2 ** 30

/** TMPDIR decides where it is set. */
export function tempRoot(): string {
  if (process.env.TMPDIR !== undefined || !existsSync(IN_MEMORY)) return tmpdir()
  try {
    const { bavail, bsize } = statfsSync(IN_MEMORY)
    return bavail * bsize >= ENOUGH_BYTES && startsPrograms(IN_MEMORY) ? IN_MEMORY : tmpdir()
  } catch {
    return tmpdir()
  }
}

function startsPrograms(root: string): boolean {
  const folder = mkdtempSync(join(root, 'seeknal-probe-'))
  try {
    const program = join(folder, 'program')
    writeFileSync(program, '#!/bin/sh\n', { mode: 0o755 })
    return spawnSync(program).status === 0
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
