// Edits of fixtures/edits: what compiler/diff.ts says of each, and, executed before and after on the engine, that every node
// which it leaves alone has the rows that it had.

import { writeFileSync } from 'node:fs'
import * as assert from 'uvu/assert'
import type { Diffed } from '../compiler/diff.ts'
import type { Change } from '../runtime/contract/diff.ts'
import { type EditCase, editFiles, STALE } from './support/edit-cases.ts'
import { diffed } from './support/memory-project.ts'
import { ProjectData } from './support/project-data.ts'
import { suite } from './support/suite.ts'

const test = suite('edits')
const UPDATE = process.env.UPDATE_GOLDEN === '1'

let data: ProjectData | undefined
test.after(() => data?.close())

const short = (id: string): string => id.replace(/^transform\./, '')

const reasonText = ({ code, column }: Change['reasons'][number]): string => (column ? `${code} ${column}` : code)

const changeLine = ({ node, category, reasons, affects }: Change): string =>
  `= ${short(node)} ${category}: ${reasons.map(reasonText).join(', ')}${affects.length > 0 ? ` → ${affects.map(short).join(' ')}` : ''}`

/** What came out, in the words of fixtures/edits. */
function lines({ diff }: Diffed): string[] {
  const nodes = diff.execute.map((e) => `${short(e.node)}${e.maybe ? '?' : ''}`)
  const checked = diff.check === undefined ? [] : [['?', ...diff.check.map(short)].join(' ')]
  return [...diff.changes.map(changeLine), ['>', ...nodes].join(' '), ...checked]
}

/** Every node that does not execute has the rows that it had: executed from scratch, before and after. */
async function checkRows({ name, before, after }: EditCase, result: Diffed): Promise<void> {
  data ??= await ProjectData.open()
  const [old, now] = [await data.contents(before), await data.contents(after)]
  const executes = new Set(result.diff.execute.map((e) => e.node))
  for (const { id } of result.manifest.nodes)
    if (!executes.has(id) && !id.startsWith('source.')) assert.equal(now.get(id), old.get(id), `${name}: rows of ${id}`)
}

async function outcome(edit: EditCase): Promise<Diffed> {
  try {
    return await diffed(edit.after, edit.before)
  } catch (cause) {
    throw new Error(`${edit.name}: ${String(cause)}`, { cause })
  }
}

for (const { path, header, cases } of editFiles()) {
  test(`Every edit in ${path} has its category, its reasons, and only what it touches runs again`, async () => {
    const outcomes: string[] = []
    for (const edit of cases) {
      const result = await outcome(edit)
      const actual = lines(result)
      outcomes.push([`## ${edit.name}`, ...edit.lines.filter((l) => l.trim() !== ''), ...actual, ''].join('\n'))
      if (!UPDATE) assert.equal(actual, edit.expected, `${path}: ${edit.name}`)
      await checkRows(edit, result)
    }
    if (UPDATE) writeFileSync(path, `${header}${outcomes.join('\n')}`)
  })
}

test('The edits that are known to leave stale tables do change the rows of a reader that was not edited', async () => {
  const cases = editFiles().flatMap((file) => file.cases)
  data ??= await ProjectData.open()
  for (const name of STALE) {
    const edit = cases.find((c) => c.name === name)
    if (edit === undefined) throw new Error(`there is no edit '${name}'`)
    const [old, now] = [await data.contents(edit.before), await data.contents(edit.after)]
    assert.is.not(now.get('transform.y'), old.get('transform.y'), name)
  }
})

test('Of very many columns, those are named that an edit touches', async () => {
  const columns = (edit: (i: number) => string) =>
    Array.from({ length: 400 }, (_, i) => `a + ${edit(i)} AS c${i}`).join()
  const wide = (edit: (i: number) => string) => ({
    nodes: {
      'source.t': { columns: { a: 'INTEGER' } },
      'transform.wide': { sql: `SELECT ${columns(edit)} FROM source.t` },
      'transform.last': { sql: 'SELECT c399 FROM transform.wide' },
    },
  })
  const { diff } = await diffed(
    wide((i) => String(i === 7 || i === 390 ? -i : i)),
    wide(String),
  )
  assert.equal(
    diff.changes.map((change) => change.columns_changed),
    [['c390', 'c7']],
  )
  assert.equal(
    diff.execute.map((execution) => execution.node),
    ['transform.wide'],
  )
})

test('There are as many edits as the design asks for', () => {
  assert.ok(editFiles().reduce((sum, file) => sum + file.cases.length, 0) >= 150)
})

test.run()
