// node raw-sql.js SQL: one statement on the DuckDB client, as fast as the engine does it.

import { DuckDBInstance } from '@duckdb/node-api'

const instance = await DuckDBInstance.create(':memory:')
const connection = await instance.connect()
await connection.run(process.argv[2] ?? '')
connection.closeSync()
