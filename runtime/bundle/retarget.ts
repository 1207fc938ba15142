// A bundle of one environment → the same bundle for another: byte for byte what compiling the same project against the
// same production for the other one gives (a law with a test). Only the places that bundle.json lists are changed.
// Pure. Reports BUNDLE_INVALID.

import {
  type BuildStep,
  type BundleFile,
  type NamespaceSpan,
  type OpenedBundle,
  type Step,
  sealed,
} from '../contract/bundle.ts'
import { byCodeUnit, sha256 } from '../contract/canonical-json.ts'
import { assertNever, RuntimeFailure } from '../contract/failures.ts'
import { type EnvironmentName, namespacePrefix } from '../contract/ids.ts'
import type { Manifest } from '../contract/manifest.ts'
import { relationOf } from '../contract/targets.ts'

/** Throws BUNDLE_INVALID when the bundle does not say where its files name the environment. */
export function retarget(bundle: OpenedBundle, environment: EnvironmentName): OpenedBundle {
  const { digest: _, ...contract } = bundle.contract
  const names = { environment, prefix: namespacePrefix(environment) }
  const places = new Map<string, Place[]>()
  for (const [path, { environment, prefix }] of Object.entries(contract.names ?? {}))
    places.set(path, [...environment.map(placeOf('environment', contract)), ...prefix.map(placeOf('prefix', contract))])
  for (const span of contract.namespaces)
    append(places, span.file, { start: span.start, is: 'prefix', text: span.text })
  const changed = new Map(
    [...places].map(([path, list]) => [path, replaced(bundle.files.get(path) ?? '', list, names)]),
  )
  const files = new Map([...bundle.files].map(([path, text]) => [path, changed.get(path)?.text ?? text]))
  files.delete('bundle.json')
  requireNames(contract, files)
  const unsigned: Omit<BundleFile, 'digest'> = {
    ...contract,
    ...names,
    steps: contract.steps.map((step) => retargetedStep(step, bundle.manifest, contract.prefix, names.prefix)),
    namespaces: contract.namespaces.map((span) => movedSpan(span, changed.get(span.file)?.moved, names.prefix)),
    ...(contract.names === undefined ? {} : { names: movedNames(contract.names, changed) }),
    files: Object.fromEntries([...files].map(([path, text]) => [path, sha256(text)])),
  }
  const { contract: other, text } = sealed(unsigned)
  const texts = [...files].sort(([a], [b]) => byCodeUnit(a, b))
  return { ...bundle, contract: other, files: new Map([['bundle.json', text], ...texts]) }
}

function retargetedStep(step: Step, manifest: Manifest, prefix: string, other: string): Step {
  switch (step.kind) {
    case 'check':
      return step
    case 'build':
      return { ...step, output: retargetedOutput(step.output, prefix, other) }
    case 'materialize': {
      const target = manifest.nodes.find((node) => node.id === step.node)?.targets?.[step.target]
      return target === undefined ? step : { ...step, relation: relationOf(target, other) }
    }
    default:
      return assertNever(step)
  }
}

function retargetedOutput(output: BuildStep['output'], prefix: string, other: string): BuildStep['output'] {
  const relation = other + output.relation.slice(prefix.length)
  return 'file' in output
    ? { ...output, relation }
    : { ...output, relation, schema: other + output.schema.slice(prefix.length) }
}

interface Names {
  readonly environment: string
  readonly prefix: string
}

/** Where a name stands, in bytes. */
interface Place {
  readonly start: number
  readonly is: keyof Names
  readonly text: string
}

interface Replaced {
  readonly text: string
  /** Old offset → new offset. */
  readonly moved: ReadonlyMap<number, number>
}

const placeOf =
  (is: keyof Names, { environment, prefix }: Pick<BundleFile, keyof Names>) =>
  (start: number): Place => ({ start, is, text: is === 'prefix' ? prefix : (environment ?? '') })

function append(lists: Map<string, Place[]>, key: string, place: Place): void {
  const list = lists.get(key)
  if (list === undefined) lists.set(key, [place])
  else list.push(place)
}

function replaced(text: string, places: readonly Place[], names: Names): Replaced {
  const bytes = Buffer.from(text)
  const parts: Buffer[] = []
  const moved = new Map<number, number>()
  let [at, shift] = [0, 0]
  for (const place of [...places].sort((a, b) => a.start - b.start)) {
    const name = names[place.is]
    parts.push(bytes.subarray(at, place.start), Buffer.from(name))
    moved.set(place.start, place.start + shift)
    at = place.start + place.text.length
    shift += name.length - place.text.length
  }
  return { text: Buffer.concat([...parts, bytes.subarray(at)]).toString(), moved }
}

const movedSpan = (span: NamespaceSpan, moved: Replaced['moved'] | undefined, text: string): NamespaceSpan => ({
  ...span,
  start: moved?.get(span.start) ?? span.start,
  text,
})

function movedNames(
  names: NonNullable<BundleFile['names']>,
  changed: ReadonlyMap<string, Replaced>,
): NonNullable<BundleFile['names']> {
  return Object.fromEntries(
    Object.entries(names).map(([path, { environment, prefix }]) => {
      const at = (start: number): number => changed.get(path)?.moved.get(start) ?? start
      return [path, { environment: environment.map(at), prefix: prefix.map(at) }]
    }),
  )
}

/** The files that name the environment, in bundles that an older seeknal wrote without saying where. */
function requireNames({ names }: Pick<BundleFile, 'names'>, files: ReadonlyMap<string, string>): void {
  if (names !== undefined || !files.has('promote.sh')) return
  throw new RuntimeFailure(
    'BUNDLE_INVALID',
    'the bundle does not say where it names its environment: an older version of seeknal wrote it',
    {},
    { hints: ['Plan and apply the environment again, then promote it.'] },
  )
}
