// Which nodes must execute, and because of which changes. Decided in graph order; "affected" is a demand-driven
// recursion over (node, tuple of columns), memoised, that only looks at nodes which execute. What the engine cannot
// answer counts as affected.
//
// Why a carried fingerprint is sound. A node's own fingerprint and those of its edges are carried from the base all
// together or not at all, so a record always equals one that was fresh once: a definition D over inputs V1…Vk, all as
// they were then. It is carried only when the output of now equals the output that the base's record stands for:
//  1. the base describes what the node was made from (no input is newer than its reader, as after a partial run);
//  2. both queries, each over the columns that its inputs have on its side, have plans of one form, so that they are one
//     function of the tuples they scan; and their outputs have equal names and types in order;
//  3. every tuple scanned is unaffected, by the same argument for the input.
// Carrying the edges one by one would not do: a definition bound over the columns of one time and the rows of another
// stands for an output that no run has made (SELECT *, set operations and NATURAL JOIN read by position or by name).

import {
  isReproducible,
  type ManifestInput,
  type ManifestNode,
  runParameters,
} from '../../runtime/contract/manifest.ts'
import { asVersion, versionOf } from '../versions.ts'
import { differingMembers, isRowMember, ownMembers, type Pairs, sameColumns, sameJson } from './pairs.ts'
import type { Plans } from './queries.ts'
import { type Scans, scanned, scansBySyntax } from './scans.ts'
import type { Sides } from './sides.ts'
import type { Trees } from './trees.ts'

/** Changes that reach something, by the ids of the changed nodes. */
export type Causes = ReadonlySet<string>
const NONE: Causes = new Set()

export interface Verdict {
  /** The node with the fingerprints of the new manifest. */
  readonly record: ManifestNode
  readonly executes: boolean
  /** The definition itself asks for it, or the output has another name. */
  readonly own: boolean
  /** Inputs of which something that the node reads may have changed → because of which changes. */
  readonly inputs: ReadonlyMap<string, Causes>
  /** Inputs that are newer than the stored output. */
  readonly stale: readonly string[]
}

interface Affecting {
  readonly shared: Scans | null
  readonly inputs: ReadonlyMap<string, Causes>
}

/** From so many questions about plans on, the syntax decides what it can. About 0.2 s. */
export const MANY_PLANS = 100

export class Impact {
  readonly #pairs: Pairs
  readonly #plans: Plans
  readonly #trees: Trees
  readonly #sides: Sides
  readonly #sameSettings: boolean
  readonly #verdicts = new Map<string, Verdict>()
  readonly #memo = new Map<string, Promise<Causes>>()

  constructor(
    pairs: Pairs,
    { plans, trees, sides }: { readonly plans: Plans; readonly trees: Trees; readonly sides: Sides },
  ) {
    this.#pairs = pairs
    this.#plans = plans
    this.#trees = trees
    this.#sides = sides
    this.#sameSettings = sameJson(sides.settings.old, sides.settings.now)
  }

  /** To be asked of each node once, inputs first. */
  async decide(node: ManifestNode): Promise<Verdict> {
    const base = this.#pairs.of(node.id)?.base ?? null
    const verdict = base === null ? this.#added(node) : await this.#decidePair(node, base)
    this.#verdicts.set(node.id, verdict)
    return verdict
  }

  #added(node: ManifestNode): Verdict {
    return { record: this.#fresh(node), executes: true, own: true, inputs: new Map(), stale: [] }
  }

  async #decidePair(node: ManifestNode, base: ManifestNode): Promise<Verdict> {
    const stale = this.#pairs.staleInputs(base).map((i) => i.ref)
    const members = differingMembers(base, node)
    const sameRefs = node.inputs.map((i) => i.ref).join() === base.inputs.map((i) => i.ref).join()
    if (members.length === 0 && sameRefs && stale.length === 0 && this.#inputsAreAsBefore(base)) {
      return this.#verdict(node, base, this.#carried(node, base, null), new Map(), stale, true)
    }
    const all = node.columns?.map((c) => c.name) ?? null
    const affecting = await this.#affecting(node, base, all)
    const { shared } = affecting
    const read = shared === null ? await this.#affectedInputs(node, await this.#scansNow(node, all)) : affecting.inputs
    const sameFunction = shared !== null && sameColumns(base, node)
    const sameRun = sameJson(runParameters(node), runParameters(base))
    const carries =
      sameFunction && read.size === 0 && members.every(isRowMember) && sameRefs && sameRun && stale.length === 0
    const record = carries ? this.#carried(node, base, shared) : this.#fresh(node)
    const inputs = sameFunction ? read : this.#withRebound(node, base, read)
    return this.#verdict(node, base, record, inputs, stale, sameFunction)
  }

  #verdict(
    node: ManifestNode,
    base: ManifestNode,
    record: ManifestNode,
    inputs: ReadonlyMap<string, Causes>,
    stale: readonly string[],
    sameFunction: boolean,
  ): Verdict {
    const executes = node.id !== base.id || fingerprints(record) !== fingerprints(base)
    const own = executes && (this.#ownDiffers(node, base, sameFunction) || (inputs.size === 0 && stale.length === 0))
    return { record, executes, own, inputs: executes ? inputs : new Map(), stale: executes ? stale : [] }
  }

  #ownDiffers(node: ManifestNode, base: ManifestNode, sameFunction: boolean): boolean {
    if (node.id !== base.id) return true
    const refs = base.inputs.map((i) => this.#pairs.now(i.ref))
    if (refs.join() !== node.inputs.map((i) => i.ref).join()) return true
    return ownMembers(base, node).some((member) => !(sameFunction && OF_QUERY.has(member)))
  }

  /** Which changes may make a difference to these columns of a node's output (null: to any); none: it is as it was. */
  async #causes(id: string, columns: readonly string[] | null): Promise<Causes> {
    const verdict = this.#verdicts.get(id)
    if (verdict === undefined) return new Set([id])
    if (!verdict.executes) return NONE
    const key = `${id} ${columns === null ? '*' : JSON.stringify(columns)}`
    const known = this.#memo.get(key) ?? this.#findCauses(verdict, columns)
    this.#memo.set(key, known)
    return known
  }

  async #findCauses({ record: node, stale }: Verdict, columns: readonly string[] | null): Promise<Causes> {
    const base = this.#pairs.of(node.id)?.base ?? null
    if (base === null || base.id !== node.id || stale.length > 0) return this.#blamed(node.id)
    if (!haveEqual(base, node, columns)) return this.#blamed(node.id)
    const { shared, inputs } = await this.#affecting(node, base, columns ?? node.columns?.map((c) => c.name) ?? null)
    return shared === null ? this.#blamed(node.id) : union(inputs.values())
  }

  /**
   * Which inputs affect these columns of the output; `shared` as in #sharedScans. Where an edit reaches very many nodes,
   * the syntax is enough to say that one more is affected; that one is not affected, only plans say.
   */
  async #affecting(node: ManifestNode, base: ManifestNode, columns: readonly string[] | null): Promise<Affecting> {
    const bySyntax =
      this.#plans.asked >= MANY_PLANS && this.#isSameQuery(node, base) ? scansBySyntax(node, columns) : null
    if (bySyntax !== null) {
      const inputs = await this.#affectedInputs(node, bySyntax)
      if (inputs.size > 0) return { shared: bySyntax, inputs }
    }
    const shared = await this.#sharedScans(node, base, columns)
    return { shared, inputs: shared === null ? new Map() : await this.#affectedInputs(node, shared) }
  }

  /**
   * What both versions scan to give these columns of the output, when they are one function of it. Null: they are not,
   * or nobody can tell.
   */
  async #sharedScans(node: ManifestNode, base: ManifestNode, columns: readonly string[] | null): Promise<Scans | null> {
    if (node.dialect === undefined && base.dialect === undefined) return this.#sharedByPlans(node, base, columns)
    return (await this.#sharedByReading(node, base, columns)) ?? this.#sharedByTrees(node, base, columns)
  }

  async #sharedByPlans(
    node: ManifestNode,
    base: ManifestNode,
    columns: readonly string[] | null,
  ): Promise<Scans | null> {
    const same = this.#isSameQuery(node, base)
    if (node.sql === undefined || base.sql === undefined) return same && node.sql === base.sql ? new Map() : null
    const everything: Scans | null = same ? new Map(node.inputs.map((i) => [i.ref, null])) : null
    const now = await this.#sides.now(node)
    if (now === null || columns === null) return everything
    const scans = await this.#plans.scans(node.id, { query: now, columns })
    if (scans === null) return everything
    if (!same) {
      if (!this.#sameSettings) return null
      if (differingMembers(base, node).some((member) => isRowMember(member) && !OF_QUERY.has(member))) return null
      const old = await this.#sides.old(base)
      if (old === null || !(await this.#plans.equal(node.id, { query: now, columns }, { query: old, columns })))
        return null
    }
    return scans
  }

  /** The same of queries in another dialect, where DuckDB reads both as the server does. */
  async #sharedByReading(
    node: ManifestNode,
    base: ManifestNode,
    columns: readonly string[] | null,
  ): Promise<Scans | null> {
    const isOf = (one: ManifestNode): boolean => one.dialect === undefined || isReproducible(one.reproducibility)
    if (columns === null || node.dialect !== base.dialect || !isOf(node) || !isOf(base)) return null
    const [now, old] = [await this.#sides.now(node), await this.#sides.old(base)]
    return now === null || old === null ? null : this.#sharedByPlans(node, base, columns)
  }

  /** The same of queries that DuckDB does not read. */
  async #sharedByTrees(
    node: ManifestNode,
    base: ManifestNode,
    columns: readonly string[] | null,
  ): Promise<Scans | null> {
    const everything = this.#isSameQuery(node, base) ? new Map(node.inputs.map((i) => [i.ref, null])) : null
    if (columns === null || !this.#sameSettings) return everything
    if (differingMembers(base, node).some((member) => isRowMember(member) && !OF_QUERY.has(member))) return everything
    return (await this.#trees.shared(node, base, columns)) ?? everything
  }

  /** Equal definitions over inputs with equal columns. */
  #isSameQuery(node: ManifestNode, base: ManifestNode): boolean {
    if (!this.#sameSettings || differingMembers(base, node).some(isRowMember)) return false
    return node.inputs.every((input, i) => {
      const before = this.#pairs.baseNode(base.inputs[i]?.ref ?? '')
      const now = this.#pairs.of(input.ref)?.node
      return before !== undefined && now !== undefined && base.inputs[i]?.ref === input.ref && sameColumns(before, now)
    })
  }

  async #scansNow(node: ManifestNode, columns: readonly string[] | null): Promise<Scans> {
    const byTree = await this.#trees.scans(node)
    if (byTree !== null) return byTree
    const query = await this.#sides.now(node)
    const scans = query && columns && (await this.#plans.scans(node.id, { query, columns }))
    return scans ?? new Map(node.inputs.map((i) => [i.ref, null]))
  }

  async #affectedInputs(node: ManifestNode, scans: Scans): Promise<ReadonlyMap<string, Causes>> {
    const affected = new Map<string, Causes>()
    for (const [relation, columns] of scans) {
      const causes = node.inputs.some((i) => i.ref === relation)
        ? await this.#causes(relation, columns)
        : new Set([relation])
      if (causes.size > 0) affected.set(relation, causes)
    }
    return affected
  }

  /** An unchanged query that other input columns bind in another way is affected by the inputs that have them. */
  #withRebound(
    node: ManifestNode,
    base: ManifestNode,
    inputs: ReadonlyMap<string, Causes>,
  ): ReadonlyMap<string, Causes> {
    if (ownMembers(base, node).some(isRowMember)) return inputs
    const all = new Map(inputs)
    for (const { ref } of node.inputs) {
      const pair = this.#pairs.of(ref)
      const before = this.#pairs.baseNode(ref)
      if (all.has(ref) || pair === undefined || (before !== undefined && sameColumns(before, pair.node))) continue
      all.set(ref, this.#blamed(ref))
    }
    return all
  }

  /** The node itself when its own definition changed, else whatever made it execute. */
  #blamed(id: string): Causes {
    const verdict = this.#verdicts.get(id)
    if (verdict === undefined || verdict.own) return new Set([id])
    const causes = union(verdict.inputs.values())
    return causes.size === 0 ? new Set([id]) : causes
  }

  #inputsAreAsBefore(base: ManifestNode): boolean {
    return base.inputs.every((edge) => {
      const before = this.#pairs.baseNode(edge.ref)
      const now = this.#verdicts.get(edge.ref)?.record
      return before !== undefined && now !== undefined && versionOf(before) === versionOf(now)
    })
  }

  #fresh(node: ManifestNode): ManifestNode {
    const inputs = node.inputs.map((i) => ({ covers: null, fingerprint: this.#edge(i), reads: i.reads, ref: i.ref }))
    // With the same edges it stays the same record, whose version is known.
    return inputs.every(({ fingerprint }, i) => fingerprint === node.inputs[i]?.fingerprint)
      ? node
      : { ...node, inputs }
  }

  /** With the base's fingerprints. `scans` is what was proven to be unaffected; null: the inputs are what they were. */
  #carried(node: ManifestNode, base: ManifestNode, scans: Scans | null): ManifestNode {
    const inputs = node.inputs.map((input, i): ManifestInput => {
      const { reads } = input
      const edge = base.inputs[i] ?? input
      const against = this.#edge(input)
      if (edge.fingerprint === against) return { covers: null, fingerprint: against, reads, ref: input.ref }
      const covers = scans === null ? edge.covers : scanned(scans, input.ref)
      return { against, covers, fingerprint: edge.fingerprint, reads, ref: input.ref }
    })
    return asVersion({ ...node, definition_fingerprint: base.definition_fingerprint, inputs }, base)
  }

  #edge(input: ManifestInput): string {
    const record = this.#verdicts.get(input.ref)?.record
    return record === undefined ? input.fingerprint : versionOf(record)
  }
}

/** Members of a definition whose difference the plans judge. */
const OF_QUERY: ReadonlySet<string> = new Set(['sql', 'inputs', 'input_columns'])

/** What an execution fingerprint takes from a record. */
const fingerprints = (node: ManifestNode): string =>
  JSON.stringify([node.definition_fingerprint, node.inputs.map((i) => [i.ref, i.fingerprint])])

/** Whether both outputs have these columns with equal types; null: the same columns in the same order. */
function haveEqual(a: ManifestNode, b: ManifestNode, columns: readonly string[] | null): boolean {
  if (columns === null) return sameColumns(a, b)
  if (a.columns === null || b.columns === null) return false
  const typeIn = (node: ManifestNode, name: string) => node.columns?.find((c) => c.name === name)?.type
  return columns.every((name) => typeIn(a, name) !== undefined && typeIn(a, name) === typeIn(b, name))
}

function union(sets: Iterable<Causes>): Causes {
  const all = new Set<string>()
  for (const set of sets) for (const id of set) all.add(id)
  return all
}
