// Prints the digest of every golden bundle as JSON: run in another time zone and locale by test/determinism.test.ts.

import { goldenBundle, goldenCases } from '../support/golden.ts'

const digests: Record<string, string> = {}
for (const golden of goldenCases()) digests[golden.name] = (await goldenBundle(golden)).contract.digest
process.stdout.write(JSON.stringify({ digests, hour: new Date(Date.UTC(2026, 0, 1)).getHours() }))
process.exit(0)
