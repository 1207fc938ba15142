// The built command, ended with SIGKILL right after one of its messages to a server.

import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import * as assert from 'uvu/assert'
import { command } from './seeknal.ts'
import { tempFolder } from './temp.ts'

const program = pathToFileURL(fileURLToPath(new URL('../programs/kill-at-write.js', import.meta.url))).href

/** Killed after its message `at`; 0: it runs to its end. How many there were. */
export function killed(
  folder: string,
  args: readonly string[],
  at: number,
): { readonly signal: string | null; readonly sent: number } {
  const log = join(tempFolder('log'), 'sent')
  const env = { ...process.env, HOME: folder, NO_COLOR: '1', KILL_AT: String(at), KILL_LOG: log }
  const child = spawnSync(process.execPath, ['--import', program, command, ...args], {
    cwd: folder,
    env,
    encoding: 'utf8',
  })
  if (at === 0) assert.is(child.status, 0, child.stdout + child.stderr)
  return { signal: child.signal, sent: at === 0 ? Number(readFileSync(log, 'utf8')) : at }
}
