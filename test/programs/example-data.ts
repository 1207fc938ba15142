// Writes the data files of the example project: node dist-test/programs/example-data.js

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { exampleData } from '../support/example-data.ts'

const folder = 'templates/example/ecommerce/data'
mkdirSync(folder, { recursive: true })
for (const [name, text] of Object.entries(exampleData())) writeFileSync(join(folder, name), text)
