// Prints the digest of every golden bundle as JSON, compiled from copies of the projects below a folder of its own: run
// in another time zone and locale by test/determinism.test.ts.

import { goldenBundle, goldenCases, projectOf } from '../support/golden.ts'

const digests: Record<string, string> = {}
for (const golden of goldenCases())
  digests[golden.name] = (await goldenBundle(golden, projectOf(golden))).contract.digest
process.stdout.write(
  JSON.stringify({ digests, sorted: ['z', 'ä', 'a'].sort((a, b) => a.localeCompare(b)), hour: new Date(Date.UTC(2026, 0, 1)).getHours() }),
)
process.exit(0)
