// `${VAR}`, `${VAR:default}` and `$VAR` in texts of a profile → values of the process's environment, or of the project's
// `.env`. Each is put in once: what a value holds is not looked at again. `$$` is one `$`.

import { join } from 'node:path'
import { readIfThere } from '../store/files.ts'

export interface Variable {
  readonly name: string
  /** `default`: the one that is written behind the name; `missing`: there is none either. */
  readonly from: 'environment' | '.env' | 'default' | 'missing'
}

export interface Expanded {
  /** With nothing in place of what is missing. */
  readonly text: string
  readonly variables: readonly Variable[]
}

export interface Variables {
  expand(text: string): Expanded
  /** A variable by its name; undefined: it is not set. */
  get(name: string): string | undefined
}

const REFERENCE = /\$\$|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::([^}]*))?\}|\$([A-Za-z_][A-Za-z0-9_]*)/g

/** Those of `environment`, before those of `.env` in the project's folder. */
export function variablesOf(environment: Readonly<Record<string, string | undefined>>, root: string): Variables {
  const file = envFile(readIfThere(join(root, '.env')) ?? '')
  const find = (name: string): readonly [string, Variable['from']] | undefined => {
    const set = environment[name]
    if (set !== undefined) return [set, 'environment']
    const written = file.get(name)
    return written === undefined ? undefined : [written, '.env']
  }
  return {
    get: (name) => find(name)?.[0],
    expand(text) {
      const variables: Variable[] = []
      const expanded = text.replace(REFERENCE, (whole, braced?: string, fallback?: string, plain?: string) => {
        if (whole === '$$') return '$'
        const name = braced ?? plain ?? ''
        const found = find(name)
        variables.push({ name, from: found?.[1] ?? (fallback === undefined ? 'missing' : 'default') })
        return found?.[0] ?? fallback ?? ''
      })
      return { text: expanded, variables }
    },
  }
}

/** `NAME=value` lines: `export` in front, quotes around the value and comments are allowed. Pure. */
function envFile(text: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>()
  for (const line of text.split(/\r?\n/)) {
    const match = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)$/.exec(line)
    if (match?.[1] !== undefined) values.set(match[1], envValue((match[2] ?? '').trim()))
  }
  return values
}

function envValue(written: string): string {
  const quoted = /^'([^']*)'\s*(?:#.*)?$/.exec(written)
  if (quoted !== null) return quoted[1] ?? ''
  const double = /^"((?:[^"\\]|\\.)*)"\s*(?:#.*)?$/.exec(written)
  if (double === null) return written.replace(/\s+#.*$/, '')
  return (double[1] ?? '').replace(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c))
}
