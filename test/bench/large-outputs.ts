// Makes the outputs of production as large as one likes without the time and the disk that they would take: a Parquet
// file stays what it is when a hole comes between its rows and its footer, since offsets count from the beginning.

import { createHash } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  ftruncateSync,
  linkSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { prettyJson, sha256 } from '../../runtime/contract/canonical-json.ts'
import type { NodeState, RunState } from '../../runtime/contract/state.ts'

const TAIL_BYTES = 8

/** Every output of the one generation of `project` gets `bytes` more; gives what they all hold then. */
export function enlargeOutputs(project: string, bytes: number): number {
  const target = join(project, 'target')
  const generation = join(target, readlinkSync(join(target, 'current')))
  const state: RunState = JSON.parse(readFileSync(join(generation, 'run_state.json'), 'utf8'))
  const digests = new Map<string, Pick<NodeState['snapshot'], 'sha256' | 'size_bytes'>>()
  for (const name of readdirSync(join(generation, 'intermediate'))) {
    const file = join(generation, 'intermediate', name)
    const before = sha256(readFileSync(file))
    const after = digests.get(before) ?? enlarged(join(target, 'snapshots'), before, bytes)
    digests.set(before, after)
    rmSync(file)
    linkSync(join(target, 'snapshots', `${after.sha256}.parquet`), file)
  }
  const renewed = <State extends Pick<NodeState, 'snapshot'>>(node: State): State => ({
    ...node,
    snapshot: { ...node.snapshot, ...digests.get(node.snapshot.sha256) },
  })
  const nodes = Object.fromEntries(Object.entries(state.nodes).map(([id, node]) => [id, renewed(node)]))
  const text = prettyJson({ ...state, nodes })
  const record = JSON.parse(readFileSync(join(generation, 'generation.json'), 'utf8'))
  writeFileSync(join(generation, 'run_state.json'), text)
  writeFileSync(join(generation, 'generation.json'), prettyJson({ ...record, run_state: sha256(text) }))
  for (const name of readdirSync(join(target, 'index'))) {
    const entry = join(target, 'index', name)
    writeFileSync(entry, prettyJson(renewed(JSON.parse(readFileSync(entry, 'utf8')))))
  }
  return Object.values(nodes).reduce((sum, node) => sum + node.snapshot.size_bytes, 0)
}

function enlarged(folder: string, digest: string, bytes: number) {
  const old = join(folder, `${digest}.parquet`)
  const content = readFileSync(old)
  const footer = content.length - TAIL_BYTES - content.readUInt32LE(content.length - TAIL_BYTES)
  const aside = join(folder, 'enlarged')
  const file = openSync(aside, 'w+')
  writeSync(file, content.subarray(0, footer))
  ftruncateSync(file, footer + bytes)
  writeSync(file, content.subarray(footer), 0, content.length - footer, footer + bytes)
  closeSync(file)
  const hash = createHash('sha256').update(readFileSync(aside)).digest('hex')
  linkSync(aside, join(folder, `${hash}.parquet`))
  rmSync(aside)
  rmSync(old)
  chmodSync(join(folder, `${hash}.parquet`), 0o444)
  return { sha256: hash, size_bytes: statSync(join(folder, `${hash}.parquet`)).size }
}
