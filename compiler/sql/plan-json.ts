// JSON text of a plan → a value in which nothing was lost: numbers stay their source text, marked by a character that
// JSON text cannot hold unescaped, so that 2^53 + 1, -0.0 and DECIMALs keep all digits. Accessors throw on what is not
// there; readers of plans turn that into "no answer".

import { Bug } from '../../runtime/contract/failures.ts'

export type Value = null | boolean | string | readonly Value[] | Fields
export interface Fields {
  readonly [key: string]: Value
}

/** This plan, or this way of reading it, gives no answer: whoever asked for a form catches it. */
export function unreadable(why: string): never {
  throw new Bug(`a plan cannot be read: ${why}`)
}

const NUMBER = '\u0001'

/** Throws on text that is not JSON, or that holds the mark itself. */
export function readLosslessly(json: string): Value {
  if (json.includes('\\u0001')) unreadable('the mark of numbers is in a text')
  const marked = json.replace(
    /("(?:[^"\\]|\\.)*")|(-?\d[\d.eE+-]*)/g,
    (_, text: string | undefined, number: string | undefined) => text ?? JSON.stringify(NUMBER + number),
  )
  return JSON.parse(marked) as Value
}

export const isNumber = (value: Value | undefined): value is string =>
  typeof value === 'string' && value.startsWith(NUMBER)

/** The source text of a number. */
export function numberText(value: Value | undefined): string {
  if (!isNumber(value)) unreadable('a number is missing')
  return value.slice(NUMBER.length)
}

export const position = (value: Value | undefined): number => Number(numberText(value))

export function fields(value: Value | undefined): Fields {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) unreadable('an object is missing')
  return value as Fields
}

export function list(value: Value | undefined): readonly Value[] {
  if (!Array.isArray(value)) unreadable('a list is missing')
  return value
}

export function text(value: Value | undefined): string {
  if (typeof value !== 'string' || isNumber(value)) unreadable('a text is missing')
  return value
}
