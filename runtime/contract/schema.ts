// Checks what comes from outside against a TypeBox schema: the one boundary at which a JSON value gets a static type.

import type { Static, TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { type FailureCode, messageOf, RuntimeFailure } from './failures.ts'

type Check = {
  Check(value: unknown): boolean
  Errors(value: unknown): Iterable<{ instancePath: string; message: string }>
}
const compiled = new WeakMap<object, Check>()

function checker(schema: TSchema): Check {
  let check = compiled.get(schema)
  if (check === undefined) {
    check = Compile(schema) as Check
    compiled.set(schema, check)
  }
  return check
}

/** The first few places where `value` does not fit, as `/steps/0/id must be string`; empty when it fits. */
export function misfits(schema: TSchema, value: unknown, most = 5): string[] {
  const check = checker(schema)
  if (check.Check(value)) return []
  return [...check.Errors(value)].slice(0, most).map((e) => `${e.instancePath || '/'} ${e.message}`)
}

/**
 * Parses and checks one JSON document. `hints` say what to do about a damaged one.
 * Throws RuntimeFailure(`code`) that names `what` (a path relative to the project or bundle) and the first misfits.
 */
export function parseDocument<S extends TSchema>(
  schema: S,
  text: string,
  what: string,
  code: FailureCode,
  hints: readonly string[] = [],
): Static<S> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new RuntimeFailure(code, `${what} is not JSON: ${messageOf(cause)}`, { file: what }, { cause, hints })
  }
  const wrong = misfits(schema, value)
  if (wrong.length > 0)
    throw new RuntimeFailure(
      code,
      `${what} does not have the expected form: ${wrong.join('; ')}`,
      { file: what, misfits: wrong },
      { hints },
    )
  return value as Static<S>
}
