import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ROOT, textOf } from './sources.ts'

const HEADINGS = new Set(['Added', 'Changed', 'Fixed', 'Docs', 'Tests'])
const ENTRY = /^- \[(?<domain>[a-z-]+)\] (?<module>[\w./-]+): (?<outcome>\S.*)$/

const lines = textOf('CHANGELOG.md').split('\n')

/** Modules are named from `src`, everything else from the root. */
function moduleExists(module: string): boolean {
  return [`src/${module}`, `src/${module}.ts`, module].some((path) => existsSync(join(ROOT, path)))
}

describe('the changelog', () => {
  it('begins with what is not released yet', () => {
    expect(lines.find((line) => line.startsWith('## '))).toBe('## Unreleased')
  })

  it('has only the known kinds of changes', () => {
    const headings = lines.filter((line) => line.startsWith('### ')).map((line) => line.slice(4))
    expect(headings.filter((heading) => !HEADINGS.has(heading))).toEqual([])
  })

  it('names domain, module and outcome in every entry', () => {
    expect(lines.filter((line) => line.startsWith('- ') && !ENTRY.test(line))).toEqual([])
  })

  it('names modules that exist', () => {
    const modules = lines.flatMap((line) => ENTRY.exec(line)?.groups?.['module'] ?? [])
    expect(modules.filter((module) => !moduleExists(module))).toEqual([])
  })
})
