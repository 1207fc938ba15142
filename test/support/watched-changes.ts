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

type OnChange = (what: string, path: unknown, from: string, middle: () => void) => void

/** Watches a function of node:fs. `path` names what a call changes, '' for nothing; `middle` does a part of it. */
const watching =
  (onChange: OnChange) =>
  (name: string, what: string, path: Call, middle: Call = () => {}) => {
    const plain: Call = Reflect.get(fs, name)
    Reflect.set(fs, name, (...args: unknown[]): unknown => {
      if (inside) return plain(...args)
      inside = true
      try {
        onChange(what, path(...args), what === 'rename' ? String(args[0]) : '', () => middle(...args))
        const result = plain(...args)
        if (name === 'openSync') opened.set(result, String(args[0]))
        return result
      } finally {
        inside = false
      }
    })
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

/**
 * Calls `onChange` before each change below `folder`: `rename current from .current.0f3a`. `middle` does a part of the
 * change, where one has a middle: half of a text is written, the first entry of a folder is removed.
 */
export function watchChanges(folder: string, onChange: (change: string, middle: () => void) => void): void {
  const watch = watching((what, path, from, middle) => {
    const full = typeof path === 'string' ? resolve(path) : ''
    if (!full.startsWith(`${folder}/`)) return
    const source = from === '' ? '' : ` from ${resolve(from).slice(folder.length + 1)}`
    onChange(`${what} ${full.slice(folder.length + 1)}${source}`, middle)
  })
  watch('openSync', 'open', (path, flags = 'r') => (flags === 'r' ? '' : path))
  watch('writeSync', 'append', file, (number, text) => real.writeSync(Number(number), half(text)))
  watch('appendFileSync', 'append', file, (to, text) =>
    real.appendFileSync(typeof to === 'number' ? to : String(to), half(text)),
  )
  watch('writeFileSync', 'write', first, (path, text) => real.writeFileSync(String(path), half(text)))
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
}
