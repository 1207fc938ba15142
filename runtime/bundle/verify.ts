// Bytes of a bundle's files → the bundle, checked: format, form, digest, every file, and what must fit together.
// A bundle is untrusted: nothing of it is used before this has passed. Reports BUNDLE_UNSUPPORTED (newer format),
// BUNDLE_INVALID (form), BUNDLE_DIGEST_MISMATCH (changed, missing, extra). Rules: contract/FORMAT.md.

import type { TSchema } from 'typebox'
import {
  BUNDLE_FORMAT,
  type BuildStep,
  type Bundle,
  BundleFile,
  buildSteps,
  bundleDigest,
  type CheckStep,
  checkStepId,
  type MaterializeStep,
  materializeSteps,
  type OpenedBundle,
  type Step,
} from '../contract/bundle.ts'
import { byCodeUnit, canonicalJson, sha256, sortedKeys } from '../contract/canonical-json.ts'
import { checksFingerprint } from '../contract/checks.ts'
import { Diff } from '../contract/diff.ts'
import { ENGINES, type EngineFacts } from '../contract/engines.ts'
import { extractFile } from '../contract/extract.ts'
import { messageOf, RuntimeFailure } from '../contract/failures.ts'
import { asNodeId, environmentName, namespacePrefix, outputStem } from '../contract/ids.ts'
import { Manifest, type ManifestNode } from '../contract/manifest.ts'
import { parseDocument } from '../contract/schema.ts'
import { targetText } from '../contract/target-sql.ts'
import { relationOf, targetStepIds } from '../contract/targets.ts'
import { invalidBundle, RECOMPILE } from './invalid.ts'
import { requireTable, storedRows } from './verify-tables.ts'

export type { OpenedBundle }

/** A manifest that was read and checked before. */
export interface KnownManifest {
  /** SHA-256 of its text. */
  readonly manifestDigest: string
  readonly manifest: Manifest
}

const MOST_NAMED = 10
const SAFE_PATH = /^[A-Za-z0-9_][A-Za-z0-9_.-]*(\/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$/

/** Relative, with `/`, and unable to leave the bundle. Pure. */
export const isBundlePath = (path: string): boolean => path.length <= 512 && SAFE_PATH.test(path)

/**
 * Checks everything and decodes the texts. `what` names the bundle in messages. Pure.
 * Throws RuntimeFailure BUNDLE_UNSUPPORTED, BUNDLE_INVALID or BUNDLE_DIGEST_MISMATCH (facts: changed, missing, extra).
 */
export function verify(
  bytes: ReadonlyMap<string, Uint8Array>,
  what: string,
  known?: KnownManifest | null,
): OpenedBundle {
  const contractBytes = bytes.get('bundle.json')
  if (contractBytes === undefined)
    throw new RuntimeFailure('BUNDLE_INVALID', `${what} is no bundle: it has no bundle.json`)
  const contractText = decode(contractBytes, 'bundle.json')
  const contract = document(BundleFile, BUNDLE_FORMAT, contractText, 'bundle.json')
  if (bundleDigest(contractText) !== contract.digest)
    throw new RuntimeFailure(
      'BUNDLE_DIGEST_MISMATCH',
      `bundle.json of ${what} was changed after it was compiled: its digest does not match`,
      { changed: ['bundle.json'], missing: [], extra: [] },
      { hints: RECOMPILE },
    )
  checkFiles(contract, bytes, what)
  const files = new Map(
    [...bytes].sort(([a], [b]) => byCodeUnit(a, b)).map(([path, content]) => [path, decode(content, path)]),
  )
  return opened({ contract, files }, known)
}

/**
 * Reads the documents of a bundle whose files are known to match its contract.
 * Throws RuntimeFailure BUNDLE_INVALID or BUNDLE_UNSUPPORTED.
 */
export function opened(bundle: Bundle, known?: KnownManifest | null): OpenedBundle {
  const { contract, files } = bundle
  const text = (path: string): string => {
    const found = files.get(path)
    if (found === undefined) throw invalidBundle(`it has no ${path}`)
    return found
  }
  const manifest = document(Manifest, 'seeknal.manifest/1', text('manifest.json'), 'manifest.json')
  const readBase = (): Manifest | null => {
    if (contract.base === null) return null
    if (known && known.manifestDigest === contract.files['base.json']) return known.manifest
    return document(Manifest, 'seeknal.manifest/1', text('base.json'), 'base.json')
  }
  const base = readBase()
  const diff = document(Diff, 'seeknal.diff/1', text('diff.json'), 'diff.json')
  checkInvariants(contract, manifest)
  return { contract, files, manifest, base, diff }
}

/** Throws BUNDLE_UNSUPPORTED for an engine that this version does not know. */
function engineFacts({ engine }: BundleFile): EngineFacts {
  const known = Object.entries(ENGINES).find(([name]) => name === engine.name)
  if (known !== undefined) return known[1]
  throw new RuntimeFailure(
    'BUNDLE_UNSUPPORTED',
    `the bundle is for the engine '${engine.name}', which this version does not have`,
    { engine: engine.name },
    { hints: ['Use a newer version of seeknal.'] },
  )
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function decode(content: Uint8Array, path: string): string {
  try {
    return utf8.decode(content)
  } catch (cause) {
    throw new RuntimeFailure('BUNDLE_INVALID', `${path} is not UTF-8 text`, { file: path }, { cause })
  }
}

/** A newer format is told apart from a broken document before the form is checked. */
function document<S extends TSchema>(schema: S, format: string, text: string, path: string) {
  const found = /"format":\s*"([^"]*)"/.exec(text)?.[1]
  const [name, version] = format.split('/')
  if (found?.startsWith(`${name}/`) && Number(found.slice(found.indexOf('/') + 1)) > Number(version)) {
    throw new RuntimeFailure(
      'BUNDLE_UNSUPPORTED',
      `${path} has the format '${found}', this version reads '${format}'`,
      { file: path, format: found, supported: format },
      { hints: ['Use a newer version of seeknal.'] },
    )
  }
  return parseDocument(schema, text, path, 'BUNDLE_INVALID')
}

function checkFiles(contract: BundleFile, bytes: ReadonlyMap<string, Uint8Array>, what: string): void {
  const listed = sortedKeys(contract.files)
  const unsafe = listed.filter((path) => !isBundlePath(path) || path === 'bundle.json')
  if (unsafe.length > 0) throw invalidBundle(`paths that a bundle cannot have: ${named(unsafe)}`)
  const missing = listed.filter((path) => !bytes.has(path))
  const changed = listed.filter((path) => {
    const content = bytes.get(path)
    return content !== undefined && sha256(content) !== contract.files[path]
  })
  const extra = [...bytes.keys()]
    .filter((path) => path !== 'bundle.json' && contract.files[path] === undefined)
    .sort(byCodeUnit)
  const parts = [
    ['changed', changed],
    ['missing', missing],
    ['not part of it', extra],
  ] as const
  const found = parts.filter(([, paths]) => paths.length > 0).map(([word, paths]) => `${word}: ${named(paths)}`)
  if (found.length === 0) return
  throw new RuntimeFailure(
    'BUNDLE_DIGEST_MISMATCH',
    `the files of ${what} are not what was compiled; ${found.join('; ')}`,
    { changed, missing, extra },
    { hints: RECOMPILE },
  )
}

const named = (paths: readonly string[]): string =>
  paths
    .slice(0, MOST_NAMED)
    .map((path) => `'${path}'`)
    .join(', ') + (paths.length > MOST_NAMED ? ` and ${paths.length - MOST_NAMED} more` : '')

/** What the schemas cannot say; see "Invariants" in FORMAT.md. Each protects the runtime from a forged contract. */
function checkInvariants(contract: BundleFile, manifest: Manifest): void {
  const { environment, prefix, steps } = contract
  const name = environment === null ? null : environmentName(environment)
  if (name === undefined) throw invalidBundle(`'${environment}' is no environment name`)
  if (prefix !== namespacePrefix(name)) throw invalidBundle(`the prefix '${prefix}' does not belong to the environment`)
  if ((contract.base === null) !== (contract.files['base.json'] === undefined))
    throw invalidBundle('base.json and the digest of the base do not go together')
  if (contract.base !== null && contract.files['base.json'] !== contract.base)
    throw invalidBundle('base.json is not the base that bundle.json names')
  const nodes = new Map(manifest.nodes.map((node) => [node.id, node]))
  const outputs = new Map<string, string>()
  for (const { id } of manifest.nodes) {
    const [stem, other] = [outputStem(asNodeId(id)), outputs.get(outputStem(asNodeId(id)))]
    if (other !== undefined) throw invalidBundle(`nodes '${other}' and '${id}' have one output file`)
    outputs.set(stem, id)
  }
  const isDatabase = engineFacts(contract).isDatabase
  const done = new Set<string>()
  for (const step of steps) {
    const node = nodes.get(step.node)
    const id = node === undefined ? '' : idOf(step, node)
    if (step.id !== id || done.has(step.id) || node === undefined)
      throw invalidBundle(`step '${step.id}' is not one step for one node of the manifest`)
    if (step.file !== `apply/${step.id}.sql` || contract.files[step.file] === undefined)
      throw invalidBundle(`step '${step.id}' has no file`)
    if (step.kind === 'check') requireChecks(step, node, done)
    else if (step.kind === 'materialize') requireTarget(step, node, contract, done)
    else if (isDatabase) requireTable(step, node, contract)
    else requireOutput(step, prefix, node, contract)
    const early = step.depends_on.find((id) => !done.has(id))
    if (early !== undefined)
      throw invalidBundle(`step '${step.id}' depends on '${early}', which does not come before it`)
    const unmade = step.inputs.find((input) => input.from === 'bundle' && !step.depends_on.includes(input.node))
    if (unmade !== undefined)
      throw invalidBundle(`step '${step.id}' reads '${unmade.node}' without depending on its step`)
    done.add(step.id)
  }
  const unchecked = steps.find((step) => {
    const isChecked = nodes.get(step.node)?.checks !== undefined
    return isChecked && step.kind === 'build' && !done.has(checkStepId(step.node))
  })
  if (unchecked !== undefined) throw invalidBundle(`node '${unchecked.node}' has checks and no step that runs them`)
  requireTargets(contract, nodes)
  const foreign = manifest.nodes.find((node) => !hasOwnFingerprint(node))
  if (foreign !== undefined) throw invalidBundle(`the checks of node '${foreign.id}' do not have their fingerprint`)
}

function idOf(step: Step, node: ManifestNode): string {
  if (step.kind === 'materialize') return targetStepIds(node.id, node.targets ?? [])[step.target] ?? ''
  return step.kind === 'check' ? checkStepId(step.node) : step.node
}

/** Each output that is made goes to all its targets, and a promotion's SQL is there for each that an environment has. */
function requireTargets(contract: BundleFile, nodes: ReadonlyMap<string, ManifestNode>): void {
  const steps = materializeSteps(contract)
  const unwritten = buildSteps(contract).find(({ node }) => {
    const written = steps.filter((step) => step.node === node).length
    return written !== (nodes.get(node)?.targets?.length ?? 0)
  })
  if (unwritten !== undefined) throw invalidBundle(`node '${unwritten.node}' has targets and no step for each of them`)
  const promoted = sortedKeys(contract.promote.materialize ?? {})
  const wanted = contract.environment === null ? [] : steps.map(({ id }) => id).sort(byCodeUnit)
  if (canonicalJson(promoted) !== canonicalJson(wanted))
    throw invalidBundle('it does not promote the targets that it writes')
  const needed = new Set(steps.map(({ connection }) => connection))
  const named = contract.requires.connections.map(({ name }) => name)
  const other = [...needed].find((name) => !named.includes(name))
  if (other !== undefined) throw invalidBundle(`it uses the connection '${other}' without saying so`)
}

/** Such a step writes its own node, which comes before it, and its SQL is what the target's description says. */
function requireTarget(
  step: MaterializeStep,
  node: ManifestNode,
  contract: BundleFile,
  done: ReadonlySet<string>,
): void {
  const { prefix, files, promote } = contract
  const { id, inputs, target: index } = step
  const [target, columns] = [node.targets?.[index], node.columns]
  const [input, second] = inputs
  if (target === undefined || columns === null) throw invalidBundle(`step '${id}' writes to no target of '${node.id}'`)
  if (input?.node !== node.id || second !== undefined || input.from !== 'bundle' || !done.has(node.id))
    throw invalidBundle(`step '${id}' writes something else than the output of '${node.id}'`)
  if (step.connection !== target.connection || step.relation !== relationOf(target, prefix))
    throw invalidBundle(`step '${id}' writes to '${step.relation}'`)
  const stored = storedRows(step, node, contract)
  const digest = (before: string): string =>
    sha256(targetText({ node: node.id, target, columns, prefix: before, stored }))
  const promoted = promote.materialize?.[id]
  if (files[step.file] !== digest(prefix) || (promoted !== undefined && files[promoted] !== digest('')))
    throw invalidBundle(`the SQL of step '${id}' is not what writes its target`)
}

function requireOutput(
  { id, node, output, extract }: BuildStep,
  prefix: string,
  { source_table: table }: ManifestNode,
  { files, requires }: BundleFile,
): void {
  if (!('file' in output)) throw invalidBundle(`step '${id}' makes no file`)
  if (output.file !== `${outputStem(asNodeId(node))}.parquet`)
    throw invalidBundle(`step '${id}' writes '${output.file}'`)
  if (output.relation !== `${prefix}${node}`) throw invalidBundle(`step '${id}' makes '${output.relation}'`)
  if (extract?.connection !== table?.connection)
    throw invalidBundle(`step '${id}' does not read what '${node}' is read from`)
  if (extract === undefined) return
  if (extract.file !== extractFile(id) || files[extract.file] === undefined)
    throw invalidBundle(`step '${id}' has no file that asks its database`)
  if (!requires.connections.some(({ name }) => name === extract.connection))
    throw invalidBundle(`it uses the connection '${extract.connection}' without saying so`)
}

/** A check is of the node itself, right where its output is made if it is, and asks what the manifest says. */
function requireChecks({ id, inputs, checks }: CheckStep, node: ManifestNode, done: ReadonlySet<string>): void {
  const [input, second] = inputs
  if (input?.node !== node.id || second !== undefined || (input.from === 'bundle') !== done.has(node.id))
    throw invalidBundle(`step '${id}' checks something else than the output of '${node.id}'`)
  const wanted = (node.checks ?? []).map(({ values: _, ...check }) => check)
  if (canonicalJson(checks) !== canonicalJson(wanted))
    throw invalidBundle(`step '${id}' does not run the checks that the manifest lists`)
}

const hasOwnFingerprint = ({ checks, checks_fingerprint: fingerprint }: ManifestNode): boolean =>
  checks === undefined ? fingerprint === undefined : fingerprint === checksFingerprint(checks)

/** The message of what could not be read, for the callers that open files. */
export const unreadable = (path: string, cause: unknown): RuntimeFailure =>
  new RuntimeFailure('BUNDLE_INVALID', `cannot read the bundle ${path}: ${messageOf(cause)}`, { path }, { cause })
