// Random edits, executed before and after. Values are such that floating-point sums are exact, and queries such that every
// order is total, so results are compared as they are. More edits: `node … --edits 50000 --seed 7`, or the environment
// variables EDITS and SEED.

import * as assert from 'uvu/assert'
import { Plans } from '../compiler/diff/queries.ts'
import { noCache, type Relation } from '../compiler/ports.ts'
import { planForm } from '../compiler/sql/plan-form.ts'
import type { Column, Manifest, ManifestNode } from '../runtime/contract/manifest.ts'
import { analysisEngine } from './support/analysis.ts'
import { diffed, type MemoryProject } from './support/memory-project.ts'
import { ProjectData } from './support/project-data.ts'
import { Decisions, type Salts } from './support/random-expressions.ts'
import { editedSalts, randomProject, SOURCES } from './support/random-projects.ts'
import { queryOf } from './support/random-queries.ts'
import { suite } from './support/suite.ts'

const test = suite('differential')

function option(name: string, otherwise: number): number {
  const at = process.argv.indexOf(`--${name}`)
  return Number(at < 0 ? (process.env[name.toUpperCase()] ?? otherwise) : process.argv[at + 1])
}
const EDITS = option('edits', 300)
const SEED = option('seed', 1)

const opened: { data?: ProjectData } = {}
async function projectData(): Promise<ProjectData> {
  opened.data ??= await ProjectData.open()
  return opened.data
}
test.after(() => opened.data?.close())

const RELATIONS: readonly Relation[] = SOURCES.map(({ name, columns }) => ({
  schema: 'source',
  name: name.slice(7),
  columns,
}))
const SOURCE_NODES: MemoryProject = {
  nodes: Object.fromEntries(
    Object.entries(randomProject(0, new Map()).project.nodes).filter(([id]) => id.startsWith('source.')),
  ),
}

interface Side {
  readonly sql: string
  readonly columns: readonly string[]
}

interface Edit {
  readonly old: Side
  readonly now: Side
  /** Columns with equal name and type. */
  readonly common: readonly string[]
}

/** Null when the edit does nothing, or one of the queries means nothing. */
async function randomEdit(seed: number): Promise<Edit | null> {
  const decisions = new Decisions(seed)
  const old = queryOf(decisions, SOURCES).sql
  const now = queryOf(
    new Decisions(
      seed,
      editedSalts(new Decisions(seed, new Map(), 'edit'), new Map(), [...new Set(decisions.visited)]),
    ),
    SOURCES,
  ).sql
  if (old === now) return null
  const engine = await analysisEngine()
  const [before, after] = await engine.describe([old, now].map((sql) => ({ statements: [sql], relations: RELATIONS })))
  if (before?.kind !== 'columns' || after?.kind !== 'columns') return null
  const types = new Map(before.columns.map((c) => [c.name, c.type]))
  const side = (sql: string, columns: readonly Column[]): Side => ({ sql, columns: columns.map((c) => c.name) })
  const [was, is] = [side(old, before.columns), side(now, after.columns)]
  return { old: was, now: is, common: after.columns.filter((c) => types.get(c.name) === c.type).map((c) => c.name) }
}

const tupleOf = (columns: readonly string[]): string =>
  columns.length === 0 ? '1' : columns.map((c) => `"${c}"`).join(', ')

/** Tuples of the output of which the plans say that the edit does not touch them: the plan of each, or that of all columns. */
async function unaffected({ old, now, common }: Edit, seed: number): Promise<readonly (readonly string[])[]> {
  const one = common[seed % Math.max(1, common.length)]
  const tuples = [common, [], ...(one === undefined || common.length < 2 ? [] : [[one]])]
  const ways = [await unaffectedByOwnPlans(old.sql, now.sql, tuples), await unaffectedByOnePlan(old, now, tuples)]
  return tuples.filter((_, i) => ways.some((isSame) => isSame[i]))
}

async function unaffectedByOnePlan(
  old: Side,
  now: Side,
  tuples: readonly (readonly string[])[],
): Promise<readonly boolean[]> {
  const plans = new Plans(analysisEngine, noCache, new Map())
  const query = { relations: RELATIONS, settings: {} }
  const answers: boolean[] = []
  for (const columns of tuples) {
    const sides = [old, now].map((side) => ({ query: { ...query, ...side }, columns }))
    const [a, b] = sides
    answers.push(a !== undefined && b !== undefined && (await plans.equal('', a, b)) === true)
  }
  return answers
}

async function unaffectedByOwnPlans(
  old: string,
  now: string,
  tuples: readonly (readonly string[])[],
): Promise<readonly boolean[]> {
  const engine = await analysisEngine()
  const ask = async (sql: string) =>
    (
      await engine.plans(
        tuples.map((t) => ({ sql: `SELECT ${tupleOf(t)} FROM (\n${sql}\n) AS q`, relations: RELATIONS })),
      )
    ).map((p) => planForm(p)?.form)
  const [before, after] = [await ask(old), await ask(now)]
  return tuples.map((_, i) => before[i] !== undefined && before[i] === after[i])
}

test('No tuple of a query changes that an edit of the query is said not to touch', async () => {
  const data = await projectData()
  await data.contents(SOURCE_NODES)
  let [edits, claims] = [0, 0]
  for (let seed = SEED * 1_000_000; edits < EDITS; seed++) {
    const edit = await randomEdit(seed)
    if (edit === null) continue
    edits++
    const tuples = await unaffected(edit, seed)
    claims += tuples.length
    const differing = tuples.length === 0 ? [] : await data.differing(edit.old.sql, edit.now.sql, tuples.map(tupleOf))
    assert.equal(differing, [], `seed ${seed}: these differ after the edit\n  ${edit.old.sql}\n  ${edit.now.sql}`)
  }
  assert.ok(claims > EDITS / 2, `only ${claims} claims were made and checked`)
})

/** What an execution fingerprint takes from a node's record. */
const recordOf = (node: ManifestNode): string =>
  JSON.stringify([node.definition_fingerprint, node.inputs.map((i) => [i.ref, i.fingerprint])])

interface Version {
  readonly salts: Salts
  readonly manifest: Manifest
}

/** As after a partial run: some nodes are at the version of another manifest. */
function mixture(d: Decisions, a: Manifest, b: Manifest): Manifest {
  const other = new Map(b.nodes.map((n) => [n.id, n]))
  return { ...a, nodes: a.nodes.map((n) => (d.chance(`take ${n.id}`, 50) ? (other.get(n.id) ?? n) : n)) }
}

/** The manifest that the next version is compared with: the last, an earlier one, a mixture, or none. */
function baseOf(d: Decisions, history: readonly Version[]): Manifest | null {
  const last = history.at(-1)?.manifest
  if (last === undefined || d.chance('cold', 8)) return null
  const chosen = d.chance('earlier', 20) ? d.pick('which', history).manifest : last
  return d.chance('partial', 30) ? mixture(d, chosen, d.pick('with', history).manifest) : chosen
}

function nextSalts(d: Decisions, seed: number, history: readonly Version[]): Salts {
  const last = history.at(-1)
  if (last === undefined) return new Map()
  if (history.length > 1 && d.chance('revert', 25)) return d.pick('to', history).salts
  return editedSalts(d, last.salts, randomProject(seed, last.salts).paths)
}

test('Nodes with equal fingerprints have equal rows, through edits, reverts, partial runs and cold compiles', async () => {
  const data = await projectData()
  let [compiles, carried] = [0, 0]
  for (let seed = SEED * 1000; compiles < EDITS / 3; seed++) {
    const rows = new Map<string, string>()
    const history: Version[] = []
    for (let step = 0; step < 8; step++) {
      const d = new Decisions(seed, new Map(), `step ${step}`)
      const salts = nextSalts(d, seed, history)
      const { project } = randomProject(seed, salts)
      const contents = await data.contents(project).catch(() => null)
      if (contents === null) break
      const { manifest, diff } = await diffed(project, baseOf(d, history))
      compiles++
      for (const node of manifest.nodes) {
        const made = contents.get(node.id)
        if (made === undefined) continue
        if (!diff.execute.some((e) => e.node === node.id)) carried++
        const known = rows.get(recordOf(node)) ?? made
        assert.is(
          made,
          known,
          `seed ${seed}, step ${step}: rows of ${node.id}\n${JSON.stringify(project.nodes, null, 1)}`,
        )
        rows.set(recordOf(node), made)
      }
      history.push({ salts, manifest })
    }
  }
  assert.ok(carried > compiles / 2, `only ${carried} nodes were carried over`)
})

test.run()
