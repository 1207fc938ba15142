import { appendFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { appendLine, openJournal, readLines } from '../../runtime/journal.ts'
import { openStore } from '../../runtime/store/store.ts'
import { run, shop, shopProject } from '../support/runtime-project.ts'
import { suite } from '../support/suite.ts'
import { tempFolder } from '../support/temp.ts'

const test = suite('journal')

test('A run leaves a journal of what it did', async () => {
  const project = shopProject()
  const { runId } = await run(project, shop())
  const entries = readLines(join(project, `target/journal/${runId}.jsonl`)) as { kind: string; node?: string }[]
  assert.equal(
    entries.map((entry) => entry.kind),
    ['started', 'step', 'step', 'step', 'step', 'step', 'ended'],
  )
})

test('Entries that are appended at once are all on disk, in order', async () => {
  const store = openStore(tempFolder('journal'))
  const journal = openJournal(store, 'run-1')
  await Promise.all(
    Array.from({ length: 20 }, (_, i) => journal.append({ kind: 'ended', outcome: String(i), generation: null })),
  )
  await journal.close()
  const entries = readLines(journal.path) as { outcome: string }[]
  assert.equal(
    entries.map((entry) => entry.outcome),
    Array.from({ length: 20 }, (_, i) => String(i)),
  )
})

test('A line that a crash tore is left out, and the next one starts afresh', () => {
  const file = join(tempFolder('journal'), 'x.jsonl')
  appendLine(file, { a: 1 })
  appendFileSync(file, '{"a": 2')
  assert.equal(readLines(file), [{ a: 1 }])
  appendLine(file, { a: 3 })
  assert.equal(readLines(file), [{ a: 1 }, { a: 3 }])
  assert.ok(readFileSync(file, 'utf8').endsWith('\n'))
})

test.run()
