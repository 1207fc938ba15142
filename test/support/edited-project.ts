// A project of files that random edits change one after the other: queries, inputs, columns, descriptions, tests, comments,
// mistakes and their repair, nodes that move, come and go. A seed gives the same edits everywhere.

import type { ProjectFile } from '../../compiler/load.ts'
import type { Random } from './random.ts'

interface EditedNode {
  readonly id: string
  readonly file: string
  readonly shape: number
  readonly number: number
  readonly inputs: readonly string[]
  /** Members of the YAML that no row depends on. */
  readonly about: Readonly<Record<string, unknown>>
  readonly comment: string
}

const SOURCES = ['source.s0', 'source.s1', 'source.s2']
/** The last ones have mistakes, and columns that only data can tell. */
const SHAPES = 10
const PLAIN_SHAPES = 8

/** Every query keeps the column k, by which readers find rows whatever else was edited. */
function sqlOf({ id, shape, number, inputs, comment }: EditedNode): string {
  const own = `x_${id.slice(10)}`
  const [first = '', second = first] = inputs.map((input) => `ref('${input}')`)
  const queries: readonly string[] = [
    `SELECT *, ${number} AS ${own} FROM ${first}`,
    `SELECT k, count(*) AS ${own} FROM ${first} GROUP BY k`,
    `SELECT a.*, CAST(${number} AS ${number % 2 === 0 ? 'BIGINT' : 'VARCHAR'}) AS ${own}\nFROM ${first} AS a JOIN ${second} AS b ON a.k = b.k`,
    `SELECT k FROM ${first} WHERE k > ${number}`,
    `CREATE TEMP TABLE held_${number} AS SELECT k, ${number} AS ${own} FROM ${first};\nSELECT * FROM held_${number}`,
    `SELECT k, '{{ run_date }}' AS ${own}, '{{ env.REGION }}' AS region FROM ${first}`,
    `SELECT k, random() AS ${own} FROM ${first}`,
    `SELECT k, {{ factor }} * ${number} AS ${own} FROM ${first} -- {{ tenth }}`,
    number < 8 ? `SELECT k FROM ${first} ORDER BY k LIMIT ${number}` : `PIVOT ${first} ON a USING count(*) GROUP BY k`,
    number % 4 === 0 ? `SELECT nowhere FROM ${first}` : `SELECT k, {{ rules.known }} AS ${own} FROM ${first}`,
  ]
  return `${comment === '' ? '' : `-- ${comment} é\n`}${queries[shape] ?? ''}`
}

const sourceYaml = (id: string, about: EditedNode['about']): string =>
  JSON.stringify({
    ...{ kind: 'source', name: id.slice(7), source: 'csv', table: `${id.slice(7)}${id.endsWith('1') ? '_*' : ''}.csv` },
    columns: { k: 'INTEGER', a: 'VARCHAR', ...(id.endsWith('2') ? { big: 'HUGEINT' } : {}) },
    ...about,
  })

const nodeYaml = (node: EditedNode): string =>
  node.id.startsWith('source.')
    ? sourceYaml(node.id, node.about)
    : `${JSON.stringify({
        ...{ kind: 'transform', name: node.id.slice(10), inputs: node.inputs.map((ref) => ({ ref })) },
        ...{ ...node.about, transform: sqlOf(node) },
      })}${node.comment === '' ? '' : ` # ${node.comment}`}`

export class EditedProject {
  readonly #random: Random
  readonly #past: (readonly EditedNode[])[] = []
  #nodes: readonly EditedNode[]
  #factor = 3
  readonly #shapes: number

  /** A project of many nodes would never be without a mistake. */
  constructor(random: Random, transforms = 9) {
    this.#random = random
    this.#shapes = transforms > 20 ? PLAIN_SHAPES : SHAPES
    const blank = { shape: 0, number: 1, inputs: [], about: {}, comment: '' }
    const sources = SOURCES.map((id) => ({ ...blank, id, file: `seeknal/${id}.yml` }))
    const nodes: EditedNode[] = [...sources]
    for (let n = 0; n < transforms; n++) {
      const id = `transform.t${n}`
      // Some files hold two nodes.
      const file = `seeknal/t${n % 4 === 3 ? n - 1 : n}.yml`
      nodes.push({ ...blank, id, file, ...this.#query(nodes) })
    }
    this.#nodes = nodes
  }

  /** In no order. */
  get files(): readonly ProjectFile[] {
    const texts = new Map<string, string[]>()
    for (const node of this.#nodes) texts.set(node.file, [...(texts.get(node.file) ?? []), nodeYaml(node)])
    const params = JSON.stringify({ factor: this.#factor })
    return [
      { path: 'seeknal_project.yml', text: `name: edited\nversion: 1.0.0\nparams: ${params}\nstrange: 1\n` },
      {
        path: 'seeknal/common/rules.yml',
        text: 'rules:\n  - {id: known, value: "k + 1"}\n  - {id: tenth, value: "10"}\n',
      },
      ...[...texts].map(([path, documents]) => ({ path, text: documents.join('\n---\n') })),
    ]
  }

  /** Says what it did. */
  edit(): string {
    const before = this.#nodes
    const done = this.#edit()
    this.#past.push(before)
    return done
  }

  #edit(): string {
    const random = this.#random
    const kind = random.between(0, 99)
    if (kind < 40) return this.#change('query', (node, earlier) => ({ ...node, ...this.#query(earlier) }))
    if (kind < 50) return this.#change('number', (node) => ({ ...node, number: random.between(0, 9) }))
    if (kind < 60) return this.#change('comment', (node) => ({ ...node, comment: `c${random.between(0, 9)}` }))
    if (kind < 80) return this.#change('about', (node) => ({ ...node, about: this.#about() }))
    if (kind < 90) return this.#revert()
    if (kind < 93) return this.#change('file', (node) => ({ ...node, file: `seeknal/m${random.between(0, 2)}.yml` }))
    if (kind < 96) return this.#rename()
    this.#factor += 1
    return 'project'
  }

  #change(what: string, change: (node: EditedNode, earlier: readonly EditedNode[]) => EditedNode): string {
    const at = this.#random.between(what === 'query' ? SOURCES.length : 0, this.#nodes.length - 1)
    this.#nodes = this.#nodes.map((node, i) => (i === at ? change(node, this.#nodes.slice(0, i)) : node))
    return `${what} of ${this.#nodes[at]?.id}`
  }

  /** One file, or all, as it was some edits ago. */
  #revert(): string {
    const past = this.#past.at(-this.#random.between(1, Math.max(1, Math.min(4, this.#past.length))))
    if (past === undefined) return 'nothing'
    if (this.#random.chance(0.5)) {
      this.#nodes = past
      return 'back to an earlier project'
    }
    const before = new Map(past.map((node) => [node.id, node]))
    return this.#change('earlier text', (node) => before.get(node.id) ?? node)
  }

  /** A node that nothing reads gets another name. */
  #rename(): string {
    const read = new Set(this.#nodes.flatMap(({ inputs }) => inputs))
    const free = this.#nodes.filter(({ id }) => id.startsWith('transform.') && !read.has(id))
    const [first, ...others] = free
    if (first === undefined) return 'nothing'
    const chosen = this.#random.pick([first, ...others])
    const name = `r${this.#random.between(0, 99)}`
    const renamed = { ...chosen, id: `transform.${name}`, about: { renamed_from: chosen.id } }
    this.#nodes = this.#nodes.map((node) => (node === chosen ? renamed : node))
    return `${chosen.id} is ${renamed.id}`
  }

  #query(earlier: readonly EditedNode[]): Pick<EditedNode, 'shape' | 'number' | 'inputs'> {
    const random = this.#random
    const ids = earlier.map(({ id }) => id)
    const near = this.#shapes === SHAPES ? ids.slice(-5) : ids.slice(0, 20)
    const inputs = [random.pick(['source.s0', ...near]), random.pick(['source.s1', ...ids.slice(0, 20)])]
    return { shape: random.between(0, this.#shapes - 1), number: random.between(0, 9), inputs: [...new Set(inputs)] }
  }

  #about(): EditedNode['about'] {
    const random = this.#random
    const some = (members: Readonly<Record<string, unknown>>) => (random.chance(0.3) ? members : {})
    return {
      ...some({ description: `about ${random.between(0, 9)}` }),
      ...some({ owner: random.pick(['ann', 'bob']) }),
      ...some({ tags: [random.pick(['raw', 'mart'])] }),
      ...some({ unknown_key: random.between(0, 9) }),
      ...some({ tests: [{ type: 'not_null', columns: ['k'], severity: random.pick(['error', 'warn']) }] }),
    }
  }
}
