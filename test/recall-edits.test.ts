// The law of a compile that takes over what the last one made: whatever was edited since, its result is that of a compile of
// everything, byte for byte. More edits: the environment variables EDITS and SEED.

import * as assert from 'uvu/assert'
import { ProjectCache } from '../compiler/cli/project-cache.ts'
import { ResultFiles } from '../compiler/cli/result-files.ts'
import { type Compiled, type CompileInput, compile } from '../compiler/compile.ts'
import { pastOf } from '../compiler/past.ts'
import { type CompileCache, noDatabases, type ObserveSources } from '../compiler/ports.ts'
import { recallOrCompile } from '../compiler/recall.ts'
import { environmentName } from '../runtime/contract/ids.ts'
import type { Manifest } from '../runtime/contract/manifest.ts'
import { analysisEngine } from './support/analysis.ts'
import { EditedProject } from './support/edited-project.ts'
import { seeded } from './support/random.ts'
import { suite } from './support/suite.ts'
import { tempFolder } from './support/temp.ts'

const test = suite('recall edits')
const EDITS = Number(process.env.EDITS ?? 24)
const SEED = Number(process.env.SEED ?? 1)

const observe: ObserveSources = async (requests) => requests.map(() => ({ kind: 'absent' }))

/** As each command opens it; `onLoad` is told of every file that is read. */
function opened(folder: string, onLoad: () => void): CompileCache & { save(): void } {
  const cache = new ProjectCache(folder, 'test', 0)
  const told = (inner: CompileCache): CompileCache => ({
    get(key) {
      if (key.startsWith('load/')) onLoad()
      return inner.get(key)
    },
    set: (key, value) => inner.set(key, value),
  })
  return { ...told(cache), withoutReading: () => told(cache.withoutReading()), save: () => cache.save() }
}

const whole = opened(tempFolder(), () => {})

type Asked = Pick<CompileInput, 'files' | 'environment' | 'base'> & Partial<CompileInput>

const inputOf = (asked: Asked, cache: CompileCache): CompileInput => ({
  ...{ params: {}, engine: analysisEngine, observe, ...noDatabases, cache, acceptSources: false },
  ...asked,
})

/** All that a command sees, in an order that does not matter. */
const shown = ({ bundle, ...compiled }: Compiled): unknown => {
  const { lock, size, diagnostics, manifest } = compiled
  const all = { lock, size, diagnostics, manifest, contract: bundle?.contract, diff: bundle?.diff }
  return JSON.parse(JSON.stringify({ ...all, base: bundle?.base, files: [...(bundle?.files ?? [])].sort() }))
}

/** Compiles over what is kept; `cones` counts those that read some of the files only. */
class Slot {
  readonly #folder = tempFolder()
  readonly #results = new ResultFiles(tempFolder(), 'test')
  cones = 0

  async compile(asked: Asked): Promise<Compiled> {
    let read = 0
    const cache = opened(this.#folder, () => {
      read += 1
    })
    const compiled = await recallOrCompile({
      ...inputOf(asked, cache),
      past: asked.base && pastOf(asked.base),
      results: this.#results,
      beginEngine: async () => {},
    })
    this.#results.save()
    cache.save()
    const files = asked.files.filter(({ path }) => path.endsWith('.yml')).length
    if (read > 0 && read < files) this.cones += 1
    return compiled
  }
}

interface Sequence {
  readonly kind: 'production without a past' | 'production' | 'an environment'
  readonly edits: number
  readonly transforms?: number
}

/** Says after how many edits some of the files only were read. */
async function follow({ kind, edits, transforms }: Sequence): Promise<number> {
  const random = seeded(SEED * 1000 + kind.length)
  const project = new EditedProject(random, transforms)
  const slot = new Slot()
  const environment = kind === 'an environment' ? (environmentName('dev') ?? null) : null
  let base: Manifest | null = null
  const done: string[] = []
  for (let i = 0; i < edits; i++) {
    const asked = { files: project.files, environment, base }
    const expected = await compile(inputOf(asked, whole))
    const found = await slot.compile(asked)
    assert.equal(shown(found), shown(expected), `after ${done.slice(-5).join('; ')} (${i})`)
    if (kind !== 'production without a past' && expected.manifest !== null && (i === 0 || random.chance(0.1)))
      base = expected.manifest
    done.push(project.edit())
  }
  return slot.cones
}

for (const kind of ['production without a past', 'production', 'an environment'] as const)
  test(`${kind}: after any edits, what is compiled over the last result is what all files compile to`, async () => {
    const cones = await follow({ kind, edits: EDITS })
    // In other sequences there may be a mistake all the time.
    if (SEED === 1) assert.ok(cones > EDITS / 8, `only ${cones} compiles took something over`)
  })

// More nodes than are written together (runtime/contract/canonical-json.ts).
test('So it is in a project of hundreds of nodes', async () => {
  const cones = await follow({ kind: 'production', edits: Math.ceil(EDITS / 6), transforms: 210 })
  if (SEED === 1) assert.ok(cones > 0, 'no compile took something over')
})

test.run()
