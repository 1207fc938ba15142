// Fields of a mapping of a profile → values of the type that is asked for, variables put in, and where each came from.
// Values that are secret are texts only here; whoever shows a field asks `isSecretName` first. Reports PROFILE_INVALID.

import { nearest } from '../contract/diagnostics.ts'
import { type Entry, type Mapping, mistake, type Position } from './file.ts'
import type { Variable, Variables } from './variables.ts'

export interface Field {
  /** Null: it is written, without a value. */
  readonly value: string | number | boolean | null
  readonly at: Position
  readonly variables: readonly Variable[]
  /** Where it stands, when that is not the profile. */
  readonly file?: string
}

/** A connection of which fields stand in the project. */
export interface OwnConnection {
  readonly name: string
  /** The connection of the profile that has the other fields, unless one has the name. */
  readonly over: string | null
  readonly file: string
  readonly at: Position
  readonly fields: ReadonlyMap<string, Field>
}

/** A field whose value nobody may see. */
export const isSecretName = (name: string): boolean =>
  /pass|pwd|secret|token|credential|private|api_?key|auth(?!or)/i.test(name)

/** Scalar fields with their variables put in. A list or a mapping is left out: no connection has one. */
export function fieldsOf(mapping: Mapping, variables: Variables): ReadonlyMap<string, Field> {
  const fields = new Map<string, Field>()
  for (const [name, entry] of mapping.entries) {
    const field = fieldOf(entry, variables)
    if (field !== null) fields.set(name, field)
  }
  return fields
}

export function fieldOf(entry: Entry, variables: Variables): Field | null {
  if (entry.kind !== 'value') return null
  if (typeof entry.value !== 'string') return { value: entry.value, at: entry.at, variables: [] }
  const { text, variables: used } = variables.expand(entry.value)
  return { value: text, at: entry.at, variables: used }
}

/** Reads the fields of one mapping; each throws PROFILE_INVALID where the value does not fit. */
export class FieldReader {
  readonly #file: string
  readonly #owner: string
  readonly #fields: ReadonlyMap<string, Field>

  /** `owner` is what has the fields, in words: `the connection 'warehouse'`. */
  constructor(file: string, owner: string, fields: ReadonlyMap<string, Field>) {
    this.#file = file
    this.#owner = owner
    this.#fields = fields
  }

  text(...names: readonly string[]): string | null {
    const found = this.#find(names)
    if (found === null) return null
    return String(found.field.value)
  }

  integer(name: string, least: number, most: number): number | null {
    const found = this.#find([name])
    if (found === null) return null
    const value = typeof found.field.value === 'boolean' ? Number.NaN : Number(found.field.value)
    if (Number.isInteger(value) && value >= least && value <= most && found.field.value !== '') return value
    throw this.#wrong(found, `a whole number from ${least} to ${most}`)
  }

  boolean(name: string): boolean | null {
    const found = this.#find([name])
    if (found === null) return null
    const text = String(found.field.value).toLowerCase()
    if (['1', 'true', 'yes', 'on'].includes(text)) return true
    if (['0', 'false', 'no', 'off'].includes(text)) return false
    throw this.#wrong(found, 'true or false')
  }

  choice<T extends string>(name: string, options: readonly T[]): T | null {
    const found = this.#find([name])
    if (found === null) return null
    const text = String(found.field.value)
    const chosen = options.find((option) => option === text)
    if (chosen !== undefined) return chosen
    const near = nearest(text, options)
    throw this.#wrong(found, `one of ${options.join(', ')}`, near === undefined ? [] : [`Did you mean '${near}'?`])
  }

  /** Several of them with commas between; none where the field is absent. */
  choices<T extends string>(name: string, options: readonly T[]): readonly T[] {
    const found = this.#find([name])
    if (found === null) return []
    const texts = String(found.field.value)
      .split(',')
      .map((text) => text.trim())
      .filter((text) => text !== '')
    return texts.map((text) => {
      const chosen = options.find((option) => option === text)
      if (chosen !== undefined) return chosen
      const near = nearest(text, options)
      const hints = near === undefined ? [] : [`Did you mean '${near}'?`]
      throw this.#wrong(found, `a list such as '${options.join(', ')}'`, hints)
    })
  }

  /** Milliseconds: a plain number is in milliseconds, as PostgreSQL has it; `30s`, `5min` and `1h` have a unit. */
  milliseconds(name: string): number | null {
    const found = this.#find([name])
    if (found === null) return null
    const match = /^(\d+)\s*(ms|s|min|h)?$/.exec(String(found.field.value).trim())
    if (match === null) throw this.#wrong(found, "a time such as 500, '30s' or '5min'")
    const unit = { ms: 1, s: 1000, min: 60_000, h: 3_600_000 }[match[2] ?? 'ms'] ?? 1
    return Number(match[1]) * unit
  }

  #find(names: readonly string[]): { readonly name: string; readonly field: Field } | null {
    for (const name of names) {
      const field = this.#fields.get(name)
      if (field === undefined || field.value === null) continue
      const missing = field.variables.find((variable) => variable.from === 'missing')
      if (missing !== undefined)
        throw missingVariable(field.file ?? this.#file, field.at, missing.name, `'${name}' of ${this.#owner}`)
      return { name, field }
    }
    return null
  }

  #wrong({ name, field }: { name: string; field: Field }, expected: string, hints: readonly string[] = []) {
    const shown = isSecretName(name) || field.variables.length > 0 ? 'another value' : `'${field.value}'`
    const file = field.file ?? this.#file
    return mistake(file, field.at, `'${name}' of ${this.#owner} is ${shown}; ${expected} was expected.`, hints)
  }
}

const missingVariable = (file: string, at: Position, name: string, what: string) =>
  mistake(file, at, `${what} needs the environment variable '${name}', which is not set.`, [
    `Set it with \`export ${name}=…\` or in .env, or give a default: \${${name}:…}.`,
  ])
