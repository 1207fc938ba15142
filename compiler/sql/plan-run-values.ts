// A plan in which values of the run (the clock, variables) stand as values that do not change while it lasts. The planner was
// given each as a marker joined with random(), which it can neither fold nor tell from data. Throws on any other volatile
// function: computed once or twice is not the same for it.

import { RUN_VALUE } from '../../runtime/contract/clock.ts'
import { type Fields, unreadable, type Value } from './plan-json.ts'

const NAMES = '(?:random|uuid|gen_random_uuid|uuidv\\d|nextval|currval|setseed|sleep_ms|stats|write_log|current_\\w+)'
const VOLATILE = new RegExp(`^${NAMES}$`)
const VOLATILE_IN_TEXT = new RegExp(`"name":"${NAMES}"`)

/** `json` is the text that the plan was read from. */
export const withRunValues = (plan: Fields, json: string): Fields =>
  VOLATILE_IN_TEXT.test(json) ? members(plan) : plan

function walked(value: Value): Value {
  if (Array.isArray(value)) return value.map(walked)
  return isFields(value) ? (runValue(value) ?? members(value)) : value
}

const isFields = (value: Value | undefined): value is Fields =>
  value !== null && typeof value === 'object' && !Array.isArray(value)

function members(object: Fields): Fields {
  if (typeof object.name === 'string' && VOLATILE.test(object.name)) unreadable('a volatile function')
  const out: Record<string, Value> = {}
  for (const [key, member] of Object.entries(object)) out[key] = walked(member)
  return out
}

/** Null: something else. */
function runValue(object: Fields): Fields | null {
  if (object.expression_class !== 'BOUND_FUNCTION' || object.name !== '||' || !Array.isArray(object.children))
    return null
  const [marker, cast, ...more]: readonly Value[] = object.children
  if (!isFields(marker) || !isFields(cast) || more.length > 0) return null
  const constant = marker.expression_class === 'BOUND_CONSTANT' && isFields(marker.value) ? marker.value.value : null
  const random = cast.expression_class === 'BOUND_CAST' && isFields(cast.child) && cast.child.name === 'random'
  if (!random || typeof constant !== 'string' || !constant.startsWith(RUN_VALUE)) return null
  return { expression_class: 'VALUE_OF_RUN', value: constant }
}
