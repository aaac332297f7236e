/**
 * Makes the dashboard page: one file with its script and style inside, so that it needs no further
 * requests but those for figures.
 *
 *   import { buildDashboard } from './build-dashboard.mjs'
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'

const FOLDER = 'src/monitor/dashboard/page'

/**
 * @param {string} root of the tree
 * @returns {Promise<string>} the page
 */
export async function buildDashboard(root) {
  const folder = join(root, FOLDER)
  const made = await build({
    absWorkingDir: root,
    entryPoints: [join(folder, 'main.ts'), join(folder, 'style.css')],
    outdir: 'out',
    write: false,
    bundle: true,
    minify: true,
    format: 'iife',
    platform: 'browser',
    target: 'es2022',
    charset: 'utf8',
    legalComments: 'none',
    logLevel: 'warning',
    tsconfig: join(folder, 'tsconfig.json'),
  })
  const textOf = (ending) => made.outputFiles.find(({ path }) => path.endsWith(ending)).text
  const page = readFileSync(join(folder, 'index.html'), 'utf8')
  // A function: the texts may have `$` in them.
  return page
    .replace('/* style */', () => textOf('.css').trim())
    .replace('/* script */', () => textOf('.js').trim().replaceAll('</script', '<\\/script'))
}
