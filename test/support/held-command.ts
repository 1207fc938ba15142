// A command of the built program in a process of its own that stands still in the middle, at a change that it is about to
// make, while the test does something else.

import { spawn } from 'node:child_process'
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { command, type Ended } from './seeknal.ts'
import { tempFolder } from './temp.ts'

const program = pathToFileURL(fileURLToPath(new URL('../programs/hold-at.js', import.meta.url))).href
const MOST_MS = 60_000

export interface Held {
  readonly pid: number | undefined
  /** Lets it go on; how it ended. */
  release(): Promise<Ended>
}

/** Starts the command without waiting for its end. */
export function started(folder: string, args: readonly string[], env: NodeJS.ProcessEnv = {}, node: string[] = []) {
  const child = spawn(process.execPath, [...node, command, ...args], {
    cwd: folder,
    env: { ...process.env, NO_COLOR: '1', HOME: join(folder, '.no-home'), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const texts = { out: '', err: '' }
  child.stdout.on('data', (data) => (texts.out += data))
  child.stderr.on('data', (data) => (texts.err += data))
  const ended = new Promise<Ended>((resume) =>
    child.once('close', (code) => resume({ code, ...texts, all: texts.out + texts.err })),
  )
  return { pid: child.pid, ended }
}

/** Runs the command until it is about to make a change below target/ that matches `at`: `/^rename current /`. */
export async function held(folder: string, args: readonly string[], at: RegExp): Promise<Held> {
  const sign = join(tempFolder('held'), 'sign')
  const env = { HOLD_BELOW: join(folder, 'target'), HOLD_AT: at.source, HOLD_SIGN: sign }
  const { pid, ended } = started(folder, args, env, ['--import', program])
  let early: Ended | undefined
  void ended.then((result) => {
    early = result
  })
  for (let waited = 0; !existsSync(sign); waited += 10) {
    if (early !== undefined || waited > MOST_MS)
      throw new Error(`seeknal ${args.join(' ')} was not held at ${at}: ${early?.all ?? 'it still runs'}`)
    await new Promise((resume) => setTimeout(resume, 10))
  }
  return {
    pid,
    release: () => {
      rmSync(sign)
      return ended
    },
  }
}
