// Transforms that the cache does not know → what the engine says of them, many with one question: in it a query reads the
// others by their bare names, and a chain is not asked about link by link. Readers are asked about ahead of their level, as
// many as were unknown just before. What is not told so is asked of each query alone, as is whatever has a mistake.

import type { NodeId } from '../../runtime/contract/ids.ts'
import type { ChainRequest, DescribeResult, Relation } from '../ports.ts'
import type { ResolvedTransform } from '../resolve.ts'
import { foldCase } from '../sql/tree.ts'
import { type BareText, bareName, bareText } from './bare-names.ts'
import type { Output, World } from './bound-node.ts'
import { relationOf, statementTexts } from './outputs.ts'

/** So many at once: what the engine said of the others can be read meanwhile. */
export const MOST_AT_ONCE = 32

/** A transform and what it reads. */
export interface Open {
  readonly node: ResolvedTransform
  readonly relations: readonly Relation[]
}

type Outputs = ReadonlyMap<NodeId, Output>

interface Link {
  readonly node: ResolvedTransform
  readonly text: BareText
}

export class Chains {
  readonly #world: World
  /** Inputs before readers. */
  readonly #order: readonly ResolvedTransform[]
  readonly #places: ReadonlyMap<NodeId, number>
  /** What nobody has asked for yet. */
  readonly #ahead = new Map<NodeId, DescribeResult>()
  /** Nodes of a chain that has a mistake somewhere. */
  readonly #alone = new Set<NodeId>()
  /** So many nodes before were unknown. */
  #unknown = 0

  constructor(order: readonly ResolvedTransform[], world: World) {
    this.#order = order
    this.#places = new Map(order.map(({ id }, i) => [id, i]))
    this.#world = world
  }

  /** Told that the cache knows a node: it may know the readers, too. */
  known(): void {
    this.#unknown = 0
  }

  /** Answers in the order of `open`. `outputs` holds what is known by now. */
  async describe(open: readonly Open[], outputs: Outputs): Promise<readonly (DescribeResult | undefined)[]> {
    const isOpen = ({ node }: Open): boolean => !this.#ahead.has(node.id)
    const asked = open.filter(isOpen)
    if (asked.length > 0) await this.#askTogether(asked, outputs)
    const requests = asked
      .filter(isOpen)
      .map(({ node, relations }) => ({ statements: statementTexts(node), relations }))
    const alone = (requests.length === 0 ? [] : await (await this.#world.engine()).describe(requests)).values()
    return open.map(({ node: { id } }) => {
      const answer = this.#ahead.get(id)
      return this.#ahead.delete(id) ? answer : alone.next().value
    })
  }

  async #askTogether(asked: readonly Open[], outputs: Outputs): Promise<void> {
    const links = this.#linksFrom(asked, outputs)
    this.#unknown += asked.length
    if (links.length < 2) return
    const engine = await this.#world.engine()
    const answers = await engine.describeChain(requestOf(links, (id) => this.#relationOf(id, outputs)))
    const told = links.flatMap(({ node }, i) => {
      const answer = answers[i] ?? null
      return answer === null ? [] : [[node.id, answer] as const]
    })
    for (const [id, answer] of told) this.#ahead.set(id, answer)
    if (told.length === 0) for (const { node } of links) this.#alone.add(node.id)
    // What stopped this chain may well stop the next.
    this.#unknown = told.length < links.length ? told.length : this.#unknown + links.length - asked.length
  }

  /** Those asked for, and behind them readers whose inputs are known or asked about as well. */
  #linksFrom(asked: readonly Open[], outputs: Outputs): readonly Link[] {
    const links = new Map<string, Link>()
    const add = (node: ResolvedTransform): void => {
      const name = foldCase(bareName(node.id))
      const text = links.has(name) || this.#alone.has(node.id) ? null : bareText(node)
      if (text !== null) links.set(name, { node, text })
    }
    for (const { node } of asked) add(node)
    const most = Math.min(MOST_AT_ONCE, asked.length + this.#unknown)
    const next = 1 + Math.max(...asked.map(({ node }) => this.#places.get(node.id) ?? 0))
    for (const node of this.#order.slice(next, next + 2 * MOST_AT_ONCE)) {
      if (links.size >= most) break
      if (outputs.has(node.id) || this.#ahead.has(node.id)) continue
      if (node.inputs.every((id) => isLink(id, links) || this.#relationOf(id, outputs) !== null)) add(node)
    }
    return [...links.values()]
  }

  /** Null: its columns are not known by now. */
  #relationOf(id: NodeId, outputs: Outputs): Relation | null {
    const output = outputs.get(id)
    if (output !== undefined) return relationOf(id, output)
    const answer = this.#ahead.get(id)
    if (answer?.kind !== 'columns') return null
    return { schema: id.slice(0, id.indexOf('.')), name: bareName(id), columns: answer.columns }
  }
}

const isLink = (id: NodeId, links: ReadonlyMap<string, Link>): boolean =>
  links.get(foldCase(bareName(id)))?.node.id === id

/** Of two relations of one name, the second keeps its schema. */
function requestOf(links: readonly Link[], relation: (id: NodeId) => Relation | null): ChainRequest {
  const named = new Map<string, NodeId>(links.map(({ node }) => [foldCase(bareName(node.id)), node.id]))
  const [bare, qualified] = [new Map<NodeId, Relation>(), new Map<NodeId, Relation>()]
  const places = new Map(links.map(({ node }, i) => [node.id, i]))
  for (const id of links.flatMap(({ node }) => node.inputs)) {
    const read = places.has(id) ? null : relation(id)
    if (read === null) continue
    const name = foldCase(bareName(id))
    if (!named.has(name)) named.set(name, id)
    ;(named.get(name) === id ? bare : qualified).set(id, read)
  }
  return {
    queries: links.map(({ node, text }) => ({
      name: bareName(node.id),
      sql: text((id) => named.get(foldCase(bareName(id))) === id),
      reads: node.inputs.flatMap((id) => places.get(id) ?? []),
    })),
    named: [...bare.values()],
    relations: [...qualified.values()],
  }
}
