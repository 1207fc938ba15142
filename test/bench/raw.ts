// Runs a bundle's apply.sql through the DuckDB client and nothing else: what the benchmark compares `seeknal run` with.
//   node dist-test/bench/raw.js BUNDLE DATA OUTPUTS [MEMORY_LIMIT]

import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'

const [bundle = '', data = '', outputs = '', memoryLimit] = process.argv.slice(2)
mkdirSync(outputs, { recursive: true })
const settings = memoryLimit === undefined ? {} : { memory_limit: memoryLimit, temp_directory: `${outputs}/.tmp` }
const connection = await (await DuckDBInstance.create(':memory:', settings)).connect()
await connection.run(`SET VARIABLE data = '${data}'; SET VARIABLE outputs = '${outputs}'`)
const statements = await connection.extractStatements(readFileSync(join(bundle, 'apply.sql'), 'utf8'))
for (let i = 0; i < statements.count; i++) {
  const prepared = await statements.prepare(i)
  await prepared.run()
}
connection.closeSync()
