// Where the files that are not steps name the environment or hold its prefix, so that a bundle can be made for another
// environment without the compiler. Found by writing the files once more with names that no text contains.

import type { Names, Step } from '../../runtime/contract/bundle.ts'
import { Bug } from '../../runtime/contract/failures.ts'
import type { Rewritten } from '../rewrite.ts'
import { splice } from '../sql/spliced-text.ts'
import type { Contract } from './contract.ts'

export type Texts = readonly (readonly [path: string, text: string])[]

/** Writes the files from a contract and steps; called with the real names and with others. */
export type Write = (rewritten: Rewritten, contract: Contract) => Texts

/** Offsets in bytes by file; undefined for production, which has no name. */
export function namesIn(texts: Texts, write: Write, rewritten: Rewritten, contract: Contract): Names | undefined {
  if (contract.environment === null) return undefined
  const [environment, prefix] = unused(texts)
  const steps = contract.steps.map(withSchema(contract.prefix, prefix))
  const other = write(withPrefix(rewritten, prefix), { ...contract, environment, prefix, steps })
  return Object.fromEntries(
    other.map(([path, text]) => [path, offsets(text, { [environment]: 'environment', [prefix]: 'prefix' }, contract)]),
  )
}

const FIRST_PRIVATE_USE = 0xe000
const LAST_PRIVATE_USE = 0xf8ff

/** Two characters that no text contains. */
function unused(texts: Texts): readonly [string, string] {
  const found: string[] = []
  for (let code = FIRST_PRIVATE_USE; code <= LAST_PRIVATE_USE; code++) {
    const character = String.fromCharCode(code)
    if (!texts.some(([, text]) => text.includes(character))) found.push(character)
    const [first, second] = found
    if (first !== undefined && second !== undefined) return [first, second]
  }
  throw new Bug('a bundle that contains every private-use character cannot be written')
}

/** The steps as they would be with another prefix. */
function withPrefix(rewritten: Rewritten, prefix: string): Rewritten {
  const spelled = <Step extends Pick<Rewritten['steps'][number], 'sql' | 'spans'>>(step: Step): Step => ({
    ...step,
    sql: splice(
      step.sql,
      step.spans.map(({ start, text }) => ({ start, end: start + text.length, replacement: prefix })),
    ).text,
  })
  const steps = rewritten.steps.map(({ byHand, ...step }) => ({
    ...spelled(step),
    ...(byHand === undefined ? {} : { byHand: spelled(byHand) }),
  }))
  return { ...rewritten, steps }
}

/** A step whose output is a table, as it would be with another prefix. */
const withSchema =
  (prefix: string, other: string) =>
  (step: Step): Step =>
    step.kind !== 'build' || 'file' in step.output
      ? step
      : { ...step, output: { ...step.output, schema: other + step.output.schema.slice(prefix.length) } }

/** Where the marks of `text` stand once the real names are in their places. */
function offsets(
  text: string,
  marks: Readonly<Record<string, 'environment' | 'prefix'>>,
  contract: Contract,
): Names[string] {
  const found: { environment: number[]; prefix: number[] } = { environment: [], prefix: [] }
  let at = 0
  for (const part of text.split(new RegExp(`([${Object.keys(marks).join('')}])`))) {
    const name = marks[part]
    if (name !== undefined) found[name].push(at)
    at += Buffer.byteLength(name === undefined ? part : (contract[name] ?? ''))
  }
  return found
}
