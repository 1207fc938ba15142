// Watches what this process changes with the functions of node:fs that change something at once, the ones that Seeknal
// uses. For programs that are loaded before a command and end or stop it at a change.

import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { join, resolve } from 'node:path'

type Call = (...args: unknown[]) => unknown

const opened = new Map<unknown, string>()
const real = { ...fs }
/** Functions of node:fs call each other: only the outer call is a change. */
let inside = false

/** Does a part of a change, to the file or folder of that path. */
type Middle = (path: string) => void
type OnChange = (what: string, path: unknown, from: string, middle: Middle) => void

/** Watches a function of node:fs. `path` names what a call changes, '' for nothing; `middle` does a part of it. */
const watching =
  (onChange: OnChange, plains: Map<string, Call>) =>
  (name: string, what: string, path: Call, middle: (path: string, ...args: unknown[]) => void = () => {}) => {
    const plain: Call = Reflect.get(fs, name)
    plains.set(name, plain)
    Reflect.set(fs, name, (...args: unknown[]): unknown => {
      if (inside) return plain(...args)
      inside = true
      try {
        onChange(what, path(...args), what === 'rename' ? String(args[0]) : '', (of) => middle(of, ...args))
        const result = plain(...args)
        if (name === 'openSync') opened.set(result, String(args[0]))
        return result
      } finally {
        inside = false
      }
    })
  }

const half = (data: unknown): string => (typeof data === 'string' ? data.slice(0, data.length / 2) : '')

function removeFirst(path: string): void {
  if (!real.lstatSync(path, { throwIfNoEntry: false })?.isDirectory()) return
  const [first] = real.readdirSync(path).sort()
  if (first !== undefined) real.rmSync(join(path, first), { recursive: true })
}

const first: Call = (path) => path
const second: Call = (_, path) => path
const file: Call = (path) => (typeof path === 'number' ? opened.get(path) : path)

/**
 * Calls `onChange` before each change below `folder`: `rename current from .current.0f3a`. `middle` does a part of the
 * change, where one has a middle, in `folder` or in a copy of it: half of a text is written, the first entry of a folder is removed.
 * What it gives ends the watching.
 */
export function watchChanges(
  folder: string,
  onChange: (change: string, middle: (copy?: string) => void) => void,
): () => void {
  const plains = new Map<string, Call>()
  const watch = watching((what, path, from, middle) => {
    const full = typeof path === 'string' ? resolve(path) : ''
    if (!full.startsWith(`${folder}/`)) return
    const below = full.slice(folder.length + 1)
    const source = from === '' ? '' : ` from ${resolve(from).slice(folder.length + 1)}`
    onChange(`${what} ${below}${source}`, (copy = folder) => middle(join(copy, below)))
  }, plains)
  watch('openSync', 'open', (path, flags = 'r') => (flags === 'r' ? '' : path))
  watch('writeSync', 'append', file, (path, _, text) => real.appendFileSync(path, half(text)))
  watch('appendFileSync', 'append', file, (path, _, text) => real.appendFileSync(path, half(text)))
  watch('writeFileSync', 'write', first, (path, _, text) => real.writeFileSync(path, half(text)))
  for (const name of ['renameSync', 'linkSync', 'symlinkSync', 'copyFileSync'])
    watch(name, name.replace(/(File)?Sync$/, ''), second)
  watch(
    'rmSync',
    'remove',
    (path) => (real.lstatSync(String(path), { throwIfNoEntry: false }) ? path : ''),
    removeFirst,
  )
  watch('rmdirSync', 'remove', first)
  watch('mkdirSync', 'make', (path) => (real.existsSync(String(path)) ? '' : path))
  watch('chmodSync', 'protect', first)
  syncBuiltinESMExports()
  return () => {
    for (const [name, plain] of plains) Reflect.set(fs, name, plain)
    syncBuiltinESMExports()
  }
}
