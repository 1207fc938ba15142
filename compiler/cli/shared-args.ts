// Options that several commands have.

import type { ArgsDef } from 'citty'
import { milliseconds } from '../../runtime/cli/arguments.ts'
import { canonicalJson } from '../../runtime/contract/canonical-json.ts'
import { messageOf, RuntimeFailure } from '../../runtime/contract/failures.ts'
import { MAX_TTL_SECONDS } from '../../runtime/contract/state.ts'
import type { Json } from '../load.ts'

export const PARAMS_ARG = {
  params: { type: 'string', description: `Values for placeholders, as JSON: '{"region": "eu"}'`, valueHint: 'json' },
} as const satisfies ArgsDef

export const EXIT_CODE_ARGS = {
  'detailed-exitcode': {
    type: 'boolean' as const,
    description: 'Exit with 0 when nothing changed, 2 when something did, 1 on errors',
  },
  'fail-on': {
    type: 'enum' as const,
    options: ['breaking', 'any'],
    description: 'Exit with 1 when there are such changes',
  },
} satisfies ArgsDef

export const TTL_ARG = {
  ttl: {
    type: 'string',
    description: 'How long it stays after its last use: 12h, 30d (default: 7d)',
    valueHint: 'time',
  },
} as const satisfies ArgsDef

/** `--ttl` as env_config.json has it. Throws USAGE. */
export function ttlArgument(text: string | undefined): { readonly ttlSeconds?: number } {
  if (text === undefined) return {}
  const seconds = Math.floor(milliseconds(text, '--ttl') / 1000)
  if (seconds < 1 || seconds > MAX_TTL_SECONDS)
    throw new RuntimeFailure('USAGE', `'--ttl' is a time from 1s to 3650d; '${text}' is not.`, { value: text })
  return { ttlSeconds: seconds }
}

export const YES_ARG = { yes: { type: 'boolean', alias: 'y', description: 'Do not ask' } } as const satisfies ArgsDef

/** Throws USAGE when two options that exclude each other were given. */
export function excludes(first: readonly [string, unknown], second: readonly [string, unknown]): void {
  if (first[1] === undefined || first[1] === false || second[1] === undefined || second[1] === false) return
  throw new RuntimeFailure('USAGE', `'--${first[0]}' and '--${second[0]}' exclude each other.`, {
    options: [first[0], second[0]],
  })
}

/** Options that say something about production only. Throws USAGE when one was given with an environment. */
export function refuseWithEnvironment(args: Readonly<Record<string, unknown>>, names: readonly string[]): void {
  const given = names.find((name) => args[name] !== undefined && args[name] !== false)
  if (given === undefined) return
  throw new RuntimeFailure('USAGE', `'--${given}' is for production: the plan of an environment says what executes.`, {
    option: given,
  })
}

/** `--params '{"region": "eu"}'`. Throws USAGE. */
export function paramsArgument(text: string | undefined): { readonly [key: string]: Json } {
  if (text === undefined) return {}
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new RuntimeFailure(
      'USAGE',
      `'--params' is not JSON: ${messageOf(cause)}`,
      {},
      { cause, hints: [`Write it as --params '{"region": "eu"}'.`] },
    )
  }
  if (!isJsonObject(value))
    throw new RuntimeFailure(
      'USAGE',
      "'--params' is a JSON object: names with their values.",
      {},
      { hints: [`Write it as --params '{"region": "eu"}'.`] },
    )
  const inexact = numbersIn(text).find((number) => !isExact(number))
  if (inexact !== undefined)
    throw new RuntimeFailure(
      'USAGE',
      `'--params' holds the number ${inexact}, which would lose digits.`,
      { value: inexact },
      { hints: [`Write it as a text: "${inexact}".`] },
    )
  if (canonicalJson(value).includes('\\u0000'))
    throw new RuntimeFailure('USAGE', "'--params' holds the character NUL, which SQL cannot hold.")
  return value
}

/** The numbers of a JSON text as they are written. */
const numbersIn = (json: string): readonly string[] =>
  [...json.matchAll(/"(?:[^"\\]|\\.)*"|(-?\d[\d.eE+-]*)/g)].flatMap((match) => match[1] ?? [])

/** Whether a program's number holds every digit of it, and its size. */
function isExact(number: string): boolean {
  const value = Number(number)
  if (/^-?\d+$/.test(number)) return Number.isSafeInteger(value)
  const digits = number
    .replace(/[eE].*$/, '')
    .replace(/\D/g, '')
    .replace(/^0+/, '')
  return digits.length <= 15 && Number.isFinite(value) && (value !== 0 || digits === '')
}

/** The option again, for a command that is to be repeated: ` --params '{"region":"eu"}'`, or nothing. */
export function paramsText(params: { readonly [key: string]: Json }): string {
  return Object.keys(params).length === 0 ? '' : ` --params '${canonicalJson(params).replaceAll("'", `'\\''`)}'`
}

/** What a saved plan was made with. */
export const paramsOf = ({ params }: { readonly params?: unknown }): { readonly [key: string]: Json } =>
  isJsonObject(params) ? params : {}

const isJsonObject = (value: unknown): value is { readonly [key: string]: Json } =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
