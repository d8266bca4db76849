/**
 * What a user downloads, installs and loads has a budget. The numbers stand here and nowhere else; raising one is a
 * decision that a review sees. Sizes are of the built package: `npm test` builds first.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ROOT, textOf } from './sources.ts'

const KIB = 1024

/** Each leaves some room above what it was when it was set: 582 KiB, 3124 KiB, 22 packages of 15.0 MiB (6.2 of them zod, 1.5 undici), 86 KiB in 32 modules. */
const BUDGET = {
  tarballBytes: 880 * KIB,
  unpackedBytes: 4600 * KIB,
  /** Packages that every installation gets, indirect ones included; optional native ones are not counted. */
  installedPackages: 22,
  installedBytes: 16 * 1024 * KIB,
  /** All modules that `import('waton')` loads of its own. */
  entryBytes: 120 * KIB,
  entryModules: 48,
}

interface LockedPackage {
  readonly dev?: boolean
  readonly optional?: boolean
  readonly devOptional?: boolean
}

/** Folders of the packages that an installation of waton brings along. */
function installedFolders(): readonly string[] {
  const lock = JSON.parse(textOf('package-lock.json')) as {
    readonly packages: Readonly<Record<string, LockedPackage>>
  }
  return Object.entries(lock.packages)
    .filter(
      ([path, entry]) =>
        path !== '' && entry.dev !== true && entry.optional !== true && entry.devOptional !== true,
    )
    .map(([path]) => path)
}

function folderBytes(folder: string): number {
  return readdirSync(folder, { withFileTypes: true }).reduce((sum, entry) => {
    if (entry.name === 'node_modules') return sum
    const path = join(folder, entry.name)
    return sum + (entry.isDirectory() ? folderBytes(path) : statSync(path).size)
  }, 0)
}

/** A module of `dist` and all that it imports statically. */
function loadedModules(entry: string, seen: Set<string> = new Set()): ReadonlySet<string> {
  if (seen.has(entry)) return seen
  seen.add(entry)
  const text = readFileSync(entry, 'utf8')
  for (const [, specifier] of text.matchAll(/^(?:import|export)\b[^'"]*['"](\.[^'"]+)['"]/gm)) {
    if (specifier !== undefined) loadedModules(resolve(dirname(entry), specifier), seen)
  }
  return seen
}

describe('the package', () => {
  it('is downloaded and unpacked within its budget', () => {
    const args = ['pack', '--dry-run', '--json', '--ignore-scripts']
    const output = execFileSync('npm', args, {
      cwd: ROOT,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const [packed] = JSON.parse(output) as readonly { readonly size: number; readonly unpackedSize: number }[]
    expect(packed?.size).toBeLessThanOrEqual(BUDGET.tarballBytes)
    expect(packed?.unpackedSize).toBeLessThanOrEqual(BUDGET.unpackedBytes)
    expect(packed?.size).toBeGreaterThan(BUDGET.tarballBytes / 2)
  }, 60_000)

  it('brings along few packages, and small ones', () => {
    const folders = installedFolders()
    expect(folders.length).toBeLessThanOrEqual(BUDGET.installedPackages)
    const bytes = folders.reduce((sum, folder) => sum + folderBytes(join(ROOT, folder)), 0)
    expect(bytes).toBeLessThanOrEqual(BUDGET.installedBytes)
    expect(bytes).toBeGreaterThan(BUDGET.installedBytes / 4)
  })

  it('loads little when it is imported', () => {
    const entry = join(ROOT, 'dist/index.js')
    expect(existsSync(entry), 'run `npm run build` first').toBe(true)
    const modules = [...loadedModules(entry)]
    const bytes = modules.reduce((sum, path) => sum + statSync(path).size, 0)
    expect(modules.length).toBeLessThanOrEqual(BUDGET.entryModules)
    expect(bytes).toBeLessThanOrEqual(BUDGET.entryBytes)
    expect(modules.length).toBeGreaterThan(5)
  })
})
