// Queries of DuckDB's dialect for an engine that has another one: not translated yet, and said so by name. Pure.

import type { TranslateQueries } from '../ports.ts'

export const translateQueries: TranslateQueries = async (requests) =>
  requests.map(({ sql }) => ({
    kind: 'refused',
    findings: [
      {
        message: "SQL in DuckDB's dialect is not supported yet on the engine PostgreSQL.",
        hints: ["Write the query in PostgreSQL's own SQL, and 'dialect: postgresql' in the node or in the project."],
        start: 0,
        end: sql.length,
      },
    ],
  }))
