// A project whose sources are tables of a database of the test server.

import type { TestDatabase } from './postgres.ts'
import { tempProject } from './temp.ts'

/** Text of a profile with the connection `warehouse`; the password comes from the environment. */
export const profileOf = ({ host, port, database, user }: TestDatabase, more = ''): string => `connections:
  warehouse:
    type: postgresql
    host: ${host}
    port: ${port}
    database: ${database}
    user: ${user}
    password: \${WAREHOUSE_PASSWORD}
${more}`

export const sourceOf = (name: string, fields: string): string =>
  `kind: source\nname: ${name}\nsource: postgresql\n${fields}`

export const transformOf = (name: string, inputs: readonly string[], sql: string): string =>
  `kind: transform\nname: ${name}\ninputs: [${inputs.map((ref) => `{ref: ${ref}}`).join(', ')}]\ntransform: |\n  ${sql.replaceAll('\n', '\n  ')}\n`

/** A project with a profile for `db`. */
export const databaseProject = (db: TestDatabase, files: Readonly<Record<string, string>>): string =>
  tempProject({
    'seeknal_project.yml': 'name: shop\nversion: "1.0.0"\n',
    'profiles.yml': profileOf(db),
    ...files,
  })

export const passwordOf = ({ password }: TestDatabase): { readonly env: Record<string, string> } => ({
  env: { WAREHOUSE_PASSWORD: password },
})
