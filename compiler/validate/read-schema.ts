// A JSON value, the TypeBox schema that it should fit and its positions → the value with its static type, or
// diagnostics: one a place. Texts stay as they are written (`1.10`); an empty optional value counts as absent; keys that
// the schema does not know are warnings. Understands the keywords that the schemas here use. Reports VALIDATE_*.

import type { Static, TSchema } from 'typebox'
import { type Diagnostic, nearest, type Place } from '../../runtime/contract/diagnostics.ts'
import { errorAt, warningAt } from '../diagnostic-codes.ts'
import { escapePointer } from '../load/document.ts'
import { isMapping, type Json, type LoadedDocument } from '../load.ts'

interface JsonSchema {
  readonly type?: string
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly patternProperties?: Readonly<Record<string, JsonSchema>>
  readonly items?: JsonSchema
  readonly anyOf?: readonly JsonSchema[]
  readonly enum?: readonly string[]
  readonly const?: string
  readonly minimum?: number
}

type UnknownKey = (key: string, place: Place, known: readonly string[]) => Diagnostic

const WORDS: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping',
  null: 'nothing',
}

const typeOf = (value: Json): string => (value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value)

/** Keys by which YAML of the older version spells a truth value. */
const TRUTH: Readonly<Record<string, boolean>> = {
  yes: true,
  on: true,
  true: true,
  no: false,
  off: false,
  false: false,
}

export const unknownKeyWarning: UnknownKey = (key, place, known) => {
  const near = nearest(key, known)
  return warningAt('VALIDATE_UNKNOWN_KEY', place, `The key '${key}' is not known here; it is ignored.`, {
    facts: { key, known },
    hints: near === undefined ? [] : [`Did you mean '${near}'?`],
  })
}

/** Reads values of one document; `diagnostics` collects what does not fit. */
export class SchemaReader {
  readonly diagnostics: Diagnostic[] = []
  readonly #document: LoadedDocument
  readonly #unknownKey: UnknownKey

  constructor(document: LoadedDocument, unknownKey: UnknownKey = unknownKeyWarning) {
    this.#document = document
    this.#unknownKey = unknownKey
  }

  /** The value as the schema's type; undefined when something is wrong with it. */
  read<S extends TSchema>(schema: S, value: Json, pointer: string): Static<S> | undefined {
    const before = this.diagnostics.length
    const result = this.#value(schema as JsonSchema, value, pointer)
    const failed = this.diagnostics.slice(before).some((d) => d.severity === 'error')
    return failed ? undefined : (result as Static<S>)
  }

  place(pointer: string): Place {
    return placeOf(this.#document, pointer)
  }

  #value(schema: JsonSchema, value: Json, pointer: string): unknown {
    if (schema.anyOf !== undefined) return this.#union(schema.anyOf, value, pointer)
    if (schema.const !== undefined || schema.enum !== undefined)
      return this.#choice(schema.enum ?? [schema.const ?? ''], value, pointer)
    switch (schema.type) {
      case undefined:
        return value
      case 'string':
        return this.#string(value, pointer)
      case 'boolean':
        return this.#boolean(value, pointer)
      case 'number':
        return this.#number(schema, value, pointer)
      case 'array':
        if (!Array.isArray(value)) return this.#wrongType(['array'], value, pointer)
        return value.map((item: Json, i) => this.#value(schema.items ?? {}, item, `${pointer}/${i}`))
      case 'object':
        return this.#object(schema, value, pointer)
      default:
        return value === null ? null : this.#wrongType([schema.type], value, pointer)
    }
  }

  #union(branches: readonly JsonSchema[], value: Json, pointer: string): unknown {
    const type = typeOf(value)
    const scalar = type === 'number' || type === 'boolean' ? branches.find((b) => b.type === 'string') : undefined
    const branch = branches.find((b) => b.type === type || (b.enum !== undefined && type === 'string')) ?? scalar
    if (branch !== undefined) return this.#value(branch, value, pointer)
    return this.#wrongType(
      branches.map((b) => b.type ?? ''),
      value,
      pointer,
    )
  }

  #string(value: Json, pointer: string): unknown {
    if (typeof value === 'string') return value
    if (typeof value === 'number' || typeof value === 'boolean') return writtenText(this.#document, value, pointer)
    return this.#wrongType(['string'], value, pointer)
  }

  #boolean(value: Json, pointer: string): unknown {
    if (typeof value === 'boolean' || isTemplate(value)) return value
    const spelled = typeof value === 'string' ? TRUTH[value.toLowerCase()] : undefined
    return spelled ?? this.#wrongType(['boolean'], value, pointer)
  }

  #number(schema: JsonSchema, value: Json, pointer: string): unknown {
    if (isTemplate(value)) return value
    if (typeof value !== 'number') return this.#wrongType(['number'], value, pointer)
    if (schema.minimum !== undefined && value < schema.minimum)
      this.#report(
        'VALIDATE_WRONG_VALUE',
        pointer,
        `${this.#subject(pointer)} is ${value}; at least ${schema.minimum} was expected.`,
      )
    return value
  }

  #choice(choices: readonly string[], value: Json, pointer: string): unknown {
    const text =
      typeof value === 'string'
        ? value
        : isMapping(value) || Array.isArray(value) || value === null
          ? undefined
          : String(value)
    if (text === undefined) return this.#wrongType(['string'], value, pointer)
    if (choices.includes(text) || isTemplate(text)) return text
    const near = nearest(text, choices)
    this.#report(
      'VALIDATE_WRONG_VALUE',
      pointer,
      `${this.#subject(pointer)} is '${text}'; expected is one of: ${choices.join(', ')}.`,
      near,
    )
    return undefined
  }

  #object(schema: JsonSchema, value: Json, pointer: string): unknown {
    if (!isMapping(value)) return this.#wrongType(['object'], value, pointer)
    const properties = schema.properties ?? {}
    const any = Object.values(schema.patternProperties ?? {})[0]
    const result: Record<string, unknown> = {}
    for (const [key, member] of Object.entries(value)) {
      const at = `${pointer}/${escapePointer(key)}`
      const known = Object.hasOwn(properties, key) ? properties[key] : any
      if (known === undefined)
        this.diagnostics.push(this.#unknownKey(key, keyPlaceOf(this.#document, at), Object.keys(properties)))
      else if (member !== null || any !== undefined) result[key] = this.#value(known, member, at)
    }
    for (const key of schema.required ?? [])
      if (!Object.hasOwn(result, key)) {
        const place = Object.hasOwn(value, key)
          ? keyPlaceOf(this.#document, `${pointer}/${key}`)
          : startPlaceOf(this.#document, pointer)
        this.diagnostics.push(
          errorAt(
            'VALIDATE_MISSING_KEY',
            place,
            `The key '${key}' is ${Object.hasOwn(value, key) ? 'empty' : 'missing'}.`,
            { facts: { key } },
          ),
        )
      }
    return result
  }

  #wrongType(expected: readonly string[], value: Json, pointer: string): undefined {
    const words = [...new Set(expected)].filter((t) => t !== 'null').map((t) => WORDS[t] ?? t)
    this.#report(
      'VALIDATE_WRONG_TYPE',
      pointer,
      `${this.#subject(pointer)} is ${WORDS[typeOf(value)]}; ${words.join(' or ')} was expected.`,
    )
    return undefined
  }

  #subject(pointer: string): string {
    const key = pointer.split('/').at(-1) ?? ''
    return pointer === ''
      ? 'The document'
      : /^\d+$/.test(key)
        ? `Item ${Number(key) + 1} of '${pointer.split('/').at(-2) ?? ''}'`
        : `'${key}'`
  }

  #report(code: 'VALIDATE_WRONG_TYPE' | 'VALIDATE_WRONG_VALUE', pointer: string, message: string, near?: string): void {
    this.diagnostics.push(
      errorAt(code, this.place(pointer), message, {
        facts: { path: pointer },
        hints: near === undefined ? [] : [`Did you mean '${near}'?`],
      }),
    )
  }
}

/** A text with a placeholder: what it stands for is checked when that is known. */
export const isTemplate = (value: unknown): boolean => typeof value === 'string' && value.includes('{{')

/** Whether a value holds a placeholder anywhere. */
export function hasPlaceholder(value: Json): boolean {
  if (typeof value === 'string') return isTemplate(value)
  return value !== null && typeof value === 'object' && Object.values(value).some(hasPlaceholder)
}

/** A scalar as it is written in the YAML. */
export const writtenText = (document: LoadedDocument, value: Json, pointer: string): string =>
  document.sources[pointer] ?? (typeof value === 'string' ? value : JSON.stringify(value))

export const placeOf = (document: LoadedDocument, pointer: string): Place =>
  document.positions.at(pointer)?.value ?? startPlaceOf(document, '')

export const keyPlaceOf = (document: LoadedDocument, pointer: string): Place =>
  document.positions.at(pointer)?.key ?? placeOf(document, pointer)

/** Where a mapping begins, as short as a caret. */
const startPlaceOf = (document: LoadedDocument, pointer: string): Place => ({
  ...(document.positions.at(pointer)?.value ?? { file: document.file, line: 1, column: 1 }),
  length: 1,
})
