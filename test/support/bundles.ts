// A bundle made by hand, small and valid: two nodes, one step a node. For tests of what reads and writes bundles.

import { BUNDLE_FORMAT, type Bundle, type BundleFile, sealed } from '../../runtime/contract/bundle.ts'
import { byCodeUnit, fingerprintOf, prettyJson, sha256 } from '../../runtime/contract/canonical-json.ts'
import type { Diff } from '../../runtime/contract/diff.ts'
import { columnsFingerprint, type Manifest, type ManifestNode } from '../../runtime/contract/manifest.ts'

const node = (id: string, inputs: readonly string[], sql: string): ManifestNode => {
  const columns = [{ name: 'a', type: 'INTEGER' }]
  return {
    id,
    kind: id.split('.')[0] ?? '',
    name: id.split('.')[1] ?? '',
    file: `seeknal/${id}.yml`,
    tags: [],
    definition: { sql },
    definition_fingerprint: fingerprintOf({ sql }),
    inputs: inputs.map((ref) => ({ ref, fingerprint: fingerprintOf(ref), covers: null, reads: null })),
    columns,
    columns_fingerprint: columnsFingerprint(columns),
    lineage: null,
    reproducibility: { clock: false, volatile: [], order_dependent: [] },
    parameters: [],
    sql,
  }
}

export const smallManifest: Manifest = {
  format: 'seeknal.manifest/1',
  project: { name: 'small', version: '1.0.0' },
  engine: 'duckdb',
  dialect: 'duckdb',
  settings: {},
  nodes: [
    node('transform.first', [], 'SELECT 1 AS a'),
    node('transform.second', ['transform.first'], 'SELECT a FROM transform.first'),
  ],
}

const emptyDiff: Diff = {
  format: 'seeknal.diff/1',
  has_base: false,
  changes: [],
  execute: [],
  summary: { breaking: 0, non_breaking: 0, metadata: 0, added: 0, removed: 0, execute: 0 },
}

const stepFiles = {
  'apply/transform.first.sql':
    "COPY (\nSELECT 1 AS a\n) TO (getvariable('outputs') || '/transform_first.parquet') (FORMAT parquet, PARQUET_VERSION v2);\n",
  'apply/transform.second.sql':
    "CREATE SCHEMA IF NOT EXISTS transform;\nCREATE OR REPLACE VIEW transform.first AS\nFROM read_parquet(getvariable('outputs') || '/transform_first.parquet');\n\nCOPY (\nSELECT a FROM transform.first\n) TO (getvariable('outputs') || '/transform_second.parquet') (FORMAT parquet, PARQUET_VERSION v2);\n",
}

export const smallFiles: Readonly<Record<string, string>> = {
  'apply.sql': '-- nothing\n',
  'diff.json': prettyJson(emptyDiff),
  'manifest.json': prettyJson(smallManifest),
  'prelude.sql': '-- nothing\n',
  'review.md': '# small\n',
  'types.ts': 'export {}\n',
  ...stepFiles,
}

const step = (id: string, inputs: readonly string[]): BundleFile['steps'][number] => ({
  id,
  kind: 'build',
  node: id,
  inputs: inputs.map((input) => ({ node: input, from: 'bundle' })),
  output: { relation: id, file: `${id.replace('.', '_')}.parquet` },
  file: `apply/${id}.sql`,
  depends_on: [...inputs],
  category: 'new',
  reasons: ['new'],
})

const contract: Omit<BundleFile, 'files' | 'digest'> = {
  format: BUNDLE_FORMAT,
  project: smallManifest.project,
  environment: null,
  prefix: '',
  engine: { name: 'duckdb', from: '1.5.0', before: '1.6.0' },
  dialect: 'duckdb',
  settings: {},
  base: null,
  requires: { connections: [], parameters: [], optional: [] },
  steps: [step('transform.first', []), step('transform.second', ['transform.first'])],
  promote: { replace: ['transform.first', 'transform.second'], remove: [], read: [] },
  namespaces: [],
}

/** The small bundle; with changes to its contract or files, and digests that fit them. */
export function smallBundle(
  change: { readonly contract?: Partial<typeof contract>; readonly files?: Readonly<Record<string, string>> } = {},
): Bundle {
  const files = Object.entries({ ...smallFiles, ...change.files }).sort(([a], [b]) => byCodeUnit(a, b))
  const unsigned = {
    ...contract,
    ...change.contract,
    files: Object.fromEntries(files.map(([path, text]) => [path, sha256(text)])),
  }
  const signed = sealed(unsigned)
  return { contract: signed.contract, files: new Map([['bundle.json', signed.text], ...files]) }
}
