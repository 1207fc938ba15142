// Loaded before a command (`node --import`): counts what the command changes below the folder KILL_BELOW, and ends the
// process with SIGKILL at the change number KILL_AT: before it, or in the middle of it where a change has a middle (half
// of a text is written, the first entry of a folder is removed). KILL_AT=0 counts to the end and writes the list of the
// changes to KILL_LOG.

import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { join, resolve } from 'node:path'

type Call = (...args: unknown[]) => unknown

const below = `${process.env.KILL_BELOW}/`
const at = Number(process.env.KILL_AT)
const changes: string[] = []
const opened = new Map<unknown, string>()
const real = { ...fs }
/** Functions of node:fs call each other: only the outer call is a change. */
let inside = false

/** Watches a function of node:fs. `path` names what a call changes, '' for nothing; `middle` does a part of it. */
function watch(name: string, what: string, path: (...args: unknown[]) => unknown, middle: Call = () => {}): void {
  const plain: Call = Reflect.get(fs, name)
  Reflect.set(fs, name, (...args: unknown[]): unknown => {
    if (inside) return plain(...args)
    inside = true
    try {
      const from = what === 'rename' ? ` from ${resolve(String(args[0])).slice(below.length)}` : ''
      changing(what, path(...args), from, () => middle(...args))
      const result = plain(...args)
      if (name === 'openSync') opened.set(result, String(args[0]))
      return result
    } finally {
      inside = false
    }
  })
}

function changing(what: string, path: unknown, from: string, middle: () => void): void {
  const full = typeof path === 'string' ? resolve(path) : ''
  if (!full.startsWith(below)) return
  changes.push(`${what} ${full.slice(below.length)}${from}`)
  if (changes.length !== at) return
  middle()
  process.kill(process.pid, 'SIGKILL')
}

const half = (data: unknown): string => (typeof data === 'string' ? data.slice(0, data.length / 2) : '')

function removeFirst(path: unknown): void {
  if (typeof path !== 'string' || !real.lstatSync(path, { throwIfNoEntry: false })?.isDirectory()) return
  const [first] = real.readdirSync(path).sort()
  if (first !== undefined) real.rmSync(join(path, first), { recursive: true })
}

const first: Call = (path) => path
const second: Call = (_, path) => path
const file: Call = (path) => (typeof path === 'number' ? opened.get(path) : path)

watch('openSync', 'open', (path, flags = 'r') => (flags === 'r' ? '' : path))
watch('writeSync', 'append', file, (number, text) => real.writeSync(Number(number), half(text)))
watch('appendFileSync', 'append', file, (to, text) =>
  real.appendFileSync(typeof to === 'number' ? to : String(to), half(text)),
)
watch('writeFileSync', 'write', first, (path, text) => real.writeFileSync(String(path), half(text)))
for (const name of ['renameSync', 'linkSync', 'symlinkSync', 'copyFileSync'])
  watch(name, name.replace(/(File)?Sync$/, ''), second)
watch('rmSync', 'remove', (path) => (real.lstatSync(String(path), { throwIfNoEntry: false }) ? path : ''), removeFirst)
watch('rmdirSync', 'remove', first)
watch('mkdirSync', 'make', (path) => (real.existsSync(String(path)) ? '' : path))
watch('chmodSync', 'protect', first)

syncBuiltinESMExports()
process.on('exit', () => {
  if (at === 0) real.writeFileSync(process.env.KILL_LOG ?? '', JSON.stringify(changes))
})
