// Columns of source files as the engine sniffs them, and types that are kept when nothing is lost by it.

import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { observeFiles } from '../../../../runtime/engines/duckdb/observe.ts'
import { rowsOf } from '../../../support/duckdb.ts'
import { suite } from '../../../support/suite.ts'
import { tempProject } from '../../../support/temp.ts'

const test = suite('duckdb observe')

const FOLDER = tempProject({
  'data/a.csv': 'id,amount,day,code\n1,2.50,2026-03-01,007\n2,3,2026-03-02,010\n',
  'data/empty.csv': 'id,amount\n1,\n',
  'data/a.jsonl': '{"id": 1, "tags": ["x"]}\n',
  'data/case.jsonl': '{"Id": 1}\n{"ID": 2}\n{"id": 3}\n',
  'data/unnamed.jsonl': '{"": 1, "v": 2}\n',
  'data/phones.jsonl': '{"phone": 1, "phone_1": 2, "C0": 3}\n{"phone": 4}\n',
  'data/bad.json': '{"id": 1}\n{"id":',
})

async function observed(call: string, expected: Readonly<Record<string, string>> = {}): Promise<string> {
  const [answer] = await observeFiles(FOLDER, [{ call: call.replace('DATA', join(FOLDER, 'data')), expected }])
  if (answer?.kind === 'error') return `error: ${answer.message}`
  return answer?.kind === 'columns' ? answer.columns.map((c) => `${c.name} ${c.type}`).join(', ') : 'absent'
}

test('files are sniffed with the options of the reader', async () => {
  assert.is(await observed("read_csv('DATA/a.csv')"), 'id BIGINT, amount DOUBLE, day DATE, code VARCHAR')
  assert.is(
    await observed("read_csv('DATA/a.csv', all_varchar = true)"),
    'id VARCHAR, amount VARCHAR, day VARCHAR, code VARCHAR',
  )
  assert.is(await observed("read_json('DATA/a.jsonl')"), 'id BIGINT, tags VARCHAR[]')
  await rowsOf(`COPY (SELECT 1::SMALLINT AS id) TO '${FOLDER}/data/a.parquet'`)
  assert.is(await observed("read_parquet('DATA/*.parquet')"), 'id SMALLINT')
})

test('a key of JSON that the reader had to give another name is an error: its values would be lost', async () => {
  const seen = async (file: string) => {
    const call = (options: string) => `read_json('${join(FOLDER, 'data', file)}'${options})`
    const byName = (types: object) => call(`, columns = {${Object.keys(types).map((name) => `'${name}': 'JSON'`)}}`)
    const [answer] = await observeFiles(FOLDER, [{ call: call(''), byName, expected: {} }])
    return answer?.kind === 'error' ? answer.message : JSON.stringify(answer)
  }
  assert.match(await seen('case.jsonl'), /differ at most in letter case \(the engine calls one of them 'ID_1'\)/)
  assert.match(await seen('unnamed.jsonl'), /one of its keys is empty/)
  assert.match(await seen('phones.jsonl'), /"phone_1".*"C0"/)
})

test('an expected type is kept when every value can be read so without loss', async () => {
  const call = "read_csv('DATA/a.csv')"
  assert.is(
    await observed(call, { ID: 'VARCHAR', amount: 'DECIMAL(18,2)', day: 'TIMESTAMP' }),
    'id VARCHAR, amount DECIMAL(18,2), day TIMESTAMP, code VARCHAR',
  )
  assert.is(
    await observed(call, { amount: 'BIGINT', day: 'INTEGER', id: 'nonsense' }),
    'id BIGINT, amount DOUBLE, day DATE, code VARCHAR',
  )
  assert.is(await observed("read_csv('DATA/empty.csv')", { amount: 'DOUBLE' }), 'id BIGINT, amount DOUBLE')
})

test('absent files and unreadable ones are told apart, without absolute paths', async () => {
  assert.is(await observed("read_csv('DATA/none*.csv')"), 'absent')
  const message = await observed("read_json('DATA/bad.json')")
  assert.match(message, /^error: .*data\/bad\.json/)
  assert.not.ok(message.includes(FOLDER), message)
})

test('nothing outside the folder can be read', async () => {
  assert.match(await observed("read_text('/etc/passwd')"), /^error/)
})

test.run()
